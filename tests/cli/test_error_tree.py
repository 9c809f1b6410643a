"""Every exception class of the product derives from one root and bears its exit code and HTTP status."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
import typer

from cli.exit_codes import FOREIGN, failure_of
from cli.framework import CommandGroup, run
from core.errors import ExitCode, NotFound, RefusedValue, SpendgateError, TransactionLost, Unreachable

PACKAGES = (
    "core",
    "models",
    "streams",
    "ledger",
    "notifier",
    "schedulers",
    "local",
    "operations",
    "simulation",
    "console",
    "cli",
    "bench",
)
ROOT = Path(__file__).parents[2]
SAYING_NOTHING = ("BaseException", "Exception", "RuntimeError")
#: Alembic runs these; they cannot be imported alone.
RUN_BY_ALEMBIC = ("models.migrations.env", "models.migrations.versions")
#: Their libraries are in environments of their own.
RUN_ELSEWHERE = tuple(f"bench.peer.{name}_program" for name in ("bytewax", "faust", "pathway", "quix"))

#: What a person or a program did wrong has a 4xx status; what only time or an operator can mend has 503.
STATUS_OF_EXIT_CODE = {
    ExitCode.NOT_FOUND: {HTTPStatus.NOT_FOUND},
    ExitCode.REFUSED: {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.UNPROCESSABLE_ENTITY},
    ExitCode.UNREACHABLE: {HTTPStatus.SERVICE_UNAVAILABLE},
    ExitCode.RESTART: {HTTPStatus.INTERNAL_SERVER_ERROR},
}
#: The embedded services are started by `spendgate up` alone: no HTTP answer tells of them.
LOCAL_ONLY = "local."


def modules() -> Iterator[str]:
    for package in PACKAGES:
        yield package
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.startswith(RUN_BY_ALEMBIC + RUN_ELSEWHERE) and not module.name.endswith(".__main__"):
                yield module.name


def exceptions() -> list[type[BaseException]]:
    for name in modules():
        importlib.import_module(name)
    found, left = set(), [BaseException]
    while left:
        for kind in left.pop().__subclasses__():
            if kind not in found:
                found.add(kind)
                left.append(kind)
    return sorted((it for it in found if it.__module__.split(".")[0] in PACKAGES), key=lambda it: it.__qualname__)


def test_every_exception_derives_from_the_root() -> None:
    found = exceptions()
    assert len(found) > 30
    assert [f"{it.__module__}.{it.__qualname__}" for it in found if not issubclass(it, SpendgateError)] == []


def test_exit_code_and_http_status_of_a_class_agree() -> None:
    wrong = [
        (it.__qualname__, it.exit_code, it.http_status)
        for it in exceptions()
        if issubclass(it, SpendgateError)
        and not it.__module__.startswith(LOCAL_ONLY)
        and it.http_status not in STATUS_OF_EXIT_CODE.get(it.exit_code, set(HTTPStatus))
    ]
    assert wrong == []


def test_the_classes_have_every_exit_code_of_a_failure() -> None:
    """0 is no failure, and 2 is what the parser of command lines raises: see the next test."""
    codes = {it.exit_code for it in exceptions() if issubclass(it, SpendgateError)}
    assert codes == set(ExitCode) - {ExitCode.DONE, ExitCode.WRONG_SYNTAX}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, ExitCode.DONE),
        (SpendgateError(), ExitCode.FAILED),
        (typer.BadParameter("This is no moment."), ExitCode.WRONG_SYNTAX),
        (NotFound(), ExitCode.NOT_FOUND),
        (RefusedValue(), ExitCode.REFUSED),
        (Unreachable(), ExitCode.UNREACHABLE),
        (TransactionLost(), ExitCode.RESTART),
    ],
)
def test_a_command_ends_with_every_exit_code_of_the_contract(error: Exception | None, code: ExitCode) -> None:
    app = CommandGroup()

    @app.command()
    def end() -> None:
        if error:
            raise error

    @app.command()
    def other() -> None:
        """So that `end` stays a command of its own."""

    assert run(app, ["end"]) == code


def test_the_table_of_foreign_classes_names_classes_that_exist_and_none_of_ours() -> None:
    for name in FOREIGN:
        module, _, kind = name.rpartition(".")
        assert module.split(".")[0] not in PACKAGES
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


def test_a_class_without_a_message_tells_its_docstring() -> None:
    assert failure_of(SpendgateError()).sentence == SpendgateError.__doc__


def test_nobody_raises_a_class_that_says_nothing() -> None:
    """`ValueError` and its like are for values; whoever catches `Exception` cannot tell a defect from a failure."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in _lines_that_say_nothing(path.read_text())
    ]
    assert found == []


def _lines_that_say_nothing(source: str) -> list[int]:
    if not any(name in source for name in SAYING_NOTHING):  # of most modules nothing needs to be parsed
        return []
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise) and _name(node.exc) in SAYING_NOTHING
    ]


def _name(raised: ast.expr | None) -> str | None:
    called = raised.func if isinstance(raised, ast.Call) else raised
    return called.id if isinstance(called, ast.Name) else None
