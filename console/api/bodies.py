"""Bodies of requests: bounded, JSON, of a known shape. What their values may be, `console.validation` says."""

from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

import msgspec
from fastapi import Request
from msgspec import UNSET, Meta, Raw, UnsetType

from console import validation
from console.api.problems import Problem, too_large
from models.catalog import BrandChanges, CampaignChanges
from models.daypart_window import Window
from streams.errors import RefusedValue

__all__ = [
    "BODY_BYTES_MAX",
    "BrandEdit",
    "CampaignEdit",
    "NewBrand",
    "NewCampaign",
    "NewWindow",
    "NewWindows",
    "brand_changes",
    "budget",
    "campaign_changes",
    "day_or_none",
    "read_body",
    "read_bytes",
    "text_or_none",
    "windows",
]

BODY_BYTES_MAX: Final = 256 * 1024

_Body = TypeVar("_Body", bound=msgspec.Struct)

_BUDGET: Final = {
    "description": 'A decimal string or number of up to 6 fraction digits; null or "none" is unlimited, 0 lets nothing '
    "be spent.",
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
}
#: As it was written, because a float would not be exact.
Budget = Annotated[Raw, Meta(extra_json_schema=_BUDGET)]
#: What is said here of lengths and patterns is only told: the rules are those of `console.validation`.
Text = Annotated[str, Meta(extra_json_schema={"maxLength": 200})]
Id = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9._:-]{1,64}$"})]
#: Null or "none" leaves that end of the flight open.
Day = Annotated[str, Meta(description="YYYY-MM-DD in the brand's time zone, inclusive, or none.")] | None


class NewWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Half open, local wall clock; `to` at or before `from` runs past midnight, "24:00" is the end of the day."""

    days: Annotated[list[str], Meta(max_length=7)]
    from_: str = msgspec.field(name="from")
    to: str


class NewWindows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All windows of a campaign, instead of those it had; none is always. Also as text: "mon-fri 09:00-17:00"."""

    windows: Annotated[list[NewWindow | str], Meta(max_length=500)]


class NewBrand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    brand_id: Id
    currency: str
    time_zone: str | None = None
    name: Text = ""
    daily_budget: Budget | UnsetType = UNSET
    monthly_budget: Budget | UnsetType = UNSET
    enabled: bool = True


class BrandEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Text | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    daily_budget: Budget | UnsetType = UNSET
    monthly_budget: Budget | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class NewCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    campaign_id: Id
    brand_id: Id
    name: Text = ""
    external_id: Text | None = None
    daily_budget: Budget | UnsetType = UNSET
    total_budget: Budget | UnsetType = UNSET
    starts_on: Day = None
    ends_on: Day = None
    enabled: bool = True
    windows: Annotated[list[NewWindow | str], Meta(max_length=500)] = []


class CampaignEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; windows have an address of their own."""

    name: Text | UnsetType = UNSET
    external_id: Text | UnsetType | None = UNSET
    daily_budget: Budget | UnsetType = UNSET
    total_budget: Budget | UnsetType = UNSET
    starts_on: Day | UnsetType = UNSET
    ends_on: Day | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


async def read_body(request: Request, kind: type[_Body]) -> _Body:
    """Raises a Problem: 413 too large, 415 no JSON by its header, 400 none by its bytes, 422 of another shape."""
    data = await read_bytes(request, BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The body is refused: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.") from error


async def read_bytes(request: Request, most: int) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON, with `Content-Type: application/json`.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise too_large(most)
    return bytes(data)


def brand_changes(edit: BrandEdit) -> BrandChanges:
    """Checked; the time zone is changed on its own."""
    changes = BrandChanges()
    if edit.name is not UNSET:
        changes["name"] = validation.name(edit.name)
    if edit.daily_budget is not UNSET:
        changes["daily_budget_micros"] = budget("daily budget", edit.daily_budget)
    if edit.monthly_budget is not UNSET:
        changes["monthly_budget_micros"] = budget("monthly budget", edit.monthly_budget)
    if edit.enabled is not UNSET:
        changes["enabled"] = edit.enabled
    if edit.archived is not UNSET:
        changes["archived"] = edit.archived
    return changes


def campaign_changes(edit: CampaignEdit) -> CampaignChanges:
    changes = CampaignChanges()
    if edit.name is not UNSET:
        changes["name"] = validation.name(edit.name)
    if edit.external_id is not UNSET:
        changes["external_id"] = text_or_none(edit.external_id)
    if edit.daily_budget is not UNSET:
        changes["daily_budget_micros"] = budget("daily budget", edit.daily_budget)
    if edit.total_budget is not UNSET:
        changes["total_budget_micros"] = budget("total budget", edit.total_budget)
    if edit.starts_on is not UNSET:
        changes["starts_on"] = day_or_none("starts_on", edit.starts_on)
    if edit.ends_on is not UNSET:
        changes["ends_on"] = day_or_none("ends_on", edit.ends_on)
    if edit.enabled is not UNSET:
        changes["enabled"] = edit.enabled
    if edit.archived is not UNSET:
        changes["archived"] = edit.archived
    validation.flight(changes.get("starts_on"), changes.get("ends_on"))
    return changes


def budget(what: str, raw: Raw | UnsetType) -> int | None:
    """Micros; a number is taken by its digits and then judged as its text would be."""
    written = b"null" if raw is UNSET else bytes(raw)
    if written == b"null":
        return None
    if written.startswith(b'"'):
        return validation.budget(what, msgspec.json.decode(written, type=str))
    if written[0] not in b"-0123456789":
        raise RefusedValue(f'The {what} is refused: write an amount such as "100.00", or null for no limit.')
    return validation.budget_number(what, written.decode())


def text_or_none(text: str | None) -> str | None:
    return None if text is None else validation.text_or_none(text)


def day_or_none(what: str, text: str | None) -> date | None:
    return None if text is None else validation.date_or_none(what, text)


def windows(given: Sequence[NewWindow | str]) -> list[Window]:
    return [
        validation.window(it) if isinstance(it, str) else validation.window_document(it.days, it.from_, it.to)
        for it in given
    ]
