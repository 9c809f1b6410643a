"""How soon the next fetch is sent: soon after few records, and later where each fetch brings many."""

from streams.worker.consumer import _AFTER_MANY_SECONDS, _BETWEEN_FETCHES_SECONDS, _MANY_RECORDS, _TimedFetcher


def test_a_fetch_follows_later_after_many_records_and_soon_again_after_few() -> None:
    fetcher = _TimedFetcher.__new__(_TimedFetcher)
    pauses = []
    for records in (0, _MANY_RECORDS, _MANY_RECORDS + 1, 5_000, 1):
        fetcher.note_polled(records)
        pauses.append(fetcher.pause_seconds)
    soon, later = _BETWEEN_FETCHES_SECONDS, _AFTER_MANY_SECONDS
    assert pauses == [soon, soon, later, later, soon]
    assert soon < later
