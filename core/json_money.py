"""Decodes documents whose money may be JSON numbers, which are read exactly (docs/contract.md, "Ids, money and
moments"). Spend events and snapshots, of which there are many, have decoders of their own."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from core.errors import RefusedValue
from core.money import format_money, parse_json_number
from core.refusal import Refusal

__all__ = ["RefusedNumber", "decoder_with_money"]

_MONEY: Final = frozenset({"amount", "daily_budget", "monthly_budget", "total_budget"})
_OVERRIDES: Final = "budget_overrides"  # objects that have money too

_Decoded = TypeVar("_Decoded")

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode: Final = msgspec.json.Encoder().encode


class RefusedNumber(RefusedValue, ValueError):
    """A number that is no money, such as one with more than six fraction digits."""

    def __init__(self, field: str, refusal: Refusal) -> None:
        super().__init__(f"{field}: {refusal.message}")
        self.refusal = refusal


def decoder_with_money(of: type[_Decoded]) -> Callable[[bytes], _Decoded]:
    """A decoder of documents whose money is text. It raises what msgspec's raises, and RefusedNumber."""
    decode = msgspec.json.Decoder(of).decode

    def decoded(value: bytes) -> _Decoded:
        try:
            return decode(value)
        except msgspec.ValidationError:
            return decode(_with_text(value))

    return decoded


def _with_text(value: bytes) -> bytes:
    """The JSON object with decimal strings where its money is numbers."""
    members = _members(value)
    for name, raw in members.items():
        text = bytes(raw)
        if name in _MONEY and text[0] in b"-0123456789":
            members[name] = msgspec.Raw(_encode(_decimal(name, text.decode())))
        elif name == _OVERRIDES and text.startswith(b"["):
            items = (bytes(item) for item in _items(text))
            members[name] = msgspec.Raw(
                b"[" + b",".join(_with_text(item) if item.startswith(b"{") else item for item in items) + b"]"
            )
    return _encode(members)


def _decimal(name: str, text: str) -> str:
    micros = parse_json_number(text)
    if isinstance(micros, Refusal):
        raise RefusedNumber(name, micros)
    return format_money(micros)
