"""No bytes of others escape from the code that decodes them as another error than its callers expect: read from the
source of every package, and tried with the worst JSON.

msgspec raises a `DecodeError` for most of what is wrong, but a `UnicodeDecodeError` where UTF-8 is incomplete and a
`RecursionError` where it is nested too deeply; `json` raises the last, too.
"""

import ast
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord

from console.api import bodies
from core import state_records
from core.catalog import read_brand_config, read_campaign_config
from core.changelog import Changelog
from core.correction import read_correction
from core.errors import RefusedValue, SpendgateError
from core.snapshot import counted_snapshot, read_snapshot
from core.spend import read_spend
from ledger.ingest import decode
from models.tables.control_log import ControlLog
from notifier.messages import UnreadableRecord, alert_message, command_message
from operations import journal
from operations.catalog_file.json_rows import json_rows
from operations.snapshots.external_id import external_id_of
from schedulers.catalog_relay import topic as relay_topic
from streams.dead_letters import dead_letter
from streams.kafka import codec
from streams.worker import published_commands
from tests.streams.kafka.test_every_send import PACKAGES, ROOT

WORST = {
    "empty": b"",
    "no UTF-8": b'{"brand_id":"\xff"}',
    "no UTF-8 in a field that nobody knows": b'{"nobody":"\xff","\xff":1}',
    "no UTF-8 outside": b"\xff\xfe",
    "half a pair": b'{"brand_id":"\\ud800","nobody":"\\ud800"}',
    "deep": b"[" * 20_000,
    "deep in a field that nobody knows": b'{"nobody":' + b"[" * 20_000,
    "deep objects": b'{"a":' * 20_000,
    "a number of many digits": b'{"version":' + b"9" * 5_000 + b',"amount":' + b"9" * 5_000 + b',"cost":1e999999}',
    "not finite": b'{"version":NaN,"amount":1e400,"cost":-1e400,"epoch":1e400}',
    "zero bytes": b'{"brand_id":"\\u0000"}\x00',
    "an array": b"[]",
    "null": b"null",
    "text without UTF-8": b'"\xff"',
    "text of half a pair": b'"\\ud800"',
}


def _record(value: bytes) -> ConsumerRecord:
    return ConsumerRecord("t", 0, 7, 10**12, 0, b"nike", value, None, 4, len(value), ())


#: Module -> its functions that decode, with the errors that their callers expect of them.
READERS: dict[str, list[tuple[Callable[[bytes], object], type[Exception] | tuple[type[Exception], ...]]]] = {
    "core/spend.py": [(read_spend, ())],
    "core/snapshot.py": [
        (read_snapshot, ()),
        (lambda it: counted_snapshot("x", "nike", "summer", it.decode(errors="replace")), ()),
    ],
    "core/json_money.py": [(read_correction, ())],
    "core/catalog.py": [
        (lambda it: read_brand_config("nike", it), ()),
        (lambda it: read_campaign_config("nike", "summer", it), ()),
    ],
    "core/state_records.py": [
        (state_records.decode_part, ValueError),
        (lambda it: _folded(b"brand/nike", it), ()),
        (lambda it: _folded(b"campaign/nike/summer", it), ()),
        (lambda it: _folded(b"cost/nike/summer/google-ads/2025-09-08", it), ()),
        (lambda it: _folded(b"alert/nike/daily_budget", it), ()),
        (lambda it: _folded(b"doc/nike", it), ()),
        (lambda it: _folded(b"seen/0", it), ()),
        (lambda it: _folded(b"part", it), ()),
    ],
    "streams/kafka/codec.py": [
        (getattr(codec, name), msgspec.DecodeError) for name in codec.__all__ if name.startswith("decode_")
    ],
    "streams/dead_letters/dead_letter.py": [(dead_letter._read_ids, ())],
    "streams/worker/published_commands.py": [(published_commands._decode, msgspec.DecodeError)],
    "schedulers/catalog_relay/topic.py": [(lambda it: relay_topic._record_version(_record(it)), ())],
    "ledger/ingest/decode.py": [
        (lambda it: decode.command_row(_record(it)), ()),
        (lambda it: decode.ack_row(_record(it), 1), ()),
        (lambda it: decode.correction_row(_record(it), 1), ()),
        (decode._attributes, ()),
    ],
    "notifier/messages.py": [(alert_message, UnreadableRecord), (command_message, UnreadableRecord)],
    "operations/snapshots/external_id.py": [(external_id_of, ())],
    "operations/catalog_file/json_rows.py": [(json_rows, RefusedValue)],
    "operations/journal.py": [(lambda it: journal._message(ControlLog(command_id="x", value=it)), SpendgateError)],
    "console/api/bodies.py": [(lambda it: _budget(it), RefusedValue)],
}
#: They decode what people gave them, or what we have written ourselves, and have tests of their own.
OTHERS = {
    "cli/environment.py",
    "console/api/publishing.py",
    "models/queries/paging.py",
    "notifier/people.py",
    "operations/snapshots/file.py",
    "operations/spend_import/file.py",
}


class _OfBody(msgspec.Struct):
    budget: msgspec.Raw


def _budget(value: bytes) -> object:
    """Of a body that was taken."""
    try:
        raw = msgspec.json.decode(b'{"budget":%b}' % value, type=_OfBody).budget
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return bodies.budget("daily budget", raw)


def _folded(key: bytes, value: bytes) -> object:
    changelog = Changelog()
    changelog.apply(key, value)
    return [changelog.brand(it) for it in changelog.brand_ids()]


def test_every_module_that_decodes_json_is_tried() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert {name for name, path in sources.items() if _decodes(path.read_text())} == READERS.keys() | OTHERS


@pytest.mark.parametrize("worst", WORST.values(), ids=list(WORST))
@pytest.mark.parametrize(
    ("read", "expected"),
    [one for readers in READERS.values() for one in readers],
    ids=[f"{name}-{number}" for name, readers in READERS.items() for number in range(len(readers))],
)
def test_the_worst_bytes_are_refused_as_the_caller_expects(
    read: Callable[[bytes], object], expected: Any, worst: bytes
) -> None:
    with suppress(expected):
        read(worst)


def _decodes(source: str) -> bool:
    if "decoder" not in source and "json" not in source:  # of many modules nothing needs to be parsed
        return False
    return any(
        (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "decoder")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in {"Decoder", "decode", "loads"}
            and "json" in ast.unparse(node.value).split(".")
        )
        for node in ast.walk(ast.parse(source))
    )
