"""Decides whether a replay begins or continues an unfinished one, and what it will send."""

from typing import Final, NamedTuple

from aiokafka.client import AIOKafkaClient

from core.errors import RefusedValue
from core.moment import Moment, format_moment
from ledger.ingest.holes import holes_of_replay
from ledger.replay.source import ledger_source
from models.queries import replay_runs
from models.queries.catalog import catalog_size
from models.queries.catalog_relay import relay_store
from models.queries.ledger_holes import HoleKey
from models.session import session_scope
from models.tables.replay_run import ReplayRun
from models.threads import entered_in_thread, in_thread
from streams.kafka.clients import unreachable_after
from streams.kafka.metadata import topic_ids
from streams.kafka.options import client_options
from streams.kafka.reader import topic_reader
from streams.kafka.topics import ALL_TOPICS, Topic
from streams.settings import Settings
from streams.worker.startup_checks import check_topics

__all__ = ["ReplayPlan", "ReplayRequest", "begin_or_continue", "plan_of", "planned"]

_ANSWER_SECONDS: Final = 8.0
#: The most names in one sentence.
_NAMED_MAX: Final = 5


class ReplayRequest(NamedTuple):
    """The options of `spendgate replay --from-ledger`."""

    actor: str
    since: Moment | None = None
    leaves_out_unknown_brands: bool = False
    accepts_holes: bool = False


class ReplayPlan(NamedTuple):
    """What a replay sends, as `--dry-run --json` prints it."""

    replay_id: int | None
    since: str | None
    brands: int
    campaigns: int
    #: Rows before `since`, which become opening balances.
    spend_before: int
    spend: int
    #: The number of rows that have been sent.
    sent: int
    unjudged: int
    left_out_brands: list[str]
    #: Sentences on offsets of spend and dead letters that the ledger never read: the new totals lack their money.
    holes: list[str]


async def begin_or_continue(settings: Settings, request: ReplayRequest) -> ReplayRun:
    """The replay that fills this broker: the one that was interrupted, or a new one."""
    run = await _find(settings, request)
    if run is not None:
        return run
    run, accepted = await _new_run(settings, request)
    # The relay must not publish campaigns after the check that the topics are empty and before the row that holds it
    # back.
    async with entered_in_thread(relay_store(settings.database, settings.topic(Topic.CATALOG))):
        await _refuse_unless_empty(settings)
        topics = [settings.topic(topic) for topic in ALL_TOPICS]
        await in_thread(replay_runs.begin, settings.database, run, topics, accepted)
    return run


async def planned(settings: Settings, request: ReplayRequest) -> ReplayPlan:
    """The plan of a dry run: checks everything, changes nothing. Raises RefusedValue as a replay would."""
    run = await _find(settings, request)
    if run is None:
        run, _ = await _new_run(settings, request)
    return await in_thread(plan_of, settings, run)


def plan_of(settings: Settings, run: ReplayRun) -> ReplayPlan:
    with ledger_source(settings.database, run.topic_ids[Topic.SPEND_EVENTS], run.left_out) as source:
        unjudged = len(source.unbooked())
    with session_scope(settings.database) as session:
        brands, campaigns = catalog_size(session)
    return ReplayPlan(
        replay_id=run.replay_id,
        since=None if run.since_at is None else format_moment(run.since_at),
        brands=brands,
        campaigns=campaigns,
        spend_before=run.spend_before,
        spend=run.spend_count,
        sent=run.sent,
        unjudged=unjudged,
        left_out_brands=run.left_out,
        holes=[hole.where for hole in holes_of_replay(settings.database, run.topic_ids[Topic.SPEND_EVENTS])],
    )


