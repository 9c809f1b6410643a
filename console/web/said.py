"""What a page says about the act that led to it: the address carries a word of this list, never a text."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["Flash", "flashes_of", "with_said"]

_PARAMETER: Final = "said"


class Flash(NamedTuple):
    kind: str
    text: str


_SAID: Final = {
    "saved": Flash("done", "Saved, and the broker has it."),
    "added": Flash("done", "Added, and the broker has it."),
    "kept": Flash(
        "warning",
        "Saved, but the broker has not answered in time. It is published as soon as the broker is back; "
        "until then the controller decides by what it had before.",
    ),
    "password": Flash("done", "The new password holds; every other browser is signed out."),
    "done": Flash("done", "Done; it holds from now on."),
    "revoked": Flash("done", "The token is revoked: it opens nothing any more."),
    "replayed": Flash("done", "The original was published again."),
    "dropped": Flash("done", "The dead letter is dropped: it is shown no more."),
}


def with_said(address: str, word: str) -> str:
    """The address of the next page, so that it says so."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != _PARAMETER]
    return urlunsplit(parts._replace(query=urlencode([*query, (_PARAMETER, word)])))


def flashes_of(query: Mapping[str, str]) -> list[Flash]:
    said = _SAID.get(query.get(_PARAMETER, ""))
    return [said] if said else []
