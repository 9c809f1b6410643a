"""`spendgate`: every command, in the order in which its help shows them."""

import sys
from importlib import import_module
from typing import Final

from console.cli.frame import App, run

__all__ = ["main"]

#: Modules of commands by the heading under which the help shows them.
HEADINGS: Final = {
    "Start": ("up",),
    "Catalog": ("brand", "campaign", "schedule"),
    "Spend and decisions": ("spend", "spend_ledger", "control", "reconcile", "dlq", "simulate", "tasks", "replay"),
    "People and programs": ("user", "token"),
    "Look": ("status", "doctor", "kafka"),
    "Single processes and set-up": ("processes", "topics"),
}


def application() -> App:
    app = App(help="Decides within milliseconds of every spend event which ad campaigns may run.", panel="Start")
    for heading, modules in HEADINGS.items():
        for module in modules:
            commands: App = import_module(f"console.cli.{module}").app
            for command in commands.registered_commands:
                command.rich_help_panel = heading
            app.add_typer(commands, rich_help_panel=heading)
    return app


def main() -> None:
    sys.exit(run(application(), sys.argv[1:]))


if __name__ == "__main__":
    main()