async def _find(settings: Settings, request: ReplayRequest) -> ReplayRun | None:
    await check_topics(settings)
    run = await in_thread(replay_runs.find, settings.database, await _topic_ids(settings))
    if run is None:
        return None
    if run.finished_at is not None:
        raise RefusedValue(
            f"Replay {run.replay_id} has filled this broker already: start worker, scheduler and ledger on it."
        )
    if request.since not in (None, run.since_at):
        since = "without --since" if run.since_at is None else f"with --since {format_moment(run.since_at)}"
        raise RefusedValue(f"Replay {run.replay_id} was begun {since}: let it end so, or make the topics anew.")
    return run


async def _refuse_unless_empty(settings: Settings) -> None:
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        ends = await reader.ends_with(ALL_TOPICS)
    filled = [settings.topic(topic) for topic, of_partition in ends.items() if any(of_partition.values())]
    if filled:
        raise RefusedValue(
            f"A replay needs a broker with nothing on our topics, and there are records on {', '.join(filled)}: stop "
            "what writes there, then delete the topics and run `spendgate topics create`, or set another "
            "SPENDGATE_TOPIC_PREFIX."
        )


async def _new_run(settings: Settings, request: ReplayRequest) -> tuple[ReplayRun, list[HoleKey]]:
    """A run that is not in the database yet, and the holes that the operator accepts with it."""
    await _refuse_unless_empty(settings)
    ids = await _topic_ids(settings)
    accepted = await in_thread(_accepted_holes, settings, ids, request)
    return await in_thread(_run_from_ledger, settings, ids, request), accepted


def _accepted_holes(settings: Settings, ids: dict[str, str], request: ReplayRequest) -> list[HoleKey]:
    """The open holes that the operator accepts. Raises RefusedValue where there are holes and the request accepts
    none."""
    unaccepted = [it for it in holes_of_replay(settings.database, ids[Topic.SPEND_EVENTS]) if not it.is_accepted]
    if unaccepted and not request.accepts_holes:
        lacking = _and_more("; ".join(it.where for it in unaccepted[:_NAMED_MAX]), len(unaccepted))
        raise RefusedValue(
            f"The ledger lacks {lacking}: Kafka had removed them before the ledger read them, so a replay would "
            "forget their money. Restore a newer backup, or give --accept-hole to go on without them."
        )
    return [it.key for it in unaccepted]


def _run_from_ledger(settings: Settings, ids: dict[str, str], request: ReplayRequest) -> ReplayRun:
    with ledger_source(settings.database, ids[Topic.SPEND_EVENTS]) as source:
        source.left_out = source.unknown_brands()
        if source.left_out and not request.leaves_out_unknown_brands:
            raise RefusedValue(_unknown(source.left_out))
        extent = source.extent(request.since)
        return ReplayRun(
            actor=request.actor,
            topic_ids=ids,
            catalog_topic_id=ids[Topic.CATALOG],
            since_at=request.since,
            left_out=source.left_out,
            first_arrived_at=extent.first_arrived_at,
            last_arrived_at=extent.last_arrived_at,
            spend_before=extent.earlier,
            spend_count=extent.spend,
            sent=0,
        )


async def _topic_ids(settings: Settings) -> dict[str, str]:
    """The ids of all topics by name without prefix; `check_topics` must have been called."""
    client = AIOKafkaClient(**client_options(settings))
    async with unreachable_after(settings, _ANSWER_SECONDS):
        await client.bootstrap()
        try:
            ids = await topic_ids(client, [settings.topic(topic) for topic in ALL_TOPICS])
        finally:
            await client.close()
    return {topic.value: ids[settings.topic(topic)] for topic in ALL_TOPICS}


def _unknown(brand_ids: list[str]) -> str:
    shown = _and_more(", ".join(brand_ids[:_NAMED_MAX]), len(brand_ids))
    return (
        f"The ledger has spend of brands that the catalog does not know ({shown}): add them with "
        "`spendgate brand add`, in the currency and time zone that they had, or give --leave-out-unknown-brands."
    )


def _and_more(named: str, count: int) -> str:
    return named if count <= _NAMED_MAX else f"{named} and {count - _NAMED_MAX} more"
