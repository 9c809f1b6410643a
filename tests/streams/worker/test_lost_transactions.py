"""A transaction that can neither be committed nor aborted restores its partition, whatever became of it."""

from pathlib import Path

from streams.settings import Settings
from tests.streams.broker import Broker
from tests.streams.worker_process import WorkerProcess

STEPS = 24


async def test_a_lost_transaction_restores_its_partition_and_ends_no_process(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    command = [str(Path(__file__).with_name("losing_worker.py"))]
    worker = WorkerProcess(settings, tmp_path / "worker.log", command)
    try:
        await worker.started()
        await broker.brand("nike")
        await broker.campaign("nike", "summer")
        await broker.until(lambda: len(broker.commands) == 1)
        for step in range(STEPS):
            await broker.spend("nike", "summer", "1", event_id=f"{step}")
            await broker.campaign("nike", "summer", enabled=step % 2 == 1)
            await broker.until(lambda step=step: len(broker.commands) == step + 2)  # type: ignore[misc]
            worker.check_alive()
        await broker.until_settled()
        assert broker.state_of("nike").monthly_micros == STEPS * 1_000_000
        assert [it.sequence for it in broker.commands] == list(range(1, STEPS + 2))
        assert [it.action for it in broker.commands] == [("resume", "pause")[n % 2] for n in range(STEPS + 1)]
        for when in ("before", "after"):
            assert f"{when} it was committed" in worker.output
        assert await worker.stop() == 0
    finally:
        worker.kill()
