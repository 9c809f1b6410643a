"""Names of the catalog, read by the driver alone."""

import pytest

from models.errors import DatabaseAway, NotMigrated
from models.names import BrandNames, CampaignName, brand_names, campaign_name
from models.queries.catalog_edits import add_brand, add_campaign
from models.session import engine_of, session_scope


def test_names_are_those_of_the_catalog(migrated_url: str) -> None:
    with session_scope(migrated_url) as session:
        add_brand(session, "nike", time_zone="UTC", currency="USD", actor="t", name="Nike")
        add_brand(session, "puma", time_zone="UTC", currency="USD", actor="t")
        add_campaign(session, "summer", brand_id="nike", actor="t", name="Summer's")
    engine_of(migrated_url).dispose()
    assert brand_names(migrated_url, "nike") == BrandNames("Nike", {"summer": "Summer's"})
    assert brand_names(migrated_url, "puma") == BrandNames("", {})
    assert campaign_name(migrated_url, "summer") == CampaignName("nike", "Summer's")
    assert brand_names(migrated_url, "nobody") is None
    assert campaign_name(migrated_url, "nobody") is None


def test_a_database_that_cannot_be_used_is_named_as_everywhere(database_url: str) -> None:
    with pytest.raises(NotMigrated):
        brand_names(database_url, "nike")
    with pytest.raises(DatabaseAway):
        brand_names("postgresql://nobody@127.0.0.1:1/none", "nike")
