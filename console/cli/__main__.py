"""`spendgate`: every command, in the order in which its help shows them."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from console.cli.frame import App, run

__all__ = ["main"]

MODULES: Final = (
    "up",
    "brand",
    "campaign",
    "schedule",
    "spend",
    "control",
    "dlq",
    "tasks",
    "status",
    "doctor",
    "processes",
    "topics",
    "kafka",
)


def application() -> App:
    app = App(
        help="Decides within milliseconds of every spend event which ad campaigns may run. Every command takes --json."
    )
    for name in MODULES:
        if find_spec(f"console.cli.{name}"):
            app.add_typer(import_module(f"console.cli.{name}").app)
    return app


def main() -> None:
    sys.exit(run(application(), sys.argv[1:]))


if __name__ == "__main__":
    main()
