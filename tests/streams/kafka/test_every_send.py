"""No record is sent whose outcome nobody waits for: read from the source of every package of the product.

A producer of aiokafka answers `send` with a future, librdkafka's answers a callback. Whoever drops them never learns
that a record was refused. So few modules hold a producer, and there each answer is kept and looked at; all the others
send by `RecordSender` and `BatchSender`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "core",
    "models",
    "streams",
    "ledger",
    "notifier",
    "schedulers",
    "operations",
    "console",
    "cli",
    "local",
    "simulation",
)
#: What holds a producer.
HOLDERS = {
    "streams/kafka/sending.py",
    "streams/kafka/batch_sending.py",
    "streams/kafka/clients.py",  # closes those of others
    "streams/worker/consumer.py",  # the one that `faust send` has of Faust
    "streams/worker/transaction.py",
    "ledger/reconcile/repair.py",
}
PRODUCERS = {"AIOKafkaProducer", "Producer", "AIOProducer", "SerializingProducer", "BatchBuilder", "get_producer"}
#: Its methods by which records leave, with how often the result must be awaited until the broker has answered.
SENDS = {"send": 2, "send_batch": 2, "send_and_wait": 1}
RAW_SENDS = {"send_batch", "send_and_wait", "produce"}
#: A module in which none of them stands need not be parsed.
WORDS = PRODUCERS | RAW_SENDS | {"outcomes"}
#: Of `Producer.produce(topic, value, key, partition, on_delivery)`.
CALLBACK_PLACE = 5


def test_every_module_of_the_product_looks_at_what_becomes_of_its_records() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert sources.keys() > HOLDERS
    assert [told for name, path in sources.items() for told in findings(path.read_text(), name)] == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("from aiokafka import AIOKafkaProducer", "1: AIOKafkaProducer"),
        ("import confluent_kafka as rd\nrd.Producer({})", "2: Producer"),
        ("async def f(self):\n    return await self.sender._producer.send_batch(b)", "2: send_batch"),
        ("def f(producer):\n    producer.produce('t', b'', on_delivery=note)", "2: produce"),
        ("async def f(sender):\n    await sender.outcomes([])", "2: outcomes"),
        ("async def f(sender):\n    _ = await sender.outcomes([])", "2: outcomes"),
    ],
)
def test_a_module_that_must_not_hold_a_producer_is_found(source: str, finding: str) -> None:
    assert [it.removeprefix("cli/new.py:") for it in findings(source, "cli/new.py")] == [finding]


@pytest.mark.parametrize("holder", ["streams/kafka/sending.py", "streams/worker/transaction.py"])
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("await p.send('t', b'')", True),
        ("p.send('t', b'')", True),
        ("future = await p.send('t', b'')", True),
        ("_ = await p.send_batch(b, 't')", True),
        ("await p.send_and_wait('t', b'')", False),
        ("p.send_and_wait('t', b'')", True),
        ("asyncio.create_task(p.send('t', b''))", True),
        ("await (await p.send('t', b''))", False),
        ("return await p.send('t', b'')", False),
        ("future = await p.send('t', b'')\n    await future", False),
        ("sent = [await p.send('t', it) for it in x]", True),
        ("sent = [await p.send('t', it) for it in x]\n    await asyncio.gather(*sent)", False),
        ("p.produce('t', b'', b'', 0)", True),
        ("p.produce('t', b'', b'', 0, note)", False),
        ("p.produce('t', b'', on_delivery=note)", False),
        ("p.produce('t', b'', callback=None)", True),
    ],
)
def test_a_holder_that_drops_an_answer_is_found(holder: str, body: str, found: bool) -> None:
    assert bool(list(findings(f"async def f(p, x, note):\n    {body}", holder))) is found


def findings(source: str, name: str) -> Iterator[str]:
    """`file:line: what` for each producer held, and each answer dropped, where it must not be."""
    if name not in HOLDERS and not any(word in source for word in WORDS):
        return
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    check = _dropped if name in HOLDERS else _held
    for node in ast.walk(tree):
        what = check(node, parents) or _outcomes_dropped(node, parents)
        if what:
            yield f"{name}:{getattr(node, 'lineno', 0)}: {what}"


def _held(node: ast.AST, _: dict[ast.AST, ast.AST]) -> str | None:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("aiokafka", "confluent_kafka"):
        return next((it.name for it in node.names if it.name in PRODUCERS), None)
    if isinstance(node, ast.Attribute) and node.attr in PRODUCERS:
        return node.attr
    return _method(node) if _method(node) in RAW_SENDS else None


def _dropped(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str | None:
    method = _method(node)
    if method == "produce":
        assert isinstance(node, ast.Call)
        callbacks = [it.value for it in node.keywords if it.arg in ("on_delivery", "callback")]
        callbacks += node.args[CALLBACK_PLACE - 1 : CALLBACK_PLACE]
        has_one = any(not (isinstance(it, ast.Constant) and it.value is None) for it in callbacks)
        return None if has_one else method
    if method in SENDS:
        assert isinstance(node, ast.Call)
        return None if _answer_is_kept(node, parents, SENDS[method]) else method
    return None


def _outcomes_dropped(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str | None:
    if _method(node) != "outcomes" or not isinstance(node, ast.Call):
        return None
    return None if _is_used(node, parents) else "outcomes"


def _method(node: ast.AST) -> str | None:
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def _answer_is_kept(call: ast.AST, parents: dict[ast.AST, ast.AST], awaits: int) -> bool:
    """Awaited as often as is needed, or else kept by a name that is used later, or returned."""
    node = call
    while awaits and isinstance(parents[node], ast.Await):
        node, awaits = parents[node], awaits - 1
    return awaits == 0 or (node is not call and _is_used(node, parents))


def _is_used(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while not isinstance(parents[node], ast.stmt):
        node = parents[node]
    statement = parents[node]
    if isinstance(statement, ast.Expr):
        return False
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = {it.id for target in targets for it in ast.walk(target) if isinstance(it, ast.Name)}
        scope: ast.AST = statement
        while not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            scope = parents[scope]
        return any(
            isinstance(it, ast.Name) and isinstance(it.ctx, ast.Load) and it.id in names for it in ast.walk(scope)
        )
    return True
