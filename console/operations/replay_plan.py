"""Whether a replay may begin, or goes on with its own unfinished work, and what it is to send."""

from typing import Final, NamedTuple

from aiokafka.client import AIOKafkaClient

from models import replays
from models.catalog_reads import catalog_size
from models.catalog_relay import relay_store
from models.replay_run import ReplayRun
from models.session import session_scope
from schedulers.relay_threads import entered_in_thread, in_thread
from streams.core.moment import Moment, format_moment
from streams.errors import RefusedValue
from streams.kafka_clients import answering, client_options
from streams.ledger.replay_source import ledger_source
from streams.settings import Settings
from streams.startup_checks import check_topics
from streams.topic_ids import topic_ids
from streams.topic_reader import topic_reader
from streams.topics import ALL_TOPICS, Topic

__all__ = ["Plan", "Wish", "begun", "plan_of", "planned"]

_ANSWER_SECONDS: Final = 8.0


class Wish(NamedTuple):
    """What an operator asks for."""

    actor: str
    since: Moment | None = None
    leaves_out_unknown_brands: bool = False


class Plan(NamedTuple):
    """What there is to send, as `--dry-run --json` prints it."""

    replay_id: int | None
    since: str | None
    brands: int
    campaigns: int
    #: Spend before `since`, which goes over as opening balances.
    spend_before: int
    spend: int
    #: How much of it has been sent.
    sent: int
    unjudged: int
    left_out_brands: list[str]


async def begun(settings: Settings, wish: Wish) -> ReplayRun:
    """The replay that this broker is filled by: the one that was killed here, or a new one."""
    run = await _find(settings, wish)
    if run is not None:
        return run
    run = await _new_run(settings, wish)
    # The relay must not publish campaigns between the look at the topics and the word that it has to hold them back.
    async with entered_in_thread(relay_store(settings.database, settings.topic(Topic.CATALOG))):
        await _refuse_unless_empty(settings)
        await in_thread(replays.begin, settings.database, run, [settings.topic(topic) for topic in ALL_TOPICS])
    return run


async def planned(settings: Settings, wish: Wish) -> Plan:
    """Everything is checked and nothing is changed."""
    run = await _find(settings, wish)
    return await in_thread(plan_of, settings, run or await _new_run(settings, wish))


def plan_of(settings: Settings, run: ReplayRun) -> Plan:
    with ledger_source(settings.database, run.topic_ids[Topic.SPEND_EVENTS], run.left_out) as source:
        unjudged = len(source.unjudged())
    with session_scope(settings.database) as session:
        brands, campaigns = catalog_size(session)
    return Plan(
        replay_id=run.replay_id,
        since=None if run.since_at is None else format_moment(run.since_at),
        brands=brands,
        campaigns=campaigns,
        spend_before=run.spend_before,
        spend=run.spend_count,
        sent=run.sent,
        unjudged=unjudged,
        left_out_brands=run.left_out,
    )


async def _find(settings: Settings, wish: Wish) -> ReplayRun | None:
    await check_topics(settings)
    run = await in_thread(replays.find, settings.database, await _topic_ids(settings))
    if run is None:
        return None
    if run.finished_at is not None:
        raise RefusedValue(
            f"Replay {run.replay_id} has filled this broker already: start worker, scheduler and ledger on it."
        )
    if wish.since not in (None, run.since_at):
        since = "without --since" if run.since_at is None else f"with --since {format_moment(run.since_at)}"
        raise RefusedValue(f"Replay {run.replay_id} was begun {since}: let it end so, or make the topics anew.")
    return run


async def _refuse_unless_empty(settings: Settings) -> None:
    async with topic_reader(settings, Topic.SPEND_EVENTS) as reader:
        ends = await reader.ends_beside(ALL_TOPICS)
    filled = [settings.topic(topic) for topic, of_partition in ends.items() if any(of_partition.values())]
    if filled:
        raise RefusedValue(
            f"A replay needs a broker with nothing on our topics, and there are records on {', '.join(filled)}: stop "
            "what writes there, then delete the topics and run `spendgate topics create`, or set another "
            "SPENDGATE_TOPIC_PREFIX."
        )


async def _new_run(settings: Settings, wish: Wish) -> ReplayRun:
    """Not written down yet."""
    await _refuse_unless_empty(settings)
    ids = await _topic_ids(settings)
    return await in_thread(_run_from_ledger, settings, ids, wish)


def _run_from_ledger(settings: Settings, ids: dict[str, str], wish: Wish) -> ReplayRun:
    with ledger_source(settings.database, ids[Topic.SPEND_EVENTS]) as source:
        source.left_out = source.unknown_brands()
        if source.left_out and not wish.leaves_out_unknown_brands:
            raise RefusedValue(_unknown(source.left_out))
        extent = source.extent(wish.since)
        return ReplayRun(
            actor=wish.actor,
            topic_ids=ids,
            catalog_topic_id=ids[Topic.CATALOG],
            since_at=wish.since,
            left_out=source.left_out,
            first_arrived_at=extent.first_arrived_at,
            last_arrived_at=extent.last_arrived_at,
            spend_before=extent.earlier,
            spend_count=extent.spend,
            sent=0,
        )


async def _topic_ids(settings: Settings) -> dict[str, str]:
    """By name without prefix, of all topics: `check_topics` has seen that they are there."""
    client = AIOKafkaClient(**client_options(settings))
    async with answering(settings, _ANSWER_SECONDS):
        await client.bootstrap()
        try:
            ids = await topic_ids(client, [settings.topic(topic) for topic in ALL_TOPICS])
        finally:
            await client.close()
    return {topic.value: ids[settings.topic(topic)] for topic in ALL_TOPICS}


def _unknown(brand_ids: list[str]) -> str:
    shown = ", ".join(brand_ids[:5]) + (f" and {len(brand_ids) - 5} more" if len(brand_ids) > 5 else "")
    return (
        f"The ledger has spend of brands that the catalog does not know ({shown}): add them with "
        "`spendgate brand add`, in the currency and time zone that they had, or give --leave-out-unknown-brands."
    )
