"""The records of `controller-state`, folded to the latest of each key: one rule for all who read the topic."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Protocol, TypeVar

import msgspec

from core.duplicates import DuplicateWindow
from core.moment import Moment
from core.state import BrandState, PartitionState
from core.state_records import PART_KEY, SEEN_PREFIX, PartRecord, decode_part, is_state_key
from core.state_restore import Skipped, restore

__all__ = ["Applied", "Changelog"]


class Applied(msgspec.Struct, frozen=True, gc=False):
    """What a record changed: the key that belongs to a brand, if any; `skipped` is the cause when it changed nothing.

    Made for every record, of which a restart reads very many and asks nothing.
    """

    key: bytes | None = None
    skipped: str | None = None

    @property
    def brand_id(self) -> str | None:
        return None if self.key is None else _brand_of(self.key)


class _KeyAndValue(Protocol):
    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...


_Record = TypeVar("_Record", bound=_KeyAndValue)


class Changelog:
    """The latest records of one partition of `controller-state`, as they are read in the order of their offsets.

    A tombstone removes its key, as compaction will. A record whose key is not one of core.state_records, and a `part`
    that cannot be decoded, change nothing and are counted in `skipped`. Values of brands and campaigns are decoded by
    `brand` and `restore` only, so that following many brands costs no decoding.

    `of_brand` keeps the records of one brand alone; `with_event_ids=False` leaves out `seen/<n>`. Both keep `part`.
    """

    def __init__(self, *, of_brand: str | None = None, with_event_ids: bool = True) -> None:
        #: The last record of a flush: schema, ids of topics, applied offsets and clock; None before the first flush.
        self.part: PartRecord | None = None
        #: How many records the controller cannot have written.
        self.skipped = 0
        self._of_brand = of_brand
        self._with_event_ids = with_event_ids
        self._records: dict[bytes, bytes] = {}  # all but `part`
        self._part_value: bytes | None = None
        self._keys_of: dict[str, dict[bytes, None]] | None = None  # brand -> its keys; made at the first question
        self._restored: dict[str, BrandState] = {}

    @property
    def clock(self) -> Moment:
        """The highest tick of the partition, 0 before the first flush."""
        return self.part.clock if self.part else 0

    def apply(self, key: bytes | None, value: bytes | None) -> Applied:
        """Fold the topic's next record in: its key, and its value or None for a tombstone. Never raises."""
        if key is None or not (key in self._records or is_state_key(key)):
            return self.skip(f"no key of the controller's: {(key or b'')[:80]!r}")
        if key == _PART:
            return self._apply_part(value)
        if key.startswith(_SEEN):
            if self._with_event_ids and self._of_brand is None:
                self._put(key, value)
            return _NO_BRAND
        if self._of_brand is not None and self._of_brand != _brand_of(key):
            return _NO_BRAND
        self._put(key, value)
        if self._keys_of is not None:  # at a restart nobody has asked yet
            self._note_key(self._keys_of, key, value is not None)
        return Applied(key)

    def take(self, records: Iterable[_Record]) -> Iterator[_Record]:
        """Fold in those of the topic's next records that give a key of a brand or of event ids a value, as nearly all
        of a restart do, in half of the time of `apply`. Yields each other one, to be applied before the next is asked
        for."""
        held, takes_all = self._records, self._with_event_ids and self._of_brand is None
        for record in records:
            key, value = record.key, record.value
            if (
                type(value) is bytes  # a subclass is what a reader puts in place of a value that it could not read
                and (key in held or (takes_all and key is not None and key != _PART and is_state_key(key)))
                and self._keys_of is None
            ):
                held[key] = value
            else:
                yield record

    def skip(self, why: str) -> Applied:
        """Count a record that the controller cannot have written; callers report by it one that they could not read."""
        self.skipped += 1
        return Applied(skipped=why)

    def brand_ids(self) -> list[str]:
        """The ids of all brands of which there is a record, sorted."""
        return sorted(self._index())

    def brand(self, brand_id: str) -> BrandState | None:
        """The brand with its campaigns as the controller would restore it; None when no record of it is there.

        A record that cannot be decoded is left out. The caller must not change the state, which later calls return too.
        """
        keys = self._index().get(brand_id)
        if keys is None:
            return None
        if brand_id not in self._restored:
            state = PartitionState(0, DuplicateWindow(1))
            restore(state, ((key.decode(), self._records[key]) for key in keys))
            self._restored[brand_id] = state.brand(brand_id)
        return self._restored[brand_id]

    def restore(self, state: PartitionState, skipped: Skipped = lambda key, why: None) -> None:
        """Fill an empty state. A record that cannot be decoded is left out and given to `skipped`."""
        restore(state, self._with_part((key.decode(), value) for key, value in self._records.items()), skipped)

    def restore_and_clear(self, state: PartitionState, skipped: Skipped) -> None:
        """`restore`, and forget each record but `part` as soon as it is restored: both are not in memory at once."""
        records, self._records, self._keys_of = self._records, {}, None
        restore(state, self._with_part((key.decode(), records.pop(key)) for key in list(records)), skipped)

    def _with_part(self, records: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        return records if self._part_value is None else chain(((PART_KEY, self._part_value),), records)

    def _apply_part(self, value: bytes | None) -> Applied:
        try:
            self.part = decode_part(value)
        except ValueError as error:
            return self.skip(str(error))
        self._part_value = value
        return _NO_BRAND

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._records.pop(key, None)
        else:
            self._records[key] = value

    def _note_key(self, keys_of: dict[str, dict[bytes, None]], key: bytes, exists: bool) -> None:
        brand_id = _brand_of(key)
        self._restored.pop(brand_id, None)
        keys = keys_of.setdefault(brand_id, {})
        if exists:
            keys[key] = None
        else:
            keys.pop(key, None)
        if not keys:
            del keys_of[brand_id]

    def _index(self) -> dict[str, dict[bytes, None]]:
        if self._keys_of is None:
            self._keys_of = {}
            for key in self._records:
                if not key.startswith(_SEEN):
                    self._keys_of.setdefault(_brand_of(key), {})[key] = None
        return self._keys_of


_PART: Final = PART_KEY.encode()
_SEEN: Final = SEEN_PREFIX.encode()
_NO_BRAND: Final = Applied()


def _brand_of(key: bytes) -> str:
    """The brand that a key of any kind but `part` and `seen` belongs to."""
    return key.split(b"/", 2)[1].decode()
