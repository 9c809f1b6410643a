"""Every exception class of the product derives from one root and bears its exit code and HTTP status."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy.exc
import typer
from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError

from cli.exit_codes import failure_of, foreign_failures
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


@pytest.mark.parametrize(
    ("error", "code", "begins"),
    [
        (KafkaConnectionError("no route"), ExitCode.UNREACHABLE, "The broker cannot be reached"),
        (UnknownTopicOrPartitionError(), ExitCode.FAILED, "A topic is not there"),
        (KafkaError("odd"), ExitCode.FAILED, "Kafka refused it"),
        (psycopg2.OperationalError("gone"), ExitCode.UNREACHABLE, "The database cannot be reached"),
        (sqlalchemy.exc.InterfaceError("", None, OSError()), ExitCode.UNREACHABLE, "The database cannot be reached"),
        (ConnectionResetError("reset"), ExitCode.UNREACHABLE, "The connection failed"),
        (PermissionError("no"), ExitCode.REFUSED, "The system does not allow it"),
        (BlockingIOError("busy"), ExitCode.FAILED, "The system refuses it"),
        (ExceptionGroup("", [NotFound(), TimeoutError()]), ExitCode.NOT_FOUND, "There is nothing of that name"),
        (ZeroDivisionError("by zero"), ExitCode.FAILED, "This is a defect of Spendgate"),
    ],
)
def test_an_exception_of_python_or_a_library_has_its_exit_code_and_sentence(
    error: BaseException, code: ExitCode, begins: str
) -> None:
    failure = failure_of(error)
    assert failure.exit_code == code
    assert failure.sentence.startswith(begins)


def test_no_foreign_failure_is_a_class_of_ours() -> None:
    assert [it for it in foreign_failures() if it.__module__.split(".")[0] in PACKAGES] == []


def test_the_failure_of_a_file_imports_no_library() -> None:
    code = (
        "import sys; from cli.exit_codes import failure_of; assert failure_of(FileNotFoundError()).exit_code == 3; "
        "assert not {'aiokafka', 'psycopg2', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


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
