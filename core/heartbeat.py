"""Up to which moment everything that arrived is decided and published (docs/contract.md, "control-heartbeat").

Of one partition number. Moments of arrival are the brokers' clocks; those at which a fetch was sent are the worker's.
"""

from collections.abc import Hashable, Iterable
from typing import Final

from core.moment import ALWAYS, Moment

__all__ = ["CLOCKS_APART_MS", "DecidedUpTo"]

#: So far apart may be the clocks of worker and brokers, and the time stamp of a record and its being readable.
CLOCKS_APART_MS: Final = 250


class DecidedUpTo:
    """Grows, and never beyond what its inputs and what is pending allow."""

    def __init__(self) -> None:
        #: What is true now; ALWAYS as long as nothing is known.
        self.moment: Moment = ALWAYS
        #: So much less is claimed than the worker's clock says; grows with every claim that proved wrong.
        self.margin_ms = CLOCKS_APART_MS
        self._margin_of_claim_ms = CLOCKS_APART_MS  # with which `moment` was reached
        self._reached: Moment = ALWAYS  # by the inputs alone
        self._pending: dict[Hashable, Moment] = {}

    def observe(self, inputs: Iterable[Moment], pending: Iterable[Hashable]) -> None:
        """Take up to where each input is applied (ALWAYS where that is not known), and what else has to come before
        everything applied is published: resumes that are pending, spend that was made of totals.

        What was not pending the last time was made by a record that was not applied then, so all that arrived before
        the moment reached then came before its cause.
        """
        self._pending = {what: self._pending.get(what, self._reached) for what in pending}
        self._reached = max(self._reached, min(inputs))
        moment = min([self._reached, *self._pending.values()])
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
