"""What if the answer never comes? Each call that waits for another program or machine outside Kafka's and PostgreSQL's
clients names an end of time: those clients have theirs in `streams/kafka/options.py` and `models/session.py`."""

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
LAYERS: Final = ("streams", "models", "ledger", "schedulers", "notifier", "local", "operations", "console", "cli")
#: Call -> the argument that ends it.
ENDED_BY: Final = {
    "subprocess.run": "timeout",
    "subprocess.check_call": "timeout",
    "subprocess.check_output": "timeout",
    "urllib.request.urlopen": "timeout",
    "urlopen": "timeout",
    "socket.create_connection": "timeout",
    "psycopg2.connect": "connect_timeout",
    "http.client.HTTPConnection": "timeout",
    "http.client.HTTPSConnection": "timeout",
    "httpx.get": "timeout",
    "httpx.post": "timeout",
    "httpx.Client": "timeout",
    "httpx.AsyncClient": "timeout",
    "smtplib.SMTP": "timeout",
}


def _endless(path: Path) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (argument := ENDED_BY.get(ast.unparse(node.func)))
        and argument not in {it.arg for it in node.keywords}
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_call_waits_without_an_end_for_another_program_or_machine(layer: str) -> None:
    assert [call for path in sorted((ROOT / layer).rglob("*.py")) for call in _endless(path)] == []
