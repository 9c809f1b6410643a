"""Decompresses batches piece by piece, so that the reader bounds the memory and not the producer."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import cramjam
import lz4.frame
import zstandard

from core.errors import SpendgateError

__all__ = ["GZIP", "LZ4", "SNAPPY", "ZSTD", "UnpacksTooLarge", "unpacked"]

#: The codec numbers of a record batch's attributes; 0 is none.
GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4

_PIECE_BYTES: Final = 128 * 1024
#: The largest block of snappy, which is decompressed as a whole. Java's producer makes blocks of 32 KiB, librdkafka one
#: of the whole batch.
_SNAPPY_BLOCK_MAX: Final = 16 * 1024 * 1024
#: How far back a zstd frame may refer, which is how much of it is kept at hand. Levels up to 20 stay within it.
_ZSTD_WINDOW_MAX: Final = 32 * 1024 * 1024
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16


class UnpacksTooLarge(SpendgateError, ValueError):
    """Decompressing the data would take too much memory."""


def unpacked(codec: int, packed: memoryview) -> Iterator[bytes]:
    """The decompressed data in pieces of at most 128 KiB, or of a block of snappy. Raises ValueError for invalid data,
    and its subclass UnpacksTooLarge."""
    unpack = _UNPACK.get(codec)
    if unpack is None:
        raise ValueError(f"compression codec {codec} is unknown")
    try:
        yield from unpack(packed)
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, RuntimeError, EOFError, struct.error) as error:
        raise ValueError(f"compressed data cannot be unpacked: {error}") from error


def _gunzip(packed: memoryview) -> Iterator[bytes]:
    rest: bytes | memoryview = packed
    while rest:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            piece = member.decompress(rest, _PIECE_BYTES)
            rest = member.unconsumed_tail
            if not piece and not rest and not member.eof:
                raise EOFError("the gzip data ends too early")
            yield piece
        rest = member.unused_data.lstrip(b"\0")  # padding, as gzip itself passes over it


def _unsnappy(packed: memoryview) -> Iterator[bytes]:
    if bytes(packed[: len(_XERIAL)]) != _XERIAL or len(packed) <= _XERIAL_HEADER_BYTES:
        yield _snappy_block(packed)
        return
    at = _XERIAL_HEADER_BYTES
    while at < len(packed):
        (length,) = struct.unpack_from("!I", packed, at)
        at += 4
        if length > len(packed) - at:
            raise EOFError("the snappy data ends too early")
        yield _snappy_block(packed[at : at + length])
        at += length


def _snappy_block(block: memoryview) -> bytes:
    length = cramjam.snappy.decompress_raw_len(block)
    if length > _SNAPPY_BLOCK_MAX:
        raise UnpacksTooLarge(f"a block of snappy unpacks to {length} bytes, at most {_SNAPPY_BLOCK_MAX} are taken")
    return bytes(cramjam.snappy.decompress_raw(block))


def _unlz4(packed: memoryview) -> Iterator[bytes]:
    rest: bytes | memoryview = packed
    while rest:
        frame = lz4.frame.LZ4FrameDecompressor()
        yield frame.decompress(rest, max_length=_PIECE_BYTES)
        while not frame.eof:
            if frame.needs_input:
                raise EOFError("the lz4 data ends too early")
            yield frame.decompress(b"", max_length=_PIECE_BYTES)
        rest = frame.unused_data or b""


def _unzstd(packed: memoryview) -> Iterator[bytes]:
    window = zstandard.get_frame_parameters(packed).window_size
    if window > _ZSTD_WINDOW_MAX:
        raise UnpacksTooLarge(f"the zstd window has {window} bytes, at most {_ZSTD_WINDOW_MAX} are taken")
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX).stream_reader(packed, read_across_frames=True)
    while piece := reader.read(_PIECE_BYTES):
        yield piece


_UNPACK: Final[dict[int, Callable[[memoryview], Iterator[bytes]]]] = {
    GZIP: _gunzip,
    SNAPPY: _unsnappy,
    LZ4: _unlz4,
    ZSTD: _unzstd,
}
