"""A worker that starts where another one was killed does not wait for the session of the dead one."""

import errno
from pathlib import Path

import pytest

from streams.kafka.groups import describe_group
from streams.kafka.identities import WORKER_GROUP
from streams.kafka.provision import admin_client
from streams.settings import Settings, Timestamps
from streams.worker.membership import Membership
from tests.streams.broker import Broker, brand_in
from tests.streams.conftest import StartWorker
from tests.streams.worker_process import WorkerProcess

#: Stays a member for longer than a test waits for the next one.
LONG_SESSION = [str(Path(__file__).with_name("long_session_worker.py"))]

stamped_by_broker = pytest.mark.parametrize("timestamps", [Timestamps.APPEND])


@stamped_by_broker
async def test_a_killed_worker_leaves_its_group_at_the_next_start(
    broker: Broker, settings: Settings, new_worker: StartWorker, tmp_path: Path
) -> None:
    killed = WorkerProcess(settings, tmp_path / "killed.log", LONG_SESSION)
    try:
        await killed.started()
        await _spend_in_each_partition(broker, "before")
        await broker.until_settled()
        killed.kill()
        await _spend_in_each_partition(broker, "after")
        await new_worker(settings).started()
        assert await _members(settings) == 1
        await broker.until_settled()
        _each_is_counted_once(broker, times=2)
    finally:
        killed.kill()


@stamped_by_broker
async def test_a_frozen_worker_stays_in_its_group(broker: Broker, settings: Settings, tmp_path: Path) -> None:
    """It is no dead one: only its session tells whether it comes back."""
    frozen = WorkerProcess(settings, tmp_path / "frozen.log", LONG_SESSION)
    try:
        await frozen.started()
        frozen.freeze()
        await Membership(_in(tmp_path, settings), settings.topic(WORKER_GROUP)).remove_dead()
        assert await _members(settings) == 1
        frozen.wake()
        await _spend_in_each_partition(broker, "then")
        await broker.until_settled()
        _each_is_counted_once(broker, times=1)
        assert await frozen.stop() == 0
        assert _notes(tmp_path, settings) == []
    finally:
        frozen.kill()


@stamped_by_broker
async def test_a_live_worker_that_is_taken_for_dead_harms_nothing(
    broker: Broker, settings: Settings, new_worker: StartWorker, tmp_path: Path
) -> None:
    """As where locks of files do not reach from one host to another."""
    live = await new_worker(settings).started()
    await _spend_in_each_partition(broker, "before")
    (note,) = _notes(tmp_path, settings)
    note.with_name("copy").write_bytes(note.read_bytes())
    other = await new_worker(settings).started()
    assert "dead_member_left" in other.output
    await _spend_in_each_partition(broker, "after")
    await broker.until_settled()
    _each_is_counted_once(broker, times=2)
    for worker in (other, live):
        assert worker.exit_code is None, worker.output
        assert await worker.stop() == 0


async def test_a_folder_without_notes_or_rights_stops_no_start(tmp_path: Path) -> None:
    (tmp_path / "members").write_text("no folder")
    membership = Membership(Settings(data_dir=tmp_path), "group")
    membership.note("some-member")
    await membership.remove_dead()
    membership.forget()


async def test_files_that_no_worker_wrote_stop_no_start(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "members" / "group"
    (folder / "a folder").mkdir(parents=True)
    (folder / "no text").write_bytes(b"\xff\xfe")
    (folder / "too long").write_text("x" * 100_000)
    await Membership(settings.replace(data_dir=tmp_path), "group").remove_dead()
    assert [it.name for it in folder.iterdir()] == ["a folder"]


def test_a_file_that_cannot_be_locked_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system without locks: each join would leave one."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("streams.worker.membership.fcntl.flock", refused)
    membership = Membership(Settings(data_dir=tmp_path), "group")
    membership.note("some-member")
    assert list((tmp_path / "members" / "group").iterdir()) == []


def _in(folder: Path, settings: Settings) -> Settings:
    return settings.replace(data_dir=folder / ".spendgate")


def _notes(folder: Path, settings: Settings) -> list[Path]:
    return list((folder / ".spendgate" / "members" / settings.topic(WORKER_GROUP)).iterdir())


async def _members(settings: Settings) -> int:
    async with admin_client(settings) as admin:
        group = await describe_group(settings, admin, settings.topic(WORKER_GROUP))
    assert group
    return len(group.members)


async def _spend_in_each_partition(broker: Broker, when: str) -> None:
    for number in range(broker.settings.partitions):
        brand_id = brand_in(number, broker.settings.partitions, "brand")
        await broker.brand(brand_id)
        await broker.campaign(brand_id, f"{brand_id}-c")
        await broker.spend(brand_id, f"{brand_id}-c", "1.00", event_id=f"{brand_id}-{when}")


def _each_is_counted_once(broker: Broker, *, times: int) -> None:
    for state in broker.states().values():
        assert [brand.monthly_micros for brand in state.brands.values()] == [times * 1_000_000]
    assert len(broker.commands) == broker.settings.partitions
    assert broker.dead_letters == []
