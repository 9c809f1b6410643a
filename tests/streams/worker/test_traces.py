"""The `traceparent` of a spend stands on the command that it caused, and a malformed one refuses no money."""

from aiokafka import ConsumerRecord

from core.records import CauseKind, CauseRecord
from streams.dead_letters.outbox import _TRACES, Outbox
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


async def test_a_command_bears_the_trace_of_the_spend_that_caused_it(broker: Broker, worker: WorkerProcess) -> None:
    at = "2025-09-08T12:00:00Z"
    await broker.brand("nike", at, daily_budget="10")
    await broker.campaign("nike", "traced", at)
    await broker.until_settled()

    async def spent(amount: str, event_id: str, *headers: tuple[str, bytes], partition: int | None = None) -> None:
        await broker.spend("nike", "traced", amount, at, event_id=event_id, headers=headers, partition=partition)
        await broker.until_settled()

    await spent("4", "1", ("traceparent", OTHER))  # causes nothing
    await spent("6", "2", ("traceparent", TRACE), ("tracestate", b"a=b"))
    await spent("-1", "3", ("traceparent", b"00-nonsense"), ("Traceparent", OTHER))
    await spent("1", "4")
    elsewhere = (broker.home("nike") + 1) % broker.settings.partitions
    await spent("-1", "5", ("traceparent", OTHER), partition=elsewhere)
    await broker.until(lambda: len(broker.commands) == 5)
    assert [
        (it.action, dict(headers)) for it, headers in zip(broker.commands, broker.command_headers, strict=True)
    ] == [
        ("resume", {}),
        ("pause", {"traceparent": TRACE}),
        ("resume", {}),
        ("pause", {}),
        ("resume", {"traceparent": OTHER}),
    ]
    assert broker.dead_letters == []
    worker.check_alive()


def noted(outbox: Outbox, offset: int, *headers: tuple[str, bytes | None]) -> None:
    outbox.note_trace(ConsumerRecord("spend-events", 0, offset, 0, 0, None, b"", None, 0, 0, headers))


def headers_of(outbox: Outbox, offset: int, kind: CauseKind = CauseKind.SPEND) -> tuple[tuple[str, bytes], ...]:
    return outbox.trace_headers(CauseRecord(kind=kind, topic="spend-events", partition=0, offset=offset))


def test_the_last_of_several_counts_and_what_is_none_is_passed_over() -> None:
    outbox = Outbox()
    noted(outbox, 7, ("traceparent", TRACE), ("traceparent", OTHER), ("traceparent", None), ("traceparent", b"\xff"))
    assert headers_of(outbox, 7) == (("traceparent", OTHER),)
    assert headers_of(outbox, 8) == headers_of(outbox, 7, CauseKind.CATALOG) == ()


def test_the_oldest_traces_are_forgotten() -> None:
    outbox = Outbox()
    for offset in range(_TRACES + 2):
        noted(outbox, offset, ("traceparent", TRACE))
    assert headers_of(outbox, 1) == ()
    assert headers_of(outbox, 2) == headers_of(outbox, _TRACES + 1) == (("traceparent", TRACE),)
    assert len(outbox._traces) == _TRACES
