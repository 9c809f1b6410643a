"""Encodes and decodes the messages of topics as JSON. Spend, snapshots and `controller-state` have decoders in the
core."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from core.json_money import RefusedNumber, decoder_with_money
from core.records import (
    BrandDocument,
    BudgetAlert,
    BudgetReset,
    CampaignDocument,
    ControlAck,
    ControlCommand,
    ControlHeartbeat,
    DaypartingTick,
    SpendCorrection,
    SpendEvent,
    SpendSnapshot,
)

__all__ = [
    "decode_ack",
    "decode_alert",
    "decode_brand",
    "decode_campaign",
    "decode_command",
    "decode_correction",
    "decode_reset",
    "decode_tick",
    "decoder",
    "encode",
]

Message = (
    BrandDocument
    | BudgetAlert
    | BudgetReset
    | CampaignDocument
    | ControlCommand
    | ControlHeartbeat
    | DaypartingTick
    | SpendCorrection
    | SpendEvent
    | SpendSnapshot
)

_encoder: Final = msgspec.json.Encoder()

_Decoded = TypeVar("_Decoded")


def decoder(of: type[_Decoded]) -> Callable[[bytes], _Decoded]:
    """A decoder that raises msgspec.DecodeError for any invalid bytes, also deeply nested ones and incomplete UTF-8."""
    return _of_invalid_bytes(msgspec.json.Decoder(of).decode)


def _of_invalid_bytes(decode: Callable[[bytes], _Decoded]) -> Callable[[bytes], _Decoded]:
    def decoded(value: bytes) -> _Decoded:
        try:
            return decode(value)
        except (UnicodeDecodeError, RecursionError, RefusedNumber) as error:
            raise msgspec.DecodeError(str(error)) from error

    return decoded


decode_alert: Final = decoder(BudgetAlert)
decode_ack: Final = decoder(ControlAck)
decode_brand: Final = _of_invalid_bytes(decoder_with_money(BrandDocument))
decode_campaign: Final = _of_invalid_bytes(decoder_with_money(CampaignDocument))
decode_command: Final = decoder(ControlCommand)
decode_correction: Final = _of_invalid_bytes(decoder_with_money(SpendCorrection))
decode_reset: Final = decoder(BudgetReset)
decode_tick: Final = decoder(DaypartingTick)


def encode(message: Message) -> bytes:
    """The JSON of a message. Spend events and dead letters of producers are published as the bytes that were read."""
    return _encoder.encode(message)
