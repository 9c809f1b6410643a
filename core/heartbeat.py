"""Up to where everything that arrived is decided and published (docs/contract.md, "control-heartbeat").

It is a moment, and an offset for each input, of one partition number. Arrivals are by the brokers' clocks, the moment
at which a fetch was sent by the worker's.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from core.moment import ALWAYS, Moment

__all__ = ["CLOCKS_APART_MS", "DecidedUpTo"]

#: How far the clocks of worker and brokers may be apart, and how long after its timestamp a record becomes readable.
CLOCKS_APART_MS: Final = 250


class _Reached(NamedTuple):
    """Up to where the inputs were applied when `observe` was called."""

    moment: Moment
    offsets: Mapping[str, int]  # empty as long as nothing is known


class DecidedUpTo:
    """Up to where one partition number is decided. It never goes back, nor beyond what is not applied or pending."""

    def __init__(self) -> None:
        #: What is true now; ALWAYS as long as nothing is known.
        self.moment: Moment = ALWAYS
        #: The same as the offsets below which every record of an input is decided.
        self.offsets: Mapping[str, int] = {}
        #: What is taken off the worker's clock; it grows with every claim that proved wrong.
        self.margin_ms = CLOCKS_APART_MS
        self._margin_of_claim_ms = CLOCKS_APART_MS  # with which `moment` was reached
        self._reached = _Reached(ALWAYS, {})  # by the inputs alone
        self._pending: dict[Hashable, _Reached] = {}

    def observe(self, inputs: Iterable[Moment], offsets: Mapping[str, int], pending: Iterable[Hashable]) -> None:
        """Take up to where each input is applied, as moments (ALWAYS where that is not known) and as offsets by input,
        and what else has to come before everything applied is published: resumes that are pending, spend that was made
        of totals.

        What was not pending the last time was made by a record that was not applied then, so all that was reached then
        came before its cause.
        """
        self._pending = {what: self._pending.get(what, self._reached) for what in pending}
        self._reached = _Reached(max(self._reached.moment, min(inputs)), offsets)
        held = [self._reached, *self._pending.values()]
        self.offsets = {name: min([it.offsets.get(name, 0) for it in held]) for name in offsets}
        moment = min([it.moment for it in held])
        if moment > self.moment:
            self.moment, self._margin_of_claim_ms = moment, self.margin_ms

    def sent_at(self, moment: Moment) -> Moment:
        """The moment on the brokers' clocks before which all arrivals are in the answer of a fetch sent at `moment`."""
        return moment - self.margin_ms

    def contradicted_by(self, arrival: Moment) -> bool:
        """Whether a record arrives that should have been there before: the clocks are further apart than was taken. The
        margin becomes what the claim would have needed, however many records contradict it."""
        if arrival >= self.moment:
            return False
        self.margin_ms = max(self.margin_ms, self._margin_of_claim_ms + self.moment - arrival)
        return True
