"""What all commands share: `--json` anywhere, negative amounts without `--`, one sentence and one exit code on failure.

A module of commands defines `app = App("brand", help="…")` and decorates functions with `@app.command()`; an App
without a name puts its commands at the top level. Heavy imports belong inside the functions.
"""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from console.cli import output
from console.cli.failures import Failure, failure_of

__all__ = ["PASSED_THROUGH", "App", "run"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_NEGATIVE: Final = re.compile(r"-\.?\d.*")
#: Stands for the minus of a number while arguments are parsed, because the parser takes a "-" for an option.
_MINUS: Final = "\N{MINUS SIGN}"

#: Context settings of a command that hands all of its arguments on, `--help` and `--json` included.
PASSED_THROUGH: Final = {"ignore_unknown_options": True, "help_option_names": [], "obj": "passed through"}


class Command(TyperCommand):
    """A command that takes `--json` and negative numbers at any place."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if self.context_settings.get("obj") == PASSED_THROUGH["obj"]:
            return super().parse_args(ctx, ["--", *args])
        own, literal = _split(args)
        if "--json" in own:
            output.want_json()
        parsed = [_protected(arg) for arg in own if arg != "--json"]
        rest = super().parse_args(ctx, parsed + literal)
        ctx.params = {name: _restored(value) for name, value in ctx.params.items()}
        return rest


class Group(TyperGroup):
    """`spendgate --json brand list` is the same as `spendgate brand list --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] == ["--json"]:
            output.want_json()
            args = args[1:]
        return super().parse_args(ctx, args)


class App(typer.Typer):
    """A group of commands, or with no name some commands of the top level."""

    def __init__(self, name: str | None = None, *, help: str = "", panel: str | None = None) -> None:
        super().__init__(
            name=name,
            help=help or None,
            cls=Group,
            no_args_is_help=True,
            add_completion=False,
            rich_help_panel=panel,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[_Function], _Function]:
        return super().command(name, cls=Command, **options)


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Carries out one command line and returns its exit code; nothing that goes wrong shows a traceback."""
    output.want_json(False)
    # What libraries log of a failure is told by its exception too; processes that live on set up logs of their own.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = app(list(arguments), prog_name="spendgate", standalone_mode=False)
        output.flush()
    except typer.TyperException as error:
        return output.failed(_usage(error))
    except typer.Abort:
        return output.failed(Failure(1, "Nothing was done."))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        output.reader_is_gone()
        return 0
    except SystemExit:
        raise
    except BaseException as error:  # a cancelled task of a library, or a group of failures
        return output.failed(failure_of(error))
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> Failure:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return Failure(2, error.format_message())
    command = context.command_path if context else "spendgate"
    said = " ".join(error.format_message().split()).rstrip(".")
    return Failure(error.exit_code, f"{said}: see `{command} --help`.")


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """What stands before `--`, and it with what stands behind."""
    at = args.index("--") if "--" in args else len(args)
    return args[:at], args[at:]


def _protected(arg: str) -> str:
    return _MINUS + arg[1:] if _NEGATIVE.fullmatch(arg) else arg


def _restored(value: Any) -> Any:
    if isinstance(value, str) and _NEGATIVE.fullmatch(value.replace(_MINUS, "-", 1)):
        return value.replace(_MINUS, "-", 1)
    return [_restored(item) for item in value] if isinstance(value, list) else value
