"""The plan of a catalog file, and what applying it changed."""

from typing import Any

from console.api.schemas.common import Answer

__all__ = ["CatalogApplied", "CatalogChanged", "CatalogDifference", "CatalogEffect", "CatalogLeftAlone", "CatalogPlan"]


class CatalogDifference(Answer, frozen=True, kw_only=True):
    """A row that says something else than the database; of a new one every `from` is null. `currency` is that of the
    brand."""

    line: int
    kind: str
    brand_id: str
    campaign_id: str | None
    currency: str
    is_new: bool
    revision: int | None
    fields: dict[str, dict[str, Any]]


class CatalogEffect(Answer, frozen=True, kw_only=True):
    """`reasons` of a pause are those that it would have, of a resume those that would end."""

    brand_id: str
    campaign_id: str
    reasons: list[str]
    words: str | None


class CatalogLeftAlone(Answer, frozen=True, kw_only=True):
    """How many brands and campaigns no row speaks of."""

    brands: int
    campaigns: int


class CatalogPlan(Answer, frozen=True, kw_only=True):
    """`unknown_brands`: the controller does not hold them yet, so what would pause and resume is not known of them."""

    differences: list[CatalogDifference]
    unchanged: int
    left_alone: CatalogLeftAlone
    pauses: list[CatalogEffect]
    resumes: list[CatalogEffect]
    unknown_brands: list[str]


class CatalogChanged(Answer, frozen=True, kw_only=True):
    brand_id: str
    campaign_id: str | None
    revision: int


class CatalogApplied(Answer, frozen=True, kw_only=True):
    """The rows that were added or changed."""

    changed: list[CatalogChanged]
