"""Broker or PostgreSQL is away for two minutes, PostgreSQL is restored from a dump, or its disk is full, under traffic:
all goes on by itself, and the end is what a model says that shares no code with the product.
"""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg2
import pytest

from local.kafka import LocalKafka
from local.postgres import NAME, LocalPostgres, programs
from tests.faults.runs import SEED
from tests.faults.small_disk import fill, small_disk
from tests.faults.traffic import Traffic
from tests.faults.world import World

#: As long as a worker is patient before it ends itself.
AWAY_SECONDS: Final = 120.0
PATIENCE_SECONDS: Final = 240

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(900),
]


@pytest.mark.parametrize("name", ["kafka", "postgres"])
async def test_a_service_that_is_away_for_two_minutes_costs_no_record(
    name: str, topic_prefix: str, tmp_path: Path
) -> None:
    async def away(world: World, _: Traffic) -> None:
        service: LocalKafka | LocalPostgres = getattr(world, name)
        await asyncio.to_thread(service.kill)
        await asyncio.sleep(AWAY_SECONDS)  # the fault is that long
        await asyncio.to_thread(service.start)

    await _is_exact(f"{name} away for {AWAY_SECONDS:g} s", away, topic_prefix, tmp_path)


async def test_a_database_that_is_restored_from_a_dump_costs_no_record(topic_prefix: str, tmp_path: Path) -> None:
    async def restore(world: World, traffic: Traffic) -> None:
        dump = tmp_path / "backup.dump"
        await _acknowledged(traffic, 300)
        await asyncio.to_thread(_run, "pg_dump", world.postgres.url, "--format=custom", f"--file={dump}")
        await _acknowledged(traffic, 300)
        _sql(world.postgres, "CREATE DATABASE restored")
        await asyncio.to_thread(_run, "pg_restore", f"--dbname={world.postgres.url_of('restored')}", str(dump))
        _sql(world.postgres, f"DROP DATABASE {NAME} WITH (FORCE)", f"ALTER DATABASE restored RENAME TO {NAME}")
        ledger = world.processes[2]
        await _until(lambda: "database_went_back" in ledger.log.read_text())

    await _is_exact("PostgreSQL restored from a dump", restore, topic_prefix, tmp_path)


async def test_a_full_disk_of_postgresql_costs_no_record(topic_prefix: str, tmp_path: Path) -> None:
    async def fill_and_make_room(world: World, traffic: Traffic) -> None:
        await _acknowledged(traffic, 300)
        await asyncio.to_thread(fill, disk / "filler")
        ledger = world.processes[2]
        await _until(lambda: "No space left on device" in ledger.log.read_text() or _has_ended(world.postgres))
        await _acknowledged(traffic, 300)
        (disk / "filler").unlink()
        if _has_ended(world.postgres):
            world.postgres.kill()
            await asyncio.to_thread(world.postgres.start)

    disk = tmp_path / "postgres-data"
    with small_disk(disk):
        if not disk.is_mount():
            pytest.skip("no small file system could be mounted: that needs root, and a kernel that lets it")
        await _is_exact("the disk of PostgreSQL full", fill_and_make_room, topic_prefix, tmp_path)


async def _is_exact(
    what: str, fault: Callable[[World, Traffic], Awaitable[None]], topic_prefix: str, folder: Path
) -> None:
    world = World(folder, topic_prefix)
    async with world.running():
        await world.is_exact(what, world.traffic(seed=SEED), fault)


async def _acknowledged(traffic: Traffic, more: int) -> None:
    wanted = traffic.acked + more
    await _until(lambda: traffic.acked >= wanted)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.1)


def _has_ended(server: LocalPostgres) -> bool:
    return server.process is not None and server.process.poll() is not None


def _run(program: str, *arguments: str) -> None:
    subprocess.run([programs() / program, *arguments], check=True, capture_output=True, timeout=PATIENCE_SECONDS)


def _sql(server: LocalPostgres, *statements: str) -> None:
    with closing(psycopg2.connect(server.url_of("postgres"))) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
