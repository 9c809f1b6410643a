"""Dead letters, and what became of one that was replayed or dropped."""

from console.api.schemas.common import Answer, Moment

__all__ = ["Copy", "DeadLetterDetail", "DeadLetterHeader", "DeadLetterList", "DeadLetterOutcome", "DeadLetterSummary"]


class DeadLetterSummary(Answer, frozen=True, kw_only=True):
    """`standing` is waiting, replayed or dropped. What the original lacks is null."""

    id: str
    at: Moment
    reason: str | None
    message: str | None
    original: str
    original_topic: str | None
    original_partition: int | None
    original_offset: int | None
    original_arrived_at: Moment
    key: str | None
    brand_id: str | None
    event_id: str | None
    size: int
    standing: str
    since: Moment
    by: str | None
    because: str | None


class DeadLetterHeader(Answer, frozen=True, kw_only=True):
    name: str
    value: str | None


class DeadLetterDetail(DeadLetterSummary, frozen=True, kw_only=True):
    """`value` is null where it is no text; `value_base64` is the exact bytes."""

    headers: list[DeadLetterHeader]
    value: str | None
    value_base64: str | None


class DeadLetterList(Answer, frozen=True, kw_only=True):
    items: list[DeadLetterSummary]
    next: str | None


class Copy(Answer, frozen=True, kw_only=True):
    topic: str
    partition: int
    offset: int


class DeadLetterOutcome(Answer, frozen=True, kw_only=True):
    """`result` is replayed, dropped, or already for one that was handled before."""

    id: str
    result: str
    dry_run: bool
    why: str | None
    reason: str | None
    brand_id: str | None
    event_id: str | None
    copy: Copy | None
