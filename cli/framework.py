"""What all commands share: `--json` anywhere, negative amounts without `--`, one sentence and one exit code on failure.

A module of commands defines `app = CommandGroup("brand", help="…")` and decorates functions with `@app.command()`; a
group without a name puts its commands at the top level. Heavy imports belong inside the functions.
"""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cli import output
from cli.environment import advice_on_defaults
from cli.exit_codes import CommandFailure, failure_of
from core.errors import ExitCode

__all__ = ["PASSED_THROUGH", "CommandGroup", "run"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_NEGATIVE: Final = re.compile(r"-\.?\d.*")
#: Stands for the minus of a number while arguments are parsed, because the parser takes a "-" for an option.
_MINUS: Final = "\N{MINUS SIGN}"

#: Context settings of a command that hands all of its arguments on, `--help` and `--json` included.
PASSED_THROUGH: Final = {"ignore_unknown_options": True, "help_option_names": [], "obj": "passed through"}


class _AsTyped:
    """Leaves the value of an option as it was typed. typer would convert it by pydantic, which takes a third of the CPU
    of a short command to import, to make a text of a text."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if param.multiple or param.nargs == -1:
            return [] if value is None else list(value)
        return value


def _as_typed(params: list[Any]) -> list[Any]:
    for it in params:
        if isinstance(it, (TyperOption, TyperArgument)) and it.type_descriptor.annotation in (str, list[str], bool):
            option: TyperOption | TyperArgument = it
            option._runtime_param = cast("Any", _AsTyped())
    return params


class Command(TyperCommand):
    """A command that takes `--json` and negative numbers at any place."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if self.context_settings.get("obj") == PASSED_THROUGH["obj"]:
            return super().parse_args(ctx, ["--", *args])
        own, literal = _split(args)
        if "--json" in own:
            output.set_json()
        parsed = [_mask_minus(arg) for arg in own if arg != "--json"]
        rest = super().parse_args(ctx, parsed + literal)
        ctx.params = {name: _unmask_minus(value) for name, value in ctx.params.items()}
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        return _as_typed(super().get_params(ctx))


class Group(TyperGroup):
    """`spendgate --json brand list` is the same as `spendgate brand list --json`; `--json` may also stand behind
    `--version`."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _as_typed(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        at = next((index for index, arg in enumerate(args) if not arg.startswith("-")), len(args))
        if "--json" in args[:at]:
            output.set_json()
        own = [arg for arg in args[:at] if arg != "--json"]
        return super().parse_args(ctx, own + args[at:])


class CommandGroup(typer.Typer):
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

    @property
    def words(self) -> set[str]:
        """The first words of a command line that asks for one of these commands."""
        if isinstance(self.info.name, str):
            return {self.info.name}
        return {str(it.name or getattr(it.callback, "__name__", "")) for it in self.registered_commands}

    def command(self, name: str | None = None, **options: Any) -> Callable[[_Function], _Function]:
        return super().command(name, cls=Command, **options)


def run(app: typer.Typer | TyperGroup, arguments: Sequence[str]) -> int:
    """Run one command line. Returns its exit code (docs/contract.md, "Exit codes"); a failure is one sentence on
    stderr, without a traceback."""
    output.set_json(False)
    # An exception says what libraries log of a failure; processes configure logs of their own.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = app(list(arguments), prog_name="spendgate", standalone_mode=False)
        output.flush()
    except typer.TyperException as error:
        return output.report_failure(_usage(error))
    except typer.Abort:
        return output.report_failure(CommandFailure(1, "Nothing was done."))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        output.discard_output()
        return 0
    except SystemExit:
        raise
    except BaseException as error:  # a cancelled task of a library, or a group of failures
        return output.report_failure(_advised(failure_of(error)))
    return code if isinstance(code, int) else 0


def _advised(failure: CommandFailure) -> CommandFailure:
    advice = advice_on_defaults() if failure.exit_code == ExitCode.UNREACHABLE else ""
    return failure._replace(sentence=f"{failure.sentence} {advice}".rstrip())


def _usage(error: typer.TyperException) -> CommandFailure:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return CommandFailure(2, error.format_message())
    command = context.command_path if context else "spendgate"
    message = " ".join(error.format_message().split()).rstrip(".")
    return CommandFailure(error.exit_code, f"{message}: see `{command} --help`.")


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """The arguments before `--`, and those from `--` on."""
    at = args.index("--") if "--" in args else len(args)
    return args[:at], args[at:]


def _mask_minus(arg: str) -> str:
    return _MINUS + arg[1:] if _NEGATIVE.fullmatch(arg) else arg


def _unmask_minus(value: Any) -> Any:
    if isinstance(value, str) and _NEGATIVE.fullmatch(value.replace(_MINUS, "-", 1)):
        return value.replace(_MINUS, "-", 1)
    return [_unmask_minus(item) for item in value] if isinstance(value, list) else value
