"""Request bodies: their size, JSON and shape. `operations.validation` checks the values."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import msgspec
from fastapi import Request
from msgspec import UNSET, Meta, Raw, UnsetType

from console.server.problems import HttpProblem, too_large
from core.errors import RefusedValue
from core.overrides import OVERRIDES_MAX, Override, Overrides
from core.windows import WINDOWS_MAX, Window
from models.queries.catalog_edits import BrandChanges, CampaignChanges
from operations import validation
from operations.budget_overrides import checked

__all__ = [
    "BODY_BYTES_MAX",
    "BrandEdit",
    "CampaignEdit",
    "NewBrand",
    "NewCampaign",
    "NewOverride",
    "NewWindow",
    "NewWindows",
    "alert_percents",
    "brand_changes",
    "brand_overrides",
    "budget",
    "campaign_changes",
    "campaign_overrides",
    "day_or_none",
    "read_body",
    "read_bytes",
    "read_declared",
    "silent_after_minutes",
    "text_or_none",
    "windows",
]

BODY_BYTES_MAX: Final = 256 * 1024

_Body = TypeVar("_Body", bound=msgspec.Struct)
_Format = TypeVar("_Format")

_BUDGET: Final = {
    "description": 'A decimal string or number of up to 6 fraction digits; null or "none" is unlimited, 0 lets nothing '
    "be spent.",
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
}
#: The JSON text, because a float would not be exact.
Budget = Annotated[Raw, Meta(extra_json_schema=_BUDGET)]
#: Lengths and patterns for the OpenAPI document; `operations.validation` checks.
Text = Annotated[str, Meta(extra_json_schema={"maxLength": 200})]
Id = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9._:-]{1,64}$"})]
#: Null or "none" is an open end of the flight.
Day = Annotated[str, Meta(description="YYYY-MM-DD in the brand's time zone, inclusive, or none.")] | None


#: Bounds for the OpenAPI document; `operations.validation` checks.
_PERCENTS: Final = {"maxItems": 10, "description": "Percentages of budgets that raise an alert; null is 80 and 100."}
AlertPercents = Annotated[
    list[Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": 1000})]], Meta(extra_json_schema=_PERCENTS)
]
SilentAfterMinutes = Annotated[
    int,
    Meta(
        description="After so many minutes without spend an alert is raised; null is never.",
        extra_json_schema={"minimum": 5, "maximum": 10_080},
    ),
]


class NewWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Half open, local wall clock; `to` at or before `from` runs past midnight, "24:00" is the end of the day."""

    days: Annotated[list[str], Meta(max_length=7)]
    from_: str = msgspec.field(name="from")
    to: str


class NewWindows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces all windows of a campaign; an empty list is always open. A window may be text: "mon-fri 09:00-17:00"."""

    windows: Annotated[list[NewWindow | str], Meta(max_length=WINDOWS_MAX)]


class NewOverride(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Budgets on the dates `from` to `to` of the brand, both inclusive. A budget left out is not overridden."""

    from_: Annotated[str, Meta(description="YYYY-MM-DD; of a monthly budget the first of a month.")] = msgspec.field(
        name="from"
    )
    to: Annotated[str, Meta(description="YYYY-MM-DD; of a monthly budget the last of a month.")]
    daily_budget: Budget | UnsetType = UNSET
    monthly_budget: Budget | UnsetType = UNSET


#: All of them: those that are left out are in force no more.
NewOverrides = Annotated[list[NewOverride], Meta(max_length=OVERRIDES_MAX)]


class NewBrand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    brand_id: Id
    currency: str
    time_zone: str | None = None
    name: Text = ""
    daily_budget: Budget | UnsetType = UNSET
    monthly_budget: Budget | UnsetType = UNSET
    pacing: Literal["none", "even"] = "none"
    budget_overrides: NewOverrides = []
    enabled: bool = True
    alert_percents: AlertPercents | None = None
    silent_after_minutes: SilentAfterMinutes | None = None


class BrandEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Text | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    daily_budget: Budget | UnsetType = UNSET
    monthly_budget: Budget | UnsetType = UNSET
    pacing: Literal["none", "even"] | UnsetType = UNSET
    budget_overrides: NewOverrides | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    alert_percents: AlertPercents | UnsetType | None = UNSET
    silent_after_minutes: SilentAfterMinutes | UnsetType | None = UNSET


class NewCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    campaign_id: Id
    brand_id: Id
    name: Text = ""
    external_id: Text | None = None
    daily_budget: Budget | UnsetType = UNSET
    total_budget: Budget | UnsetType = UNSET
    budget_overrides: NewOverrides = []
    starts_on: Day = None
    ends_on: Day = None
    enabled: bool = True
    windows: Annotated[list[NewWindow | str], Meta(max_length=WINDOWS_MAX)] = []


class CampaignEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; windows have an address of their own."""

    name: Text | UnsetType = UNSET
    external_id: Text | UnsetType | None = UNSET
    daily_budget: Budget | UnsetType = UNSET
    total_budget: Budget | UnsetType = UNSET
    budget_overrides: NewOverrides | UnsetType = UNSET
    starts_on: Day | UnsetType = UNSET
    ends_on: Day | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


async def read_body(request: Request, kind: type[_Body]) -> _Body:
    """Raises HttpProblem: 413 over BODY_BYTES_MAX, 415 without a JSON content type, 400 not JSON, 422 another shape."""
    data = await read_bytes(request, BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The body is refused: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpProblem(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.") from error


async def read_bytes(request: Request, most: int) -> bytes:
    return (await read_declared(request, {"application/json": None}, most))[1]


async def read_declared(request: Request, formats: Mapping[str, _Format], most: int) -> tuple[_Format, bytes]:
    """The format of the declared media type, and the body; HttpProblem 415 for another one, 413 over `most` bytes."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in formats:
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send `Content-Type: {'` or `'.join(formats)}`.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise too_large(most)
    return formats[media_type], bytes(data)


def brand_changes(edit: BrandEdit) -> BrandChanges:
    """The checked fields that the body has, for `edit_brand`; `change_time_zone` changes the time zone."""
    changes = _given(
        name=(edit.name, validation.name),
        daily_budget_micros=(edit.daily_budget, partial(budget, "daily budget")),
        monthly_budget_micros=(edit.monthly_budget, partial(budget, "monthly budget")),
        pacing=(edit.pacing, _unchanged),
        budget_overrides=(edit.budget_overrides, brand_overrides),
        enabled=(edit.enabled, _unchanged),
        archived=(edit.archived, _unchanged),
        alert_percents=(edit.alert_percents, alert_percents),
        silent_after_minutes=(edit.silent_after_minutes, silent_after_minutes),
    )
    return cast(BrandChanges, changes)


def campaign_changes(edit: CampaignEdit) -> CampaignChanges:
    """The checked fields that the body has, for `edit_campaign`."""
    changes = _given(
        name=(edit.name, validation.name),
        external_id=(edit.external_id, text_or_none),
        daily_budget_micros=(edit.daily_budget, partial(budget, "daily budget")),
        total_budget_micros=(edit.total_budget, partial(budget, "total budget")),
        budget_overrides=(edit.budget_overrides, campaign_overrides),
        starts_on=(edit.starts_on, partial(day_or_none, "starts_on")),
        ends_on=(edit.ends_on, partial(day_or_none, "ends_on")),
        enabled=(edit.enabled, _unchanged),
        archived=(edit.archived, _unchanged),
    )
    validation.flight(changes.get("starts_on"), changes.get("ends_on"))
    return cast(CampaignChanges, changes)


def _given(**fields: tuple[object, Callable[[Any], object]]) -> dict[str, Any]:
    """The values of the fields that the body has: of each what it has, and what checks it. Raises RefusedValue."""
    return {name: check(value) for name, (value, check) in fields.items() if value is not UNSET}


def _unchanged(value: object) -> object:
    """The value, which its type has checked."""
    return value


def budget(what: str, raw: Raw | UnsetType) -> int | None:
    """Micros; None for null, `none` or a field left out. A number is read exactly, by its digits."""
    written = b"null" if raw is UNSET else bytes(raw)
    if written == b"null":
        return None
    if written.startswith(b'"'):
        try:
            text = msgspec.json.decode(written, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RefusedValue(f"The {what} is refused: it is no text ({error}).") from error
        return validation.budget(what, text)
    if written[0] not in b"-0123456789":
        raise RefusedValue(f'The {what} is refused: write an amount such as "100.00", or null for no limit.')
    return validation.budget_number(what, written.decode())


def alert_percents(percents: list[int] | None) -> list[int] | None:
    return None if percents is None else validation.alert_percents(percents)


def silent_after_minutes(minutes: int | None) -> int | None:
    return None if minutes is None else validation.silent_after_minutes(minutes)


def brand_overrides(given: Sequence[NewOverride]) -> Overrides:
    """Checked. Raises RefusedValue where dates or budgets cannot be in force together."""
    daily, monthly = [], []
    for it in given:
        first, last = (validation.day("a budget override", day) for day in (it.from_, it.to))
        if it.daily_budget is UNSET and it.monthly_budget is UNSET:
            raise RefusedValue(f"The budget override from {first} to {last} names no budget: give daily_budget.")
        if it.daily_budget is not UNSET:
            daily.append(Override(first, last, budget("daily budget", it.daily_budget)))
        if it.monthly_budget is not UNSET:
            monthly.append(Override(first, last, budget("monthly budget", it.monthly_budget)))
    return checked(daily, monthly)


def campaign_overrides(given: Sequence[NewOverride]) -> Overrides:
    """The checked overrides of a campaign, as `brand_overrides`; a campaign has no monthly budget."""
    if any(it.monthly_budget is not UNSET for it in given):
        raise RefusedValue("A campaign has no monthly budget to override: give daily_budget.")
    return brand_overrides(given)


def text_or_none(text: str | None) -> str | None:
    return None if text is None else validation.text_or_none(text)


def day_or_none(what: str, text: str | None) -> date | None:
    return None if text is None else validation.date_or_none(what, text)


def windows(given: Sequence[NewWindow | str]) -> list[Window]:
    return [
        validation.window(it) if isinstance(it, str) else validation.window_document(it.days, it.from_, it.to)
        for it in given
    ]
