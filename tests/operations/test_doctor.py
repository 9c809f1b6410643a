"""`doctor` waits for what a failover ends by itself before it reports it. Needs no services."""

import pytest

from core.errors import NotAllowed, Unreachable
from operations import doctor

SENTENCE = "spend-events, partition 0, has no leader: start the broker."


class Cluster:
    """One with a partition without a leader up to a moment. Each question takes a second of its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, leads_after_seconds: float) -> None:
        self.seconds = 0.0
        self._leads_after_seconds = leads_after_seconds
        monkeypatch.setattr(doctor, "monotonic", lambda: self.seconds)
        monkeypatch.setattr(doctor, "LOOK_AGAIN_SECONDS", 0)

    async def missing_leaders(self) -> list[str]:
        self.seconds += 1
        return [SENTENCE] if self.seconds < self._leads_after_seconds else []

    async def read(self) -> str:
        if await self.missing_leaders():
            raise Unreachable(SENTENCE)
        return "read"

    async def refuse(self) -> str:
        self.seconds += 1
        raise NotAllowed


@pytest.mark.parametrize("seconds", [0, 14])
async def test_what_a_failover_ends_within_15_s_is_no_finding(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    assert await doctor._lasting(Cluster(monkeypatch, seconds).missing_leaders) == []
    assert await doctor._read_despite_failover(Cluster(monkeypatch, seconds).read) == "read"


async def test_what_lasts_for_15_s_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, 60)
    assert await doctor._lasting(cluster.missing_leaders) == [SENTENCE]
    assert cluster.seconds == 15
    cluster = Cluster(monkeypatch, 60)
    with pytest.raises(Unreachable, match="has no leader"):
        await doctor._read_despite_failover(cluster.read)
    assert cluster.seconds == 15


async def test_a_right_that_is_missing_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, 0)
    with pytest.raises(NotAllowed):
        await doctor._read_despite_failover(cluster.refuse)
    assert cluster.seconds == 1
