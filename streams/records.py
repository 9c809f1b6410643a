"""Bytes to messages and back, for every topic: the one place that knows that the wire is JSON."""

from typing import Final

import msgspec

from streams.core.records import (
    BrandDocument,
    BudgetReset,
    CampaignDocument,
    ControlCommand,
    DaypartingTick,
    SpendCorrection,
    SpendEvent,
)

__all__ = [
    "decode_brand",
    "decode_campaign",
    "decode_command",
    "decode_correction",
    "decode_reset",
    "decode_tick",
    "encode",
]

Message = (
    BrandDocument | BudgetReset | CampaignDocument | ControlCommand | DaypartingTick | SpendCorrection | SpendEvent
)

_encoder: Final = msgspec.json.Encoder()

decode_brand: Final = msgspec.json.Decoder(BrandDocument).decode
decode_campaign: Final = msgspec.json.Decoder(CampaignDocument).decode
decode_command: Final = msgspec.json.Decoder(ControlCommand).decode
decode_correction: Final = msgspec.json.Decoder(SpendCorrection).decode
decode_reset: Final = msgspec.json.Decoder(BudgetReset).decode
decode_tick: Final = msgspec.json.Decoder(DaypartingTick).decode


def encode(message: Message) -> bytes:
    """The JSON of a message; spend events and dead letters are passed on as the bytes that came in."""
    return _encoder.encode(message)
