"""One change of many campaigns, as rows of a catalog file, so that it is planned and applied as one. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from core.errors import RefusedValue
from core.money import format_money, parse_percent_change, raised_by
from models.tables.campaign import Campaign
from operations.catalog_actions import CatalogAction
from operations.catalog_file.columns import COLUMNS
from operations.catalog_file.rows import Value

__all__ = ["CAMPAIGNS_MAX", "ManyChange", "rows_of_change"]

#: More go by a file.
CAMPAIGNS_MAX: Final = 5_000
_IDS: Final = {"brand_id", "campaign_id", "revision"}
_BUDGETS: Final = ("daily_budget", "total_budget")


class ManyChange(NamedTuple):
    """Texts as a person types them; an empty one leaves the field as it is, `none` clears it."""

    #: pause, resume, archive or unarchive.
    state: str = ""
    #: An amount, or a change of each campaign's own such as `+10 %`: an unlimited one stays.
    daily_budget: str = ""
    total_budget: str = ""
    starts_on: str = ""
    ends_on: str = ""
    #: Separated by `;`, in place of all that there are.
    windows: str = ""


def rows_of_change(campaigns: Iterable[Campaign], change: ManyChange) -> list[dict[str, Value]]:
    """A row with its revision for each campaign, so that one which is edited meanwhile is refused. Raises RefusedValue
    where nothing would change or a text cannot be read."""
    switched = _switched(change.state)
    texts = {name: text for name, text in change._asdict().items() if text and name != "state"}
    percents = {name: found for name in _BUDGETS if (found := _percent(texts.get(name, ""))) is not None}
    same: dict[str, Value] = {name: text for name, text in texts.items() if name not in percents}
    for column in COLUMNS:
        if column.name in same:
            column.kind.read(column.name, same[column.name])
    if not (same or percents or switched):
        raise RefusedValue("Nothing would change: fill in what is to be another.")
    rows = [_row(it, same | switched, percents) for it in campaigns]
    if not same and not switched and all(row.keys() <= _IDS for row in rows):
        named = " or ".join(name.replace("_", " ") for name in percents)
        raise RefusedValue(
            f"None of these campaigns has a {named} of its own, so a percentage changes nothing: write an amount, or "
            "raise the budget of the brand."
        )
    return rows


def _switched(state: str) -> dict[str, Value]:
    if state not in ("", *CatalogAction):
        raise RefusedValue(f"Write one of {', '.join(CatalogAction)}.")
    return {**CatalogAction(state).changes} if state else {}


def _row(campaign: Campaign, same: dict[str, Value], percents: dict[str, int]) -> dict[str, Value]:
    row: dict[str, Value] = {
        "brand_id": campaign.brand_id,
        "campaign_id": campaign.campaign_id,
        "revision": str(campaign.revision),
        **same,
    }
    for name, percent in percents.items():
        micros: int | None = getattr(campaign, f"{name}_micros")
        if micros is not None:
            row[name] = format_money(raised_by(micros, percent))
    return row


def _percent(text: str) -> int | None:
    percent = parse_percent_change(text)
    if percent is not None and percent < -10_000:
        raise RefusedValue("A budget cannot be lowered by more than 100 %.")
    return percent
