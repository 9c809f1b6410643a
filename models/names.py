"""The names of brands and campaigns, which the controller does not hold.

Read without SQLAlchemy, whose import takes a third of the CPU of a command that shows what the controller holds.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor as PsycopgCursor

from models.connection import connect
from models.errors import explained_by_driver

__all__ = ["BrandNames", "CampaignName", "brand_names", "campaign_name"]


class BrandNames(NamedTuple):
    name: str
    #: By campaign id, of every campaign that the brand has.
    campaigns: Mapping[str, str]


class CampaignName(NamedTuple):
    brand_id: str
    name: str


def brand_names(url: str, brand_id: str) -> BrandNames | None:
    """None of a brand that the database does not have."""
    with _cursor(url) as cursor:
        cursor.execute("SELECT name FROM brand WHERE brand_id = %s", [brand_id])
        row = cursor.fetchone()
        if row is None:
            return None
        cursor.execute("SELECT campaign_id, name FROM campaign WHERE brand_id = %s", [brand_id])
        return BrandNames(row[0], dict(cursor.fetchall()))


def campaign_name(url: str, campaign_id: str) -> CampaignName | None:
    """None of a campaign that the database does not have."""
    with _cursor(url) as cursor:
        cursor.execute("SELECT brand_id, name FROM campaign WHERE campaign_id = %s", [campaign_id])
        row = cursor.fetchone()
        return None if row is None else CampaignName(*row)


@contextmanager
def _cursor(url: str) -> Iterator[PsycopgCursor]:
    try:
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        raise explained_by_driver(error) from error
