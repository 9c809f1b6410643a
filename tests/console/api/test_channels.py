"""Channels by command line, API and page: refused with a sentence, secrets shown once, every change kept."""

import json
import re
import secrets

import pytest

from tests.commands import Commands
from tests.console.api.server import Api

ADDRESS = "https://ann:hidden@hooks.example.org/hidden?key=hidden"


@pytest.fixture
def name() -> str:
    return f"c-{secrets.token_hex(4)}"


def test_a_channel_on_the_command_line_shows_its_secret_once(commands: Commands, name: str) -> None:
    brand_id = commands.brand()
    added = commands.json("channel", "add", name, ADDRESS, "--kind", "silent", "--brand", brand_id)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", added["secret"])
    listed = commands.done("channel", "list", "--json")
    assert added["secret"] not in listed
    assert "hidden" not in listed
    [mine] = [it for it in json.loads(listed) if it["name"] == name]
    assert (mine["address"], mine["kinds"], mine["brands"]) == ("https://hooks.example.org/…", ["silent"], [brand_id])
    assert commands.json("channel", "pause", name)["paused"] is True
    assert commands.json("channel", "resume", name)["paused"] is False
    commands.done("channel", "remove", name)
    assert commands.run("channel", "pause", name).exit_code == 3
    assert "never used again" in commands.refused("channel", "add", name, ADDRESS)
    assert commands.json("notification", "list", "--channel", name) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hooks.example.org"], "has no scheme"),
        (["http://127.0.0.1/"], "private address"),
        (["http://169.254.169.254/"], "link-local"),
        ([ADDRESS, "--kind", "loud"], "is no kind of alert"),
        ([ADDRESS, "--severity", "loud"], "is no severity"),
        ([ADDRESS, "--brand", "a b"], "is no brand id"),
    ],
)
def test_what_is_wrong_is_refused_when_it_is_added(
    commands: Commands, name: str, arguments: list[str], words: str
) -> None:
    assert words in commands.refused("channel", "add", name, *arguments)


def test_a_channel_of_a_brand_that_is_not_there_is_refused(commands: Commands, api: Api, name: str) -> None:
    brands = ("--brand", commands.brand(), "--brand", "no-such-brand")
    refused = commands.run("channel", "add", name, ADDRESS, *brands)
    assert (refused.exit_code, "There is no brand no-such-brand." in refused.err) == (3, True)
    body = {"name": name, "address": ADDRESS, "brands": ["no-such-brand"]}
    assert "no-such-brand" in api.problem("POST", "/api/v1/channels", 404, json=body)["detail"]
    assert name not in commands.done("channel", "list", "--json")


def test_a_channel_by_the_api(api: Api, name: str) -> None:
    body = {"name": name, "address": ADDRESS, "severities": ["critical"], "commands": True}
    added = api.ok("POST", "/api/v1/channels", json=body, status=201)
    assert added["secret"].startswith("whsec_")
    [mine] = [it for it in api.ok("GET", "/api/v1/channels")["items"] if it["name"] == name]
    assert (mine["severities"], mine["commands"], "secret" in mine) == (["critical"], True, False)
    assert api.ok("POST", f"/api/v1/channels/{name}/pause")["paused"] is True
    tested = api.ok("POST", f"/api/v1/channels/{name}/test", status=202)
    found = api.ok("GET", f"/api/v1/notifications?channel={name}&state=waiting")["items"]
    assert found == [tested]
    api.ok("DELETE", f"/api/v1/channels/{name}")
    assert api.ok("GET", f"/api/v1/notifications?channel={name}")["items"][0]["state"] == "dropped"
