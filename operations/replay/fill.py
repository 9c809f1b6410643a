"""Fills a new, empty broker from PostgreSQL, so that a controller that reads it has the ledger's totals.

The order keeps ad servers safe, also while they read: first brands, so that spend has a brand; then totals of
platforms, so that a later one adds only the difference; opening balances; spend; and campaigns last, so that each gets
one command, for its state after all of its spend. Until then their money counts as that of unknown campaigns. After a
kill the replay continues: what is sent twice counts once, by the ids of events and opening balances.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, islice
from typing import Final, TypeVar, cast

from core.acceptance import is_ahead, is_too_early
from core.calendar import Zones, ZoneSpan, date_of
from core.moment import Moment
from core.opening_balance import correction, opening_corrections
from core.records import SpendCorrection
from ledger.replay.sender import ReplaySender, replay_sender
from ledger.replay.source import LedgerSource, ReplayCursor, ReplayedSpend, ledger_source
from models.queries import replay_runs
from models.queries.catalog import all_zones
from models.session import session_scope
from models.tables.replay_run import ReplayRun
from models.threads import entered_in_thread, in_thread
from operations.replay.plan import ReplayPlan, ReplayRequest, begin_or_continue, plan_of
from schedulers.catalog_relay.relay import Relay
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings, Timestamps

__all__ = ["ReportProgress", "replay"]

#: Called with what is sent, how many were sent, and of how many; None where the total is not known.
ReportProgress = Callable[[str, int, int | None], None]

_CORRECTIONS_AT_ONCE: Final = 5_000
_Item = TypeVar("_Item")


async def replay(settings: Settings, request: ReplayRequest, report: ReportProgress) -> ReplayPlan:
    """Publish everything; returns when the broker has acknowledged it. Raises RefusedValue where the broker is not
    empty, brands are unknown or holes are not accepted, Refused where another replay runs, Unreachable and TooLarge."""
    url = settings.database
    async with entered_in_thread(replay_runs.alone(url)):
        run = await begin_or_continue(settings, request)
        relay = Relay(settings)
        try:
            if run.filled_at is None:
                await relay.relay_pending(_given(settings, run.since_at or run.first_arrived_at))
                await _fill(settings, run, report)
                await in_thread(replay_runs.note_filled, url, run.replay_id, await _ends(settings))
            await relay.relay_pending(_given(settings, run.last_arrived_at))
        finally:
            await relay.close()
        done = await in_thread(replay_runs.finish, url, run.replay_id)
        return await in_thread(plan_of, settings, done)


async def _fill(settings: Settings, run: ReplayRun, report: ReportProgress) -> None:
    zones = await in_thread(_zones, settings)
    source_of_run = ledger_source(settings.database, run.topic_ids[Topic.SPEND_EVENTS], run.left_out)
    async with entered_in_thread(source_of_run) as source, replay_sender(settings, run.replay_id) as sender:
        replaying = _Replay(settings, run, zones, source, sender, report)
        if run.opened_at is None:
            await replaying.snapshots()
            await replaying.openings()
        await replaying.spend()
        await replaying.unbooked()


async def _ends(settings: Settings) -> dict[int, int]:
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        return await reader.ends()


class _Replay:
    """A running replay: its connection to the ledger, its producer and its progress."""

    def __init__(
        self,
        settings: Settings,
        run: ReplayRun,
        zones: Mapping[str, Zones],
        source: LedgerSource,
        sender: ReplaySender,
        report: ReportProgress,
    ) -> None:
        self._url = settings.database
        self._run = run
        self._zones = zones
        self._source = source
        self._sender = sender
        self._report = report
        self._tolerance = settings.tolerance

    async def openings(self) -> None:
        since, sent = self._run.since_at, 0
        if since is not None:
            corrections = self._opening_corrections(since)
            while some := await in_thread(_take, corrections, _CORRECTIONS_AT_ONCE):
                for one in some:
                    await self._sender.correction(one, since)
                await self._sender.flush()
                sent += len(some)
                self._report("opening balances", sent, None)
        await in_thread(replay_runs.note_opened, self._url, self._run.replay_id)

    async def snapshots(self) -> None:
        """Publish totals of platforms before anything else of the brands: a platform may report its next total once it
        can reach the broker."""
        counted = await in_thread(self._source.counted_snapshots, self._run.last_arrived_at)
        for snapshot, arrived_at in counted:
            await self._sender.counted_snapshot(snapshot, arrived_at)
        await self._sender.flush()
        self._report("totals of platforms", len(counted), len(counted))

    async def spend(self) -> None:
        """Publish the counted rows; the next rows are read while the broker takes the last ones."""
        run, sent = self._run, self._run.sent
        self._report("spend", sent, run.spend_count)
        await in_thread(self._source.open_spend, run.since_at, _cursor_of(run))
        rows = await in_thread(self._source.next_spend)
        while rows:
            for row in rows:
                await self._send(row)
            following = await in_thread(self._source.next_spend)
            await self._sender.flush()
            sent += len(rows)
            await in_thread(replay_runs.note_sent, self._url, run.replay_id, sent, rows[-1].cursor)
            self._report("spend", sent, run.spend_count)
            rows = following

    async def unbooked(self) -> None:
        """Publish the unbooked spend unchanged; the new controller accepts or refuses it."""
        for spend in await in_thread(self._source.unbooked):
            await self._sender.unbooked(spend)
        await self._sender.flush()

    async def _send(self, row: ReplayedSpend) -> None:
        if self._counts_on_the_ledgers_day(row):
            await self._sender.spend(row)
        else:
            await self._sender.correction(_replacing_correction(row, self._run.replay_id), row.arrived_at)

    def _counts_on_the_ledgers_day(self, row: ReplayedSpend) -> bool:
        """Whether the controller would book the event to the ledger's day; not where a zone came into the catalog too
        late."""
        moments = row.occurred_at, row.arrived_at, self._tolerance
        if is_ahead(*moments) or is_too_early(*moments):
            return False
        return date_of(self._zones[row.brand_id], row.occurred_at) == row.booked_day

    def _opening_corrections(self, since: Moment) -> Iterator[SpendCorrection]:
        for sums in self._source.sums(since):
            open_day = date_of(self._zones[sums.brand_id], since)
            yield from opening_corrections(
                self._run.replay_id, sums.brand_id, sums.campaign_id, sums.micros_by_day, open_day
            )


def _replacing_correction(row: ReplayedSpend, replay_id: int) -> SpendCorrection:
    reason = f"spend {row.event_id} of replay {replay_id}, on the day that the ledger booked it to"
    name = f"spend:{row.event_id}"
    return correction(name, row.brand_id, row.campaign_id, row.amount_micros, row.booked_day, reason)


def _cursor_of(run: ReplayRun) -> ReplayCursor | None:
    return None if run.sent_up_to is None else cast(ReplayCursor, tuple(run.sent_up_to))


def _given(settings: Settings, arrival: Moment | None) -> Moment | None:
    """The arrival of the documents with SPENDGATE_TIMESTAMPS=create: that of the spend; else None, which is now."""
    return arrival if settings.timestamps is Timestamps.CREATE else None


def _zones(settings: Settings) -> dict[str, Zones]:
    with session_scope(settings.database) as session:
        rows = all_zones(session)
    return {
        brand_id: tuple(ZoneSpan(row.time_zone, row.starts_at) for row in of_brand)
        for brand_id, of_brand in groupby(rows, key=lambda row: row.brand_id)
    }


def _take(items: Iterator[_Item], count: int) -> list[_Item]:
    return list(islice(items, count))
