"""Snapshots that name their campaign by its id at the platform (docs/contract.md, "spend-snapshots"). Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from core.refusal import Refusal, invalid_field
from core.spend import MAX_VALUE_BYTES
from models.queries.external_ids import CampaignIds

__all__ = ["AnyRefusal", "ExternalIdReason", "ExternalIdRefusal", "external_id_of", "with_ids"]

#: The length that the catalog accepts.
_LENGTH_MAX: Final = 200
_SHOWN: Final = 80
_IDS_SHOWN: Final = 10
_FIELD: Final = "external_id"

_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.Encoder().encode


class ExternalIdReason(StrEnum):
    UNKNOWN = "unknown_external_id"
    AMBIGUOUS = "ambiguous_external_id"


class ExternalIdRefusal(NamedTuple):
    """The refusal of an external_id; `campaign_ids` are the campaigns that share it, none where no campaign has it."""

    reason: ExternalIdReason
    message: str
    campaign_ids: tuple[str, ...]


AnyRefusal = Refusal | ExternalIdRefusal


def external_id_of(value: bytes) -> str | Refusal | None:
    """The snapshot's external_id; None where it has none, or where `read_snapshot` will refuse it."""
    fields = _fields(value)
    raw = bytes(fields.get(_FIELD, b"null"))
    if raw == b"null":
        return None
    if not raw.startswith(b'"'):
        return invalid_field("external_id: write it as a string, because programs round numbers of many digits")
    if both := [name for name in ("brand_id", "campaign_id") if bytes(fields.get(name, b"null")) != b"null"]:
        return invalid_field(f"external_id: it stands in place of brand_id and campaign_id; leave {both[0]} out, or it")
    try:
        external_id = msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return invalid_field(f"external_id: {error}")
    if not external_id.isprintable() or not 0 < len(external_id) <= _LENGTH_MAX:
        return invalid_field(f"external_id: must be 1-{_LENGTH_MAX} printable characters")
    return external_id


def with_ids(
    value: bytes, external_id: str | Refusal | None, campaigns: Mapping[str, Sequence[CampaignIds]]
) -> bytes | AnyRefusal:
    """The snapshot with the ids of the campaign that has its external_id, in place of it; other fields keep their
    bytes. An ExternalIdRefusal where not exactly one campaign has it."""
    if external_id is None:
        return value
    if isinstance(external_id, Refusal):
        return external_id
    found = campaigns.get(external_id, ())
    shown = repr(external_id[:_SHOWN])
    if not found:
        message = f"external_id: no campaign has {shown}; give it to one, or write brand_id and campaign_id"
        return ExternalIdRefusal(ExternalIdReason.UNKNOWN, message, ())
    if len(found) > 1:
        ids = tuple(one.campaign_id for one in found[:_IDS_SHOWN])
        message = (
            f"external_id: {len(found)} campaigns have {shown} ({', '.join(ids)}{', …' * (len(found) > len(ids))}); "
            "write brand_id and campaign_id"
        )
        return ExternalIdRefusal(ExternalIdReason.AMBIGUOUS, message, ids)
    fields: dict[str, object] = {name: raw for name, raw in _fields(value).items() if name != _FIELD}
    return _encode({**fields, **found[0]._asdict()})


def _fields(value: bytes) -> dict[str, msgspec.Raw]:
    if len(value) > MAX_VALUE_BYTES:
        return {}
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
