"""What if the answer never comes? Each call that waits for another program or machine outside Kafka's and PostgreSQL's
clients names an end of time: those clients have theirs in `streams/kafka/options.py` and `models/connection.py`."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
LAYERS: Final = ("streams", "models", "ledger", "schedulers", "notifier", "local", "operations", "console", "cli")
#: Where connections to PostgreSQL may be made: `connect` has them watched; the watch and `up` end their own.
CONNECTING: Final = {"models/connection.py", "models/session.py", "models/standstill.py", "local/postgres.py"}
#: Call -> the argument that ends it, or says that whoever calls does not wait.
ENDED_BY: Final = {
    "subprocess.run": ("timeout",),
    "subprocess.check_call": ("timeout",),
    "subprocess.check_output": ("timeout",),
    "urllib.request.urlopen": ("timeout",),
    "urlopen": ("timeout",),
    "socket.create_connection": ("timeout",),
    "psycopg2.connect": ("connect_timeout", "async_"),
    "http.client.HTTPConnection": ("timeout",),
    "http.client.HTTPSConnection": ("timeout",),
    "httpx.get": ("timeout",),
    "httpx.post": ("timeout",),
    "httpx.Client": ("timeout",),
    "httpx.AsyncClient": ("timeout",),
    "smtplib.SMTP": ("timeout",),
}


def _calls(path: Path, names: Collection[str]) -> Iterator[tuple[str, ast.Call]]:
    """Those of functions of these names. A file in which none of the names stands is not parsed."""
    text = path.read_text(encoding="utf-8")
    if not any(all(part in text for part in name.split(".")) for name in names):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in names:
            yield name, node


def _endless(path: Path) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
        for name, node in _calls(path, ENDED_BY)
        if not {it.arg for it in node.keywords} & set(ENDED_BY[name])
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_call_waits_without_an_end_for_another_program_or_machine(layer: str) -> None:
    assert [call for path in sorted((ROOT / layer).rglob("*.py")) for call in _endless(path)] == []


def test_every_connection_to_postgresql_is_made_where_it_is_watched() -> None:
    """Otherwise a statement on it would wait without an end for a server that stands still."""
    connecting = {
        str(path.relative_to(ROOT))
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        for _ in _calls(path, ("psycopg2.connect", "create_engine", "sqlalchemy.create_engine"))
    }
    assert connecting == CONNECTING
