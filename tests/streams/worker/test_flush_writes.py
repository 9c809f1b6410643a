"""A flush has the commands of each partition of their topic together, and each campaign's in the order of decisions."""

from itertools import groupby

from core.decide import decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.emission import release_resumes
from core.records import BrandDocument, CampaignDocument, ZoneDocument
from core.spend import Spend
from core.state import Origin
from streams.dead_letters.outbox import Outbox
from streams.kafka.codec import decode_command, encode
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.flush_writes import take_writes
from tests.core.scenario import new_state

_NAMES = [f"c{number}" for number in range(40)]
_AT = 1_800_000_000_000


def test_commands_of_one_partition_are_together_and_those_of_a_campaign_in_order() -> None:
    state, settings = new_state(), Settings(partitions=4)
    brand = BrandDocument("nike", 1, [ZoneDocument("UTC")], "USD", daily_budget="1")
    decide_brand(state, "nike", encode(brand), Origin("catalog", 0, _AT))
    for offset, name in enumerate(_NAMES):
        decide_campaign(state, "nike", name, encode(CampaignDocument("nike", name, 1)), Origin("catalog", offset, _AT))
    release_resumes(state, list(state.pending_resumes.values()))
    decide_spend(state, Spend("e", "nike", "c0", 1_000_000, None, None), "spend-events", 0, _AT)

    writes = take_writes(state, Outbox(), {}, {}, settings)

    written = [it for it in writes if it.topic == settings.topic(Topic.CAMPAIGN_CONTROL)]
    assert [partition for partition, _ in groupby(it.partition for it in written)] == [0, 1, 2, 3]
    commands = [decode_command(it.value or b"") for it in written]
    for name in _NAMES:
        assert [(it.action, it.sequence) for it in commands if it.campaign_id == name] == [("resume", 1), ("pause", 2)]
    assert state.commands == []
