"""Escapes of control characters in foreign text, so that it moves no cursor, sets no title and reverses no line."""

from collections.abc import Callable
from typing import Final
from unicodedata import category

__all__ = ["one_line", "printable", "printable_json"]

#: Unicode categories: control, format (direction, zero width), surrogate, line separator, paragraph separator.
_HARMFUL: Final = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])


def printable(text: str) -> str:
    """Line ends and tabs stay; any other control character is written as its escape, such as `\\x1b`."""
    return _escaped(text, "\n\t", _escape)


def one_line(text: str) -> str:
    """The text as `printable` writes it, with line ends and tabs escaped too: for a value that must stay one line."""
    return _escaped(text, "", _escape)


def printable_json(text: str) -> str:
    """JSON of the same meaning: its own escapes, where `json.dumps` leaves the character as it is."""
    return _escaped(text, "", _json_escape)


def _escaped(text: str, kept: str, escape: Callable[[str], str]) -> str:
    if text.isprintable():
        return text
    return "".join(escape(it) if category(it) in _HARMFUL and it not in kept else it for it in text)


def _escape(character: str) -> str:
    return ascii(character)[1:-1]


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
