"""Spend of others lasts as long as what it is to be waited for."""

import time
from collections import Counter

import pytest
from typing_extensions import override

from bench.machine import wait_until
from bench.probes import Probes
from bench.sender import Sender
from core.errors import SpendgateError
from core.moment import Moment
from core.partitioner import partition_of

PARTITIONS = 4


class Recorder(Sender):
    """Sends nothing."""

    def __init__(self) -> None:
        self.partitions = PARTITIONS
        self.campaigns: dict[str, str] = {}
        self.spent: list[str] = []

    @override
    def brand(self, brand_id: str, at: Moment, *, zone: str = "UTC", daily_budget: str | None = None) -> None:
        pass

    @override
    def campaign(self, brand_id: str, campaign_id: str, at: Moment, *, total_budget: str | None = None) -> None:
        assert campaign_id not in self.campaigns
        self.campaigns[campaign_id] = brand_id

    @override
    def spend(self, brand_id: str, campaign_id: str, at: Moment) -> None:
        assert self.campaigns[campaign_id] == brand_id
        self.spent.append(campaign_id)


def test_there_are_as_many_as_last_for_so_long_in_all_partitions_and_few_of_one_brand() -> None:
    sender = Recorder()
    probes = Probes(sender, 30, every_seconds=0.02, at=0)
    assert probes.count == len(sender.campaigns) == 1_500
    of_brands = Counter(sender.campaigns.values())
    assert max(of_brands.values()) <= 100
    homes = [partition_of(brand_id, PARTITIONS) for brand_id in sender.campaigns.values()]
    assert homes == [number % PARTITIONS for number in range(1_500)]


def test_each_phase_of_a_case_has_its_own() -> None:
    sender = Recorder()
    phases = [Probes(sender, 1, every_seconds=0.1, at=0, name=name) for name in ("join", "kill")]
    assert len(sender.campaigns) == 20
    for probes in phases:
        with probes.sending():
            probes.await_one_each()
    assert {it.partition("-")[0] for it in sender.spent} == {"join", "kill"}


def test_a_case_for_which_they_do_not_last_has_no_figures() -> None:
    probes = Probes(Recorder(), 0.05, every_seconds=0.01, at=0)
    with pytest.raises(SpendgateError, match=r"longer than the 0\.05 s"), probes.sending():
        time.sleep(0.5)  # longer than they last


def test_what_went_wrong_meanwhile_is_told_and_not_that_they_ran_out() -> None:
    probes = Probes(Recorder(), 0.02, every_seconds=0.01, at=0)
    with pytest.raises(TimeoutError, match="not within"), probes.sending():
        wait_until(lambda: False, 0.2)
