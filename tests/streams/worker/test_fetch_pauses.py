"""How soon the next fetch is sent: soon after few records, and later where each fetch brings many."""

from types import SimpleNamespace

import pytest

from streams.worker.timed_fetcher import _AFTER_MANY_SECONDS, _BETWEEN_FETCHES_SECONDS, _MANY_RECORDS, TimedFetcher


def test_a_fetch_follows_later_after_many_records_and_soon_again_after_few() -> None:
    fetcher = TimedFetcher.__new__(TimedFetcher)
    pauses = []
    for records in (0, _MANY_RECORDS, _MANY_RECORDS + 1, 5_000, 1):
        fetcher.note_polled(records)
        pauses.append(fetcher.pause_seconds)
    soon, later = _BETWEEN_FETCHES_SECONDS, _AFTER_MANY_SECONDS
    assert pauses == [soon, soon, later, later, soon]
    assert soon < later


async def test_a_fetch_is_sent_once_the_pause_after_the_one_before_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[object] = []

    async def pause(seconds: float) -> None:
        steps.append(seconds)

    async def send(*_: object) -> bool:
        steps.append("sent")
        return True

    monkeypatch.setattr("streams.worker.timed_fetcher.time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr("streams.worker.timed_fetcher.asyncio.sleep", pause)
    monkeypatch.setattr("streams.worker.timed_fetcher.Fetcher._proc_fetch_request", send)
    fetcher = TimedFetcher.__new__(TimedFetcher)
    fetcher.sent_at, fetcher.fetching = {}, {}
    fetcher.fetched_at, fetcher.pause_seconds = {1: 99.0, 2: 50.0}, 4.0
    assert await fetcher._proc_fetch_request(None, 1, SimpleNamespace(topics=[]))
    assert steps == [3.0, "sent"]
    assert fetcher.fetched_at == {1: 100.0, 2: 50.0}
