"""Queries of the catalog: brands, campaigns, time zones, history. A missing id raises RowNotFound."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.errors import RowNotFound
from models.queries.paging import Page, decode_cursor, encode_cursor, storable
from models.queries.text_search import folded, searched_text
from models.tables.brand import Brand, BrandZone
from models.tables.campaign import Campaign
from models.tables.catalog_change import CatalogChange, CatalogEntity
from models.tables.catalog_outbox import CatalogOutbox

__all__ = [
    "all_zones",
    "brands_and_campaigns",
    "catalog_size",
    "change_of_version",
    "changes_of",
    "changes_since",
    "changes_with_brand",
    "check_brands",
    "epoch_began_at",
    "get_brand",
    "get_campaign",
    "list_brands",
    "list_campaigns",
    "list_changes",
    "zones_in_use",
]

_CHANGES: Final = "changes of all"
#: The most rows that a search has in memory at once, and the most ids in one query.
_SLICE: Final = 1_000
_Row = TypeVar("_Row", Brand, Campaign)


def get_brand(session: Session, brand_id: str) -> Brand:
    return _found(session, Brand, brand_id)


def get_campaign(session: Session, campaign_id: str) -> Campaign:
    return _found(session, Campaign, campaign_id)


def check_brands(session: Session, brand_ids: Collection[str]) -> None:
    """Raise RowNotFound, which names one of them, where not all of these brands are there."""
    unknown = set(brand_ids).difference(session.scalars(select(Brand.brand_id).where(Brand.brand_id.in_(brand_ids))))
    if unknown:
        raise RowNotFound(f"There is no brand {min(unknown)}.")


def list_brands(
    session: Session,
    *,
    search: str | None = None,
    archived: bool | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Sequence[Brand]:
    """Brands, sorted by id. `after` is the last id of the previous page; `search` is a part of id or name in any
    case."""
    conditions: list[ColumnElement[bool]] = []
    if archived is not None:
        conditions.append(Brand.archived == archived)
    if after is not None:
        conditions.append(Brand.brand_id > after)
    if text := folded(search):
        texts = select(Brand.brand_id, Brand.name).where(*conditions).order_by(Brand.brand_id)
        return _rows_with_ids(session, Brand, Brand.brand_id, _ids_with(session, text, texts, limit))
    return session.scalars(select(Brand).where(*conditions).order_by(Brand.brand_id).limit(limit)).all()


def list_campaigns(
    session: Session,
    *,
    brand_id: str | None = None,
    search: str | None = None,
    archived: bool | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Sequence[Campaign]:
    """Campaigns of one brand or of all, sorted by id. Arguments are those of `list_brands`; `search` is a part of the
    external id too."""
    conditions: list[ColumnElement[bool]] = []
    if brand_id is not None:
        conditions.append(Campaign.brand_id == brand_id)
    if archived is not None:
        conditions.append(Campaign.archived == archived)
    if after is not None:
        conditions.append(Campaign.campaign_id > after)
    if text := folded(search):
        texts = select(Campaign.campaign_id, Campaign.name, Campaign.external_id).where(*conditions)
        found = _ids_with(session, text, texts.order_by(Campaign.campaign_id), limit)
        return _rows_with_ids(session, Campaign, Campaign.campaign_id, found)
    return session.scalars(select(Campaign).where(*conditions).order_by(Campaign.campaign_id).limit(limit)).all()


def brands_and_campaigns(
    session: Session, brand_ids: Collection[str], campaign_ids: Collection[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Currency by brand id, and brand id by campaign id; ids that do not exist are left out."""
    brands = select(Brand.brand_id, Brand.currency).where(Brand.brand_id.in_(brand_ids))
    campaigns = select(Campaign.campaign_id, Campaign.brand_id).where(Campaign.campaign_id.in_(campaign_ids))
    return (
        {row.brand_id: row.currency for row in session.execute(brands)},
        {row.campaign_id: row.brand_id for row in session.execute(campaigns)},
    )


def zones_in_use(session: Session) -> list[str]:
    """The time zones of all brands, former and future ones too: a reset of an unused zone changes nothing."""
    return sorted(session.scalars(select(BrandZone.time_zone).distinct()))


def all_zones(session: Session) -> Sequence[BrandZone]:
    """The zones of each brand, in order, by brand id."""
    return session.scalars(select(BrandZone).order_by(BrandZone.brand_id, BrandZone.starts_at.nulls_first())).all()


def catalog_size(session: Session) -> tuple[int, int]:
    """The number of brands and of campaigns."""
    counts = [session.scalar(select(func.count()).select_from(table)) for table in (Brand, Campaign)]
    return counts[0] or 0, counts[1] or 0


