"""The campaigns of a brand are found by id and listed as they were added, whether there are none, one or many."""

from copy import deepcopy

import pytest

from core.campaigns import Campaigns
from core.state import BrandState, CampaignState


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_campaigns_are_found_by_id_and_listed_as_they_were_added(count: int) -> None:
    added = [CampaignState(f"c{count - number}") for number in range(count)]
    campaigns = Campaigns[CampaignState]()
    for campaign in added:
        assert campaign.campaign_id not in campaigns
        campaigns.add(campaign)
    assert (list(campaigns.values()), len(campaigns)) == (added, count)
    for campaign in added:
        assert campaign.campaign_id in campaigns
        assert campaigns[campaign.campaign_id] is campaigns.get(campaign.campaign_id) is campaign
    assert campaigns.get("other") is None
    with pytest.raises(KeyError, match="other"):
        campaigns["other"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_added_to_a_copy_is_not_added_to_the_original(count: int) -> None:
    brand = BrandState("nike")
    added = [brand.campaign(f"c{number}") for number in range(count)]
    copied = brand.campaigns.copy()
    copied.add(CampaignState("other"))
    assert (list(brand.campaigns.values()), len(copied)) == (added, count + 1)
    assert list(copied.values())[:count] == added


@pytest.mark.parametrize("count", [1, 2])
def test_a_deep_copy_of_a_brand_has_states_of_its_own(count: int) -> None:
    brand = BrandState("nike")
    for number in range(count):
        brand.campaign(f"c{number}").total_micros = number + 1
    copied = deepcopy(brand)
    copied.campaign("c0").total_micros = 7
    assert [it.total_micros for it in brand.campaigns.values()] == list(range(1, count + 1))


def test_a_brand_is_asked_for_a_campaign_that_it_has_not_and_has_it_from_then_on() -> None:
    brand = BrandState("nike")
    campaign = brand.campaign("a")
    assert brand.campaign("a") is campaign
    assert list(brand.campaigns.values()) == [campaign]
