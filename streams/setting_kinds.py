"""Kinds of settings: text, numbers, switches and so on, each with the values that it takes.

`Settings` has one field for each variable of the environment and gives it a kind: `partitions: int = whole(4, least=1,
most=1024)`. The functions below return a `Setting`, typed as Any because the field has the type of its values. Their
argument is the default; None stands for no value. A text that the kind does not take raises ValueError, whose message
does not repeat the text, because that may be a password.

Our own, because pydantic-settings took a third of the CPU of a short command to import.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

__all__ = ["Secret", "Setting", "addresses", "choice", "hosts", "number", "path", "secret", "switch", "text", "whole"]

_TRUE: Final = {"1", "on", "t", "true", "y", "yes"}
_FALSE: Final = {"0", "off", "f", "false", "n", "no"}


#: A host: a name, an IPv4 address, or an IPv6 address in brackets; with a port or without.
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, repr=False)
class Secret:
    """A text that is in no log line and in no error message."""

    text: str

    def __bool__(self) -> bool:
        return bool(self.text)

    def __repr__(self) -> str:
        return "Secret('**********')"


@dataclass(eq=False)
class Setting:
    """What a field of `Settings` has in its class: its default, and how the text of its variable becomes a value."""

    default: Any
    #: Takes the text of a variable, or a value that a caller gives, and returns the value. Raises ValueError.
    parse: Callable[[Any], Any]
    #: A regular expression that the whole text must match; empty where any text will do.
    pattern: str = ""

    def read(self, value: Any) -> Any:
        """The value of a text or of a value; None stays None where that is the default. Raises ValueError."""
        return None if value is None and self.default is None else self.parse(value)


def text(default: str | None, *, pattern: str = "") -> Any:
    """A text; with `pattern` one that the regular expression matches as a whole."""

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("Input should be a valid string")
        if pattern and not re.fullmatch(pattern, value):
            raise ValueError(f"String should match pattern '{pattern}'")
        return value

    return Setting(default, parse, pattern)


def secret(default: str | None) -> Any:
    """A password or another text that nothing may show: its value is a `Secret`."""

    def parse(value: Any) -> Secret:
        return value if isinstance(value, Secret) else Secret(text("").parse(value))

    return Setting(None if default is None else Secret(default), parse)


def path(default: Path | None) -> Any:
    """The path of a file or folder, which need not be there."""
    return Setting(default, Path)


def whole(default: int | None, *, least: int, most: int | None = None) -> Any:
    """A whole number from `least` to `most`; without `most` it may be any larger one."""

    def parse(value: Any) -> int:
        try:
            parsed = value if isinstance(value, int) else int(str(value))
        except ValueError as error:
            raise ValueError("Input should be a valid integer, unable to parse string as an integer") from error
        _check_bounds(parsed, least, most)
        return parsed

    return Setting(default, parse)


def number(default: float, *, least: float | None = None, above: float | None = None, most: float | None = None) -> Any:
    """A number with or without a fraction, from `least` or above `above`, to `most`; of these, those that are given."""

    def parse(value: Any) -> float:
        try:
            parsed = float(value)
        except ValueError as error:
            raise ValueError("Input should be a valid number, unable to parse string as a number") from error
        if above is not None and not parsed > above:
            raise ValueError(f"Input should be greater than {above}")
        _check_bounds(parsed, least, most)
        return parsed

    return Setting(default, parse)


def switch(default: bool) -> Any:
    """True or false. Taken are 1, on, t, true, y, yes and 0, off, f, false, n, no, in capital or small letters."""

    def parse(value: Any) -> bool:
        word = str(value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("Input should be a valid boolean, unable to interpret input")
        return word in _TRUE

    return Setting(default, parse)


def choice(default: StrEnum) -> Any:
    """A member of the default's enumeration, by its value."""
    kind = type(default)

    def parse(value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError as error:
            raise ValueError(f"Input should be {' or '.join(repr(it.value) for it in kind)}") from error

    return Setting(default, parse)


def hosts(default: str) -> Any:
    """Hosts, each with a port or without, separated by commas; the value is the text as it was given."""

    def parse(value: Any) -> str:
        given: str = text("").parse(value)
        if not all(_HOST.fullmatch(one.strip()) or _is_ipv6(one.strip()) for one in given.split(",")):
            raise ValueError("Input should be hosts with their ports such as kafka-1:9092, separated by commas")
        return given

    return Setting(default, parse)


def addresses() -> Any:
    """IP addresses and networks such as 10.0.0.0/8, separated by commas; none by default. The value is the text as it
    was given. `*`, which uvicorn takes for all addresses, is refused: a client could then claim another address with
    each attempt to sign in, and the limit of attempts from one address would not hold."""

    def parse(value: Any) -> str:
        from ipaddress import ip_network

        given: str = text("").parse(value)
        try:
            for one in filter(None, (it.strip() for it in given.split(","))):
                ip_network(one)
        except ValueError as error:
            raise ValueError(
                "Input should be addresses and networks such as 10.0.0.0/8, separated by commas"
            ) from error
        return given

    return Setting("", parse)


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address

    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False


def _check_bounds(value: float, least: float | None, most: float | None) -> None:
    """Raises ValueError, for NaN too."""
    if least is not None and not value >= least:
        raise ValueError(f"Input should be greater than or equal to {least}")
    if most is not None and not value <= most:
        raise ValueError(f"Input should be less than or equal to {most}")
