"""Seeded record batches of all kinds that a broker takes, for any topic."""

import struct
from collections.abc import Sequence
from itertools import chain
from random import Random
from typing import Final

import msgspec

from core import records
from core.state_records import AlertRecord, BrandRecord, CampaignRecord, CostRecord, PartRecord
from streams.kafka.decompression import ZSTD
from streams.kafka.topics import Topic
from tests.streams.raw_batches import CODECS, Raw, RawHeaders, batch

_COMPACTED: Final = frozenset({Topic.CATALOG, Topic.CAMPAIGN_CONTROL, Topic.CONTROL_HEARTBEAT, Topic.CONTROLLER_STATE})
_NAMES: Final = (
    *(b"spendgate-rerouted", b"spendgate-arrival", b"spendgate-reason", b"spendgate-replayed"),
    *(
        b"__streams.errors.exception",
        b"__streams.errors.topic",
        b"__streams.errors.offset",
        b"\xff\xfe",
        b"ce_\xc3",
        b"",
    ),
)
_NUMBERS: Final = (
    b"0",
    b"-1",
    b"1e400",
    b"1e-400",
    b"9" * 400,
    b"9223372036854775808",
    b"NaN",
    b"-0.0",
    b"1.0000000001",
)
_TEXTS: Final = (
    b"x",
    b"\\ud800",
    b"\\u0000",
    b"9999-12-31",
    b"0001-01-01T00:00:00Z",
    b"UTC",
    b"../x",
    b"nike",
    b"",
    b"\xff",
)
#: What is on each topic; of all of them every field is drawn.
_MESSAGES: Final[dict[Topic, tuple[type[msgspec.Struct], ...]]] = {
    Topic.SPEND_EVENTS: (records.SpendEvent,),
    Topic.SPEND_SNAPSHOTS: (records.SpendSnapshot,),
    Topic.SPEND_CORRECTIONS: (records.SpendCorrection,),
    Topic.CATALOG: (records.BrandDocument, records.CampaignDocument),
    Topic.DAYPARTING_TICKS: (records.DaypartingTick,),
    Topic.BUDGET_RESETS: (records.BudgetReset,),
    Topic.CAMPAIGN_CONTROL: (records.ControlCommand,),
    Topic.CONTROL_HEARTBEAT: (records.ControlHeartbeat,),
    Topic.CONTROL_ACKS: (records.ControlAck,),
    Topic.BUDGET_ALERTS: (records.BudgetAlert,),
    Topic.DEAD_LETTERS: (records.SpendEvent, records.SpendSnapshot),
    Topic.CONTROLLER_STATE: (BrandRecord, CampaignRecord, CostRecord, AlertRecord),
}
_STRUCTS: Final[tuple[type[msgspec.Struct], ...]] = (*chain.from_iterable(_MESSAGES.values()), PartRecord)
_FIELDS: Final = tuple(sorted({field.encode() for it in _STRUCTS for field in it.__struct_fields__}))
_STATE_KEYS: Final = (
    b"part",
    b"seen/x",
    b"seen/-1",
    b"doc/",
    b"brand/nobody",
    b"campaign/no/body",
    b"doc/no/body",
    b"seen/7/7",
    b"cost/nobody/c/google-ads/2025-09-08",
    b"cost/nobody/c/google-ads/x",
    b"alert/nobody/daily",
)


class Hostile:
    """`batch_for` draws the next batch; `keys` are of brands that exist."""

    def __init__(self, seed: int, keys: Sequence[bytes]) -> None:
        self.random = Random(seed)
        self._keys = keys

    def batch_for(self, topic: Topic, count: int, good: Sequence[Raw] = ()) -> tuple[bytes, int]:
        """A batch of hostile records with the good ones among them, and how many that are."""
        random = self.random
        drawn = [self._record(topic) for _ in range(count)]
        for one in good:
            drawn.insert(random.randint(0, len(drawn)), one)
        if random.random() < 0.01:
            drawn.insert(random.randint(0, len(drawn)), Raw(self._key(topic), b" " * random.randint(5, 40) * 2**20))
            return batch(drawn, ZSTD), len(drawn)
        return batch(drawn, random.choice(CODECS), xerial=random.random() < 0.5), len(drawn)

    def _record(self, topic: Topic) -> Raw:
        random = self.random
        forged_delta = random.randint(-(2**31), 2**31 - 1) if random.random() < 0.005 else None
        attributes = random.randrange(256) if random.random() < 0.02 else 0
        value = None if random.random() < 0.1 else self._value(topic, random.randrange(8))
        if topic is Topic.CONTROLLER_STATE and value is not None and random.random() < 0.2:
            value = b'{"schema":1,"positions":7}'
        return Raw(self._key(topic), value, self._headers(), forged_delta, attributes)

    def _key(self, topic: Topic) -> bytes | None:
        random = self.random
        if topic is Topic.CONTROLLER_STATE:  # what it has of a brand is believed, as it must be
            return random.choice((*_STATE_KEYS, b"\xff", b"x", random.randbytes(9)))
        keys = (b"", b"\xff/\xfe", b"nobody", b"a/b/c", random.randbytes(6), b"k" * 300, *self._keys)
        key = random.choice(keys)
        return None if topic not in _COMPACTED and random.random() < 0.2 else key

    def _headers(self) -> RawHeaders:
        random = self.random
        if random.random() < 0.6:
            return ()
        count = 3_000 if random.random() < 0.002 else random.randint(1, 4)
        return tuple(
            (random.choice(_NAMES), random.choice((None, b"", b"\x1b[31m", b"\xff", b"7"))) for _ in range(count)
        )

    def _value(self, topic: Topic, kind: int) -> bytes:
        random = self.random
        if kind == 0:
            return random.randbytes(random.randint(0, 60))
        if kind == 1:
            depth = random.choice((3, 300, 20_000))
            return random.choice((b"[", b'{"version":', b'{"attributes":{"a":')) * depth
        if kind == 2:
            return struct.pack(">q", random.getrandbits(62)) * random.randint(1, 5)
        if kind > 5:
            return self._message(topic)
        fields = b",".join(b'"%b":%b' % (random.choice(_FIELDS), self._json()) for _ in range(random.randint(0, 9)))
        return b"{%b}" % fields if kind < 5 else b"{%b" % fields

    def _message(self, topic: Topic) -> bytes:
        """One of the topic's with all of its fields, each of a kind that any field of any message has."""
        names = self.random.choice(_MESSAGES[topic]).__struct_fields__
        return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), self._json()) for name in names)

    def _json(self) -> bytes:
        random = self.random
        text = b'"%b"' % random.choice((*_TEXTS, *_NUMBERS))
        return random.choice((text, text, random.choice(_NUMBERS), b"null", b"true", b"[]", b"{}", b'[{"from":null}]'))