def changes_of(
    session: Session,
    *,
    brand_id: str | None = None,
    campaign_id: str | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Sequence[CatalogChange]:
    """The history, newest first: of a brand and its campaigns, of one campaign, or of everything."""
    query = select(CatalogChange).order_by(CatalogChange.change_id.desc()).limit(limit)
    if brand_id is not None:
        query = query.where(CatalogChange.brand_id == brand_id)
    if campaign_id is not None:
        query = query.where(CatalogChange.campaign_id == campaign_id)
    if before is not None:
        query = query.where(CatalogChange.change_id < before)
    return session.scalars(query).all()


def list_changes(
    session: Session,
    *,
    brand_id: str | None = None,
    campaign_id: str | None = None,
    kind: CatalogEntity | None = None,
    actor: str | None = None,
    field: str | None = None,
    note: str | None = None,
    changed_since: int | None = None,
    changed_until: int | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[CatalogChange]:
    """A page of the history of every brand, newest first. `actor` and `note` are parts of theirs in any case;
    `changed_since <= changed < changed_until`."""
    found: list[ColumnElement[bool]] = []
    if brand_id is not None:
        found.append(CatalogChange.brand_id == storable("brand id", brand_id))
    if campaign_id is not None:
        found.append(CatalogChange.campaign_id == storable("campaign id", campaign_id))
    if kind is not None:
        found.append(CatalogChange.kind == kind.value)
    if actor is not None:
        found.append(CatalogChange.actor.icontains(storable("name", actor), autoescape=True))
    if note is not None:
        found.append(CatalogChange.note.icontains(storable("note", note), autoescape=True))
    if field is not None:
        found.append(CatalogChange.fields.has_key(storable("field", field)))
    if changed_since is not None:
        found.append(CatalogChange.changed_at >= changed_since)
    if changed_until is not None:
        found.append(CatalogChange.changed_at < changed_until)
    if after is not None:
        found.append(CatalogChange.change_id < decode_cursor(_CHANGES, after, (int,))[0])
    query = select(CatalogChange).where(*found).order_by(CatalogChange.change_id.desc()).limit(limit + 1)
    rows = list(session.scalars(query))
    more = len(rows) > limit
    return Page(rows[:limit], encode_cursor(_CHANGES, [rows[limit - 1].change_id]) if more else None)


def changes_with_brand(session: Session, brand_id: str, campaign_ids: Collection[str]) -> Sequence[CatalogChange]:
    """The edits of a brand's own row and of those of its campaigns, newest first."""
    mine = or_(CatalogChange.campaign_id.is_(None), CatalogChange.campaign_id.in_(campaign_ids))
    query = select(CatalogChange).where(CatalogChange.brand_id == brand_id, mine)
    return session.scalars(query.order_by(CatalogChange.change_id.desc())).all()


def changes_since(session: Session, row: Brand | Campaign, revision: int) -> Sequence[CatalogChange]:
    """The edits of the row after that revision, newest first; each has raised the revision by one."""
    query = (
        select(CatalogChange)
        .where(
            CatalogChange.brand_id == row.brand_id,
            CatalogChange.campaign_id.is_not_distinct_from(row.campaign_id if isinstance(row, Campaign) else None),
        )
        .order_by(CatalogChange.change_id.desc())
        .limit(max(0, row.revision - revision))
    )
    return session.scalars(query).all()


def change_of_version(
    session: Session, *, brand_id: str, campaign_id: str | None, version: int
) -> CatalogChange | None:
    """The newest change that a version of a catalog document contains. None when the relay has not published that
    version, or published it without a change, on a topic that was created again."""
    published_at = (
        select(CatalogOutbox.published_at)
        .where(
            CatalogOutbox.brand_id == brand_id,
            CatalogOutbox.campaign_id.is_not_distinct_from(campaign_id),
            CatalogOutbox.version == version,
        )
        .order_by(CatalogOutbox.outbox_id.desc())
        .limit(1)
    )
    query = (
        select(CatalogChange)
        .where(
            CatalogChange.brand_id == brand_id,
            CatalogChange.campaign_id.is_not_distinct_from(campaign_id),
            CatalogChange.changed_at <= published_at.scalar_subquery(),
        )
        .order_by(CatalogChange.change_id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def epoch_began_at(session: Session, brand_id: str, epoch: int) -> int | None:
    """The moment at which a replay gave a brand this epoch; None for the brand's first epoch."""
    raised_to = CatalogChange.fields["epoch"]["to"].as_integer()
    query = select(func.min(CatalogChange.changed_at)).where(
        CatalogChange.brand_id == brand_id, CatalogChange.campaign_id.is_(None), raised_to == epoch
    )
    return session.scalar(query)


def _found(session: Session, kind: type[_Row], row_id: str) -> _Row:
    row = session.get(kind, row_id)
    if row is None:
        raise RowNotFound(f"There is no {kind.__tablename__} {row_id}.")
    return row


def _ids_with(session: Session, text: str, texts: Select[*tuple[Any, ...]], limit: int | None) -> list[str]:
    """The ids of the first rows in which a search finds the text; `texts` selects the id and what else is searched."""
    with session.execute(texts, execution_options={"yield_per": _SLICE}) as rows:
        return list(islice((row[0] for row in rows if text in searched_text(*row)), limit))


def _rows_with_ids(
    session: Session, kind: type[_Row], id_column: InstrumentedAttribute[str], row_ids: Sequence[str]
) -> list[_Row]:
    """The rows with these ids, which are sorted."""
    slices = (row_ids[begin : begin + _SLICE] for begin in range(0, len(row_ids), _SLICE))
    queries = (select(kind).where(id_column.in_(ids)).order_by(id_column) for ids in slices)
    return [row for query in queries for row in session.scalars(query)]
