"""A plan as JSON. Pure: no I/O."""

from collections.abc import Iterable

from models.tables.catalog_change import CatalogEntity
from operations.catalog_file.application import FileComparison
from operations.catalog_file.difference import RowDifference
from operations.catalog_file.effects import Effect, Effects
from operations.catalog_file.rows import WrongRow
from operations.catalog_views import Json
from operations.reason_words import in_words

__all__ = ["plan_view", "wrong_row_views"]


def plan_view(planned: FileComparison, effects: Effects) -> dict[str, Json]:
    """The changes of a file by field, and the pauses and resumes that it would cause now."""
    currencies = planned.currencies
    return {
        "differences": [_difference_view(it, currencies[it.brand_id]) for it in planned.comparison.differences],
        "unchanged": planned.comparison.unchanged,
        "left_alone": {"brands": planned.brands_left_alone, "campaigns": planned.campaigns_left_alone},
        "pauses": [_effect_view(it) for it in effects.pauses],
        "resumes": [_effect_view(it) for it in effects.resumes],
        "unknown_brands": list(effects.unknown),
    }


def _difference_view(difference: RowDifference, currency: str) -> dict[str, Json]:
    """A difference as JSON, with values as in documents and history."""
    is_new = difference.revision is None
    return {
        "line": difference.line,
        "kind": CatalogEntity.BRAND.value if difference.campaign_id is None else CatalogEntity.CAMPAIGN.value,
        "brand_id": difference.brand_id,
        "campaign_id": difference.campaign_id,
        "currency": currency,
        "is_new": is_new,
        "revision": difference.revision,
        "fields": {
            it.column.name: {
                "from": None if is_new else it.column.kind.document(it.before),
                "to": it.column.kind.document(it.after),
            }
            for it in difference.fields
        },
    }


def wrong_row_views(wrong: Iterable[WrongRow]) -> list[dict[str, Json]]:
    """The wrong rows as JSON: `line` from 1, the cause as a sentence, and whether the row is merely stale."""
    return [{"line": it.line, "message": it.message, "is_stale": it.is_stale} for it in wrong]


def _effect_view(effect: Effect) -> dict[str, Json]:
    return {
        "brand_id": effect.brand_id,
        "campaign_id": effect.campaign_id,
        "reasons": list(effect.reasons),
        "words": in_words(effect.reasons, effect.flight_is_over) or None,
    }
