"""Which partition a key belongs to: the Java client's default, `(murmur2(key) & 0x7fffffff) % partitions`."""

from functools import lru_cache
from struct import iter_unpack

__all__ = ["murmur2", "partition_of"]

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995
_SEED = 0x9747B28C


@lru_cache(maxsize=262_144)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, 0 to `partitions` - 1. All records of a brand are in that of its brand_id."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    length = len(data)
    value = _SEED ^ length
    whole = length & ~3
    for (word,) in iter_unpack("<I", data[:whole]):
        word = word * _MULTIPLIER & _MASK
        value = (value * _MULTIPLIER & _MASK) ^ ((word ^ (word >> 24)) * _MULTIPLIER & _MASK)
    if whole < length:
        value = (value ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    value = (value ^ (value >> 13)) * _MULTIPLIER & _MASK
    return value ^ (value >> 15)
