"""The header `traceparent` of W3C Trace Context, by which traces follow a spend to its command.

docs/contract.md, "campaign-control".
"""

import re
from typing import Final

__all__ = ["TRACE_PARENT_HEADER", "is_trace_parent"]

TRACE_PARENT_HEADER: Final = "traceparent"

#: Version, trace id, parent id, flags. Version ff and ids of zeros are invalid.
_SHAPE: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_trace_parent(value: bytes | None) -> bool:
    """Whether the value is a valid `traceparent` with the four fields that W3C Trace Context defines."""
    return value is not None and _SHAPE.fullmatch(value) is not None
