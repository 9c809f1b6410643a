"""Kinds of settings: the default of a setting, and what makes a value of the text of its variable.

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


#: A name or an address of IPv4, or one of IPv6 in brackets, and a port.
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
    """Stands for the value of a field that a caller does not give. Where the default is None, None may be given."""

    default: Any
    #: Of a text, or of a value that is one already. Raises ValueError, whose message repeats nothing of the text.
    parse: Callable[[Any], Any]
    #: What a text must match.
    pattern: str = ""

    def read(self, value: Any) -> Any:
        return None if value is None and self.default is None else self.parse(value)


def text(default: str | None, *, pattern: str = "") -> Any:
    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("Input should be a valid string")
        if pattern and not re.fullmatch(pattern, value):
            raise ValueError(f"String should match pattern '{pattern}'")
        return value

    return Setting(default, parse, pattern)


def secret(default: str | None) -> Any:
    def parse(value: Any) -> Secret:
        return value if isinstance(value, Secret) else Secret(text("").parse(value))

    return Setting(None if default is None else Secret(default), parse)


def path(default: Path | None) -> Any:
    return Setting(default, Path)


def whole(default: int | None, *, least: int, most: int | None = None) -> Any:
    def parse(value: Any) -> int:
        try:
            parsed = value if isinstance(value, int) else int(str(value))
        except ValueError as error:
            raise ValueError("Input should be a valid integer, unable to parse string as an integer") from error
        _check_bounds(parsed, least, most)
        return parsed

    return Setting(default, parse)


def number(default: float, *, least: float | None = None, above: float | None = None, most: float | None = None) -> Any:
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
    def parse(value: Any) -> bool:
        word = str(value).lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("Input should be a valid boolean, unable to interpret input")
        return word in _TRUE

    return Setting(default, parse)


def choice(default: StrEnum) -> Any:
    kind = type(default)

    def parse(value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError as error:
            raise ValueError(f"Input should be {' or '.join(repr(it.value) for it in kind)}") from error

    return Setting(default, parse)


def hosts(default: str) -> Any:
    """Hosts, each with a port or without, separated by commas."""

    def parse(value: Any) -> str:
        given: str = text("").parse(value)
        if not all(_HOST.fullmatch(one.strip()) or _is_ipv6(one.strip()) for one in given.split(",")):
            raise ValueError("Input should be hosts with their ports such as kafka-1:9092, separated by commas")
        return given

    return Setting(default, parse)


def addresses() -> Any:
    """Addresses and networks, separated by commas. `*` is refused, with which a client could choose the address by
    which its attempts to sign in are counted."""

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
