"""Every exception of the product; the docstring is the message.

SpendgateError
    ConfigurationError      a setting or a topic is wrong; retrying does not help
    RefusedValue            a value that an operator or a program gave is wrong
    NotFound                a brand, campaign or command that is not there
    NotCaughtUp             a worker or a ledger has not come as far as the answer needs
    Unreachable             broker or database did not answer
    Fenced                  another worker owns the partition now
"""

__all__ = [
    "ConfigurationError",
    "Fenced",
    "NotCaughtUp",
    "NotFound",
    "RefusedValue",
    "SpendgateError",
    "Unreachable",
]


class SpendgateError(Exception):
    """Spendgate could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigurationError(SpendgateError):
    """The configuration or the topics are not as they must be."""


class RefusedValue(SpendgateError):
    """A value is not acceptable."""


class NotFound(SpendgateError):
    """There is nothing of that name."""


class NotCaughtUp(SpendgateError):
    """A process is too far behind."""


class Unreachable(SpendgateError):
    """The broker or the database cannot be reached."""


class Fenced(SpendgateError):
    """Another worker has taken the partition over; nothing more may be written for it."""
