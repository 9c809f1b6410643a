"""Dead letters that their topic does not take whole: they are cut, told, and keep nothing else from being booked."""

import hashlib
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from ledger.ingest.dead_letters import shortened
from streams.dead_letters.outbox import ERROR_HEADERS, REASON_HEADER, OutgoingRecord
from streams.kafka.topics import Topic
from streams.kafka.truncation import DIGEST_HEADER, HEADERS_DROPPED_HEADER, LENGTH_HEADER
from streams.settings import Settings
from tests.ledger.conftest import LedgerTables, RunningLedger
from tests.lengths import length
from tests.streams.broker import Broker
from tests.streams.topic_changes import limit

NOON = "2025-09-08T12:00:00Z"
OURS = ((f"{ERROR_HEADERS}exception", b"not_storable"), (REASON_HEADER, b"not_storable"))
_headers = st.lists(st.tuples(st.sampled_from(["a", "trace", OURS[0][0]]), st.binary(max_size=400)), max_size=8)


async def test_a_letter_too_large_for_its_topic_is_cut_and_keeps_no_spend_waiting(
    broker: Broker, settings: Settings, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await limit(settings, Topic.DEAD_LETTERS, 3_000)
    await broker.brand("nike", at=NOON)
    home = broker.home("nike")
    head = f'{{"event_id":"big","brand_id":"nike","campaign_id":"c","amount":"1.00","x":"{"y" * 4_000}",'
    value = head.encode() + b'"attributes":{"n":"\\u0000"}}'
    large = (("trace", b"t" * 5_000), ("small", b"s"))
    await broker.publish(Topic.SPEND_EVENTS, value, partition=home, key="nike", at=NOON, headers=large)
    await broker.spend("nike", "c", "2.00", at=NOON, event_id="next")

    await ledger_tables.until("SELECT count(*), sum(amount) FROM spend_counted", [(2, Decimal(3))])
    await broker.until(lambda: len(broker.dead_letters) == 1)
    await ledger_tables.until(
        "SELECT sum(position) FROM ledger_position JOIN topic_incarnation USING (incarnation) "
        "WHERE topic LIKE '%%spend-events'",
        [(Decimal(2),)],
    )
    [letter] = broker.dead_letters
    observed = dict(letter.headers)
    assert value.startswith(letter.value) and 0 < len(letter.value) < 3_000
    assert observed[LENGTH_HEADER] == str(len(value)).encode()
    assert observed[DIGEST_HEADER] == hashlib.sha256(value).hexdigest().encode()
    assert observed[REASON_HEADER] == b"not_storable"
    assert int(observed[HEADERS_DROPPED_HEADER]) >= 1 and "trace" not in observed


async def test_a_topic_that_takes_no_letter_at_all_is_named_and_asked_again_until_it_does(
    broker: Broker, settings: Settings, ledger: RunningLedger, ledger_tables: LedgerTables
) -> None:
    await limit(settings, Topic.DEAD_LETTERS, 100)
    await broker.brand("nike", at=NOON)
    event = {"event_id": "nul", "brand_id": "nike", "campaign_id": "c", "amount": "1.00", "attributes": {"n": "\0"}}
    await broker.publish(Topic.SPEND_EVENTS, event, partition=broker.home("nike"), key="nike", at=NOON)
    await ledger_tables.until("SELECT count(*) FROM spend_counted", [(1,)])
    assert broker.dead_letters == []
    await limit(settings, Topic.DEAD_LETTERS, 100_000)
    await broker.until(lambda: len(broker.dead_letters) == 1)
    [letter] = broker.dead_letters
    # The topic may take more again while the letter is on its way in a shortened form.
    whole = json.dumps(event).encode()
    assert whole.startswith(letter.value)
    assert letter.value == whole or dict(letter.headers)[LENGTH_HEADER] == str(len(whole)).encode()


@given(st.binary(max_size=3_000), _headers)
@example_settings(max_examples=length(50, 200), deadline=None)
def test_a_letter_gets_shorter_down_to_what_says_why_and_never_says_anything_untrue(
    value: bytes, headers: list[tuple[str, bytes]]
) -> None:
    letter = OutgoingRecord(Topic.DEAD_LETTERS, 0, b"k", value, (*headers, *OURS))
    sizes = []
    for it in shortened(letter):
        observed = dict(it.headers)
        assert it.value is not None and value.startswith(it.value)
        assert (LENGTH_HEADER in observed) == (it.value != value)
        ours = [header for header in it.headers if header not in headers]
        if it.value != value:
            assert observed[LENGTH_HEADER] == str(len(value)).encode()
            assert observed[DIGEST_HEADER] == hashlib.sha256(value).hexdigest().encode()
        kept = len(it.headers) - len(OURS) - sum(name in observed for name in (LENGTH_HEADER, DIGEST_HEADER))
        kept -= HEADERS_DROPPED_HEADER in observed
        assert len(headers) - kept == int(observed.get(HEADERS_DROPPED_HEADER, b"0"))
        assert all(header in ours for header in OURS if header not in headers)
        sizes.append(len(it.value) + sum(len(n) + len(v) for n, v in it.headers[:kept]))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 0


@given(headers=_headers, before=st.integers(1, 900))
def test_headers_that_an_earlier_cut_has_dropped_are_counted_on(headers: list[tuple[str, bytes]], before: int) -> None:
    told = ((HEADERS_DROPPED_HEADER, str(before).encode()),)
    letter = OutgoingRecord(Topic.DEAD_LETTERS, 0, b"k", b"v" * 50, (*headers, *OURS, *told))
    for cut in shortened(letter):
        counts = [text for name, text in cut.headers if name == HEADERS_DROPPED_HEADER]
        missing = len(letter.headers) - len(cut.headers)
        added = sum(name in (LENGTH_HEADER, DIGEST_HEADER) for name, _ in cut.headers)
        assert counts == [str(before + missing + added).encode()]
