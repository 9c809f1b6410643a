"""What the copy of the catalog in memory answers; that it follows the database is tested with the console."""

from models.catalog_mirror import CatalogMirror
from models.tables.brand import Brand
from models.tables.campaign import Campaign


def campaign(name: str, revision: int, external_id: str | None = None) -> Campaign:
    return Campaign(campaign_id="A-1", brand_id="nike", name=name, external_id=external_id, revision=revision)


def test_the_text_of_a_brands_campaigns_follows_their_edits() -> None:
    mirror = CatalogMirror("", lambda: None, lambda brand_ids: None)
    mirror.store_brand(Brand(brand_id="nike", name="Nike", revision=1))
    assert mirror.campaigns_text("nike") == ""
    mirror.store_campaign(campaign("Summer", 1))
    assert mirror.campaigns_text("nike") == "a-1\nsummer\n"
    mirror.store_campaign(campaign("Winter", 2, "G-77"))
    assert mirror.campaigns_text("nike") == "a-1\nwinter\ng-77"
    mirror.store_campaign(campaign("Summer", 1))  # an older row
    assert "winter" in mirror.campaigns_text("nike")
