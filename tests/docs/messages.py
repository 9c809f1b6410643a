"""One day of a brand through the worker's own intake, and every message that comes of it. Needs no services."""

from datetime import datetime

from aiokafka import ConsumerRecord

from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.moment import MINUTE, parse_moment
from core.records import (
    BrandDocument,
    CampaignDocument,
    ControlCommand,
    ResetKind,
    SpendCorrection,
    WindowDocument,
    ZoneDocument,
)
from core.state import PartitionState
from schedulers.messages import reset_message, tick_message
from schedulers.ticks_due import Due
from streams.dead_letters.outbox import Outbox, OutgoingRecord
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.worker.apply import RecordApplier

MORNING = parse_moment("2025-09-08T00:00:00Z")
MIDNIGHT = parse_moment("2025-09-08T19:00:00Z")  # in Karachi

BRAND = BrandDocument("nike", 1, [ZoneDocument("Asia/Karachi")], "USD", name="Nike", daily_budget="100.00")
SUMMER = CampaignDocument("nike", "nike-summer", 1, ends_on="2025-12-31", total_budget="500")
NIGHTS = CampaignDocument("nike", "nike-nights", 1, windows=[WindowDocument(["fri", "sat"], "22:00", "24:00")])
CORRECTION = SpendCorrection("c-1", "nike", "nike-summer", "-0.5", "2025-09-08", reason="counted twice")
SPEND = (
    b'{"event_id":"e-1","brand_id":"nike","campaign_id":"nike-summer","amount":"60.25"}',
    b'{"event_id":"e-2","brand_id":"nike","campaign_id":"nike-summer","amount":60.25,"currency":"USD",'
    b'"occurred_at":"2025-09-08T09:00:00.125+05:00","attributes":{"placement":"top"}}',
)

#: What others send, in the order in which the worker gets it.
SENT: list[tuple[Topic, str | None, bytes, int]] = [
    (Topic.CATALOG, "nike", encode(BRAND), MORNING),
    (Topic.CATALOG, "nike/nike-summer", encode(SUMMER), MORNING),
    (Topic.CATALOG, "nike/nike-nights", encode(NIGHTS), MORNING),
    *((Topic.SPEND_EVENTS, "nike", value, MORNING + 6 * 60 * MINUTE) for value in SPEND),
    (Topic.SPEND_CORRECTIONS, "nike", encode(CORRECTION), MORNING + 7 * 60 * MINUTE),
    (Topic.DAYPARTING_TICKS, None, encode(tick_message(MIDNIGHT - MINUTE)), MIDNIGHT - MINUTE),
    (
        Topic.BUDGET_RESETS,
        None,
        encode(reset_message(ResetKind.DAILY, "Asia/Karachi", Due(datetime(2025, 9, 9), MIDNIGHT))),  # noqa: DTZ001
        MIDNIGHT,
    ),
]


def play() -> list[ControlCommand]:
    """The commands that the worker tells of SENT."""
    return played().commands


def played() -> PartitionState:
    """The state with all commands and alerts that the worker makes of SENT."""
    state = PartitionState(0, DuplicateWindow(1_000))
    intake = RecordApplier(state, Outbox(), partitions=1, given_times=False)
    for offset, (topic, key, value, arrival) in enumerate(SENT):
        assert intake.apply(topic, _record(topic, key, value, arrival, offset), arrival)
        release_resumes(state, state.pending_resumes.values())
    return state


def dead_letter(value: bytes) -> OutgoingRecord:
    """What becomes of a spend event that is refused."""
    outbox = Outbox()
    intake = RecordApplier(PartitionState(0, DuplicateWindow(1_000)), outbox, partitions=1, given_times=False)
    intake.apply(Topic.SPEND_EVENTS, _record(Topic.SPEND_EVENTS, "nike", value, MORNING, 0), MORNING)
    return outbox.take()[0]


def rerouted(value: bytes) -> OutgoingRecord:
    """What becomes of a spend event under a key that is not its brand's."""
    outbox = Outbox()
    intake = RecordApplier(PartitionState(0, DuplicateWindow(1_000)), outbox, partitions=1, given_times=False)
    intake.apply(Topic.SPEND_EVENTS, _record(Topic.SPEND_EVENTS, "another", value, MORNING, 0), MORNING)
    return outbox.take()[0]


def _record(topic: Topic, key: str | None, value: bytes, arrival: int, offset: int) -> ConsumerRecord:
    sizes = (0, len(value))
    return ConsumerRecord(topic.value, 0, offset, arrival, 1, key and key.encode(), value, None, *sizes, ())
