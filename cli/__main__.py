"""`spendgate`: every command, in the order in which its help shows them."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from cli import output
from cli.framework import CommandGroup, run

__all__ = ["main"]

#: Modules of commands by the heading under which the help shows them.
HEADINGS: Final = {
    "Start": ("up",),
    "Catalog": ("brand", "campaign", "schedule", "catalog", "what_if"),
    "Spend and decisions": (
        "spend",
        "spend_ledger",
        "report",
        "snapshots",
        "control",
        "reconcile",
        "dlq",
        "simulate",
        "tasks",
        "replay",
    ),
    "People and programs": ("user", "token", "channel", "notification"),
    "Look": ("status", "doctor", "kafka"),
    "Single processes and set-up": ("processes", "topics", "database"),
}


def application(arguments: Sequence[str] = ()) -> CommandGroup:
    """The application with all commands or, where the first of the arguments is a command, with those of its module
    alone: to make all of them takes a tenth of the CPU of a short command."""
    app = CommandGroup(
        help="Decides within milliseconds of every spend event which ad campaigns may run.", panel="Start"
    )
    app.callback()(_options_of_all)
    for heading, commands in _asked_for(arguments) or _all_commands():
        for command in commands.registered_commands:
            command.rich_help_panel = heading
        app.add_typer(commands, rich_help_panel=heading)
    return app


def _asked_for(arguments: Sequence[str]) -> list[tuple[str, CommandGroup]]:
    """The groups that define the first argument; empty where no module has its name."""
    word = next((it for it in arguments if it != "--json"), "")
    found = [(heading, _commands(word)) for heading, modules in HEADINGS.items() if word in modules]
    return [(heading, commands) for heading, commands in found if word in commands.words]


def _all_commands() -> list[tuple[str, CommandGroup]]:
    return [(heading, _commands(module)) for heading, modules in HEADINGS.items() for module in modules]


def _commands(module: str) -> CommandGroup:
    commands: CommandGroup = import_module(f"cli.{module}").app
    return commands


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        output.show({"version": version("spendgate")}, f"spendgate {version('spendgate')}")
        raise typer.Exit


def _options_of_all(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """What may stand before a command."""


def main() -> None:
    # What a command imports lives on, and is more than all that a short one makes: to look through it for garbage at
    # Python's usual pace takes a quarter of its CPU, at the pace of a process a tenth.
    gc.set_threshold(500_000, 10, 10)
    exit_code = run(application(sys.argv[1:]), sys.argv[1:])
    # At its exit Python looks through everything once more, which takes a quarter of the CPU of a short command.
    gc.freeze()
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
