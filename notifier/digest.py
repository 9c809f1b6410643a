"""When people get messages, and in which words: what comes within a minute is one message."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from core.moment import SECOND, Moment
from models.queries.deliveries import DIGEST_WINDOW_SECONDS
from notifier.messages import Summary

__all__ = ["Digest", "digest_due_at", "digest_of"]

#: Nothing more has come for so long …
_QUIET_MS: Final = 5 * SECOND
#: … or the first one has waited for so long; and so long lies between two messages of a channel.
_WINDOW_MS: Final = DIGEST_WINDOW_SECONDS * SECOND
_LINES: Final = 20


class Digest(NamedTuple):
    title: str
    text: str


def digest_due_at(oldest_at: Moment, newest_at: Moment, last_sent_at: Moment | None) -> Moment:
    """The moment at which the waiting messages are sent to people, if nothing more comes until then."""
    due_at = min(newest_at + _QUIET_MS, oldest_at + _WINDOW_MS)
    return due_at if last_sent_at is None else max(due_at, last_sent_at + _WINDOW_MS)


def digest_of(summaries: Sequence[Summary]) -> Digest:
    """One message in place of all of these, of which there is at least one; the oldest first, at most 20 in full."""
    if len(summaries) == 1:
        return Digest(f"Spendgate: {summaries[0].title}", summaries[0].words)
    brands = {it.brand_id for it in summaries}
    counts = Counter(it.title for it in summaries)
    title = f"Spendgate: {len(summaries):,} messages of {_counted(len(brands), 'brand')}"
    lines = []
    if len(summaries) > _LINES:
        # First, because a service may cut a long text at its end.
        lines.append(f"The first {_LINES} are below; `spendgate notification list` has all {len(summaries):,}.")
        lines += [f"{count:,} times {what}" for what, count in counts.most_common()]
    lines += [it.words for it in summaries[:_LINES]]
    return Digest(title, "\n".join(lines))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
