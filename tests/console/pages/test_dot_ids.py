"""`.` and `..` are legal ids, and clients take them out of addresses: pages and commands reach them all the same."""

import re

import pytest

from console.rendering.ids_in_addresses import from_address, in_address
from tests.commands import Commands
from tests.console.pages.conftest import FormClient

pytestmark = pytest.mark.usefixtures("worker")

IDS = [".", ".."]


@pytest.mark.parametrize("an_id", [*IDS, "...", ".a", "a..", "-", "nike"])
def test_there_is_a_way_into_an_address_and_back(an_id: str) -> None:
    assert from_address(in_address(an_id)) == from_address(an_id) == an_id
    assert in_address(an_id) not in IDS


@pytest.mark.parametrize("an_id", IDS)
def test_pages_and_commands_reach_them(operator: FormClient, commands: Commands, an_id: str) -> None:
    commands.run("brand", "add", an_id, "--time-zone", "UTC", "--currency", "USD")
    commands.run("campaign", "add", an_id, "--brand", an_id)
    assert commands.json("campaign", "show", an_id)["campaign_id"] == an_id
    for kind in ("brands", "campaigns"):
        shown = operator.page(f"/{kind}/~{an_id}")
        links = set(re.findall(rf'(?:href|action|data-live)="((?:/live)?/{kind}/[^"]*)"', shown))
        assert {f"/{kind}/~{an_id}/edit", f"/{kind}/~{an_id}/history", f"/live/{kind}/~{an_id}"} <= links
        for link in links - {f"/live/{kind}/~{an_id}"}:
            assert operator.get(link).status_code in (200, 405), link
        assert f"/{kind}/~{an_id}" in operator.page("/" if kind == "brands" else "/campaigns")
