"""docs/contract.md names what the code has, and what it has not is in the page's table "Not built yet"."""

import json
import re

import msgspec

from core import records
from core.reasons import Reason
from core.records import CauseKind
from core.refusal import RefusalReason
from streams.dead_letters import outbox
from streams.kafka import truncation
from streams.kafka.topics import Topic
from streams.settings import SETTINGS
from tests.docs.command_names import all_commands, commands_in
from tests.docs.repository import files, in_backticks, section, table_rows, text_of

CONTRACT = text_of("docs/contract.md")
ADDRESSES = json.loads(text_of("docs/openapi.json"))["paths"]
MESSAGES = (
    records.ControlCommand,
    records.CommandBrand,
    records.CommandCampaign,
    records.BrandDocument,
    records.CampaignDocument,
)
TOPICS = section(CONTRACT, "## Topics")
NOT_BUILT = {
    name
    for row in table_rows(section(CONTRACT, "## Not built yet"))
    for name in in_backticks(row[1])
    if not name.startswith("POST")
}


def test_every_topic() -> None:
    named = {in_backticks(row[0])[0] for row in table_rows(TOPICS.partition("\n### ")[0])}
    assert named - NOT_BUILT == {topic.value for topic in Topic}


def test_every_reason_of_a_dead_letter() -> None:
    named = {it for row in table_rows(section(CONTRACT, "### spend-events.dlq")) for it in in_backticks(row[0])}
    assert named - NOT_BUILT == {reason.value for reason in RefusalReason}


def test_every_reason_of_a_pause_and_every_cause() -> None:
    text = section(CONTRACT, "### campaign-control")
    reasons = text.partition("- **Reasons**")[2].partition("Empty\n")[0]
    assert set(in_backticks(reasons)) - NOT_BUILT == {(reason.name or "").lower() for reason in Reason}
    causes = text.partition("`cause.kind`: ")[2].partition(";")[0]
    assert set(in_backticks(causes)) == {kind.value for kind in CauseKind}


def test_every_setting() -> None:
    text = section(CONTRACT, "### Settings")
    named = {name for name in in_backticks(text) if re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", name)}
    assert named - NOT_BUILT == {name.upper() for name in SETTINGS}


def test_every_command() -> None:
    named = set()
    for row in table_rows(section(CONTRACT, "### Commands")):
        if "(not built yet)" not in row[0]:
            named |= {words for code in in_backticks(row[0]) for words in commands_in(code)}
    assert named == all_commands()


def test_every_header_of_ours() -> None:
    ours = {value for module in (outbox, truncation) for value in vars(module).values() if _is_header(value)}
    assert {name for name in ours if f"`{name}" not in CONTRACT} == set()


def test_every_address_that_is_listed_is_there() -> None:
    """What is below an address stands in parentheses behind it."""
    listed = section(CONTRACT, "## HTTP").partition("\n- ")[0]
    named = re.findall(r"`(?:/api/v1)?/([a-z/-]+)`", re.sub(r"\([^()]*\)", "", listed))
    of_the_api = {it for it in named if it != "metrics" and not it.startswith("health/")}
    assert {it for it in of_the_api if f"/api/v1/{it}" not in ADDRESSES} == set()
    assert "brands" in of_the_api


def test_no_address_is_missing() -> None:
    named = set(re.findall(r"`(?:/api/v1)?/([a-z-]+)", section(CONTRACT, "## HTTP")))
    assert {path.split("/")[3] for path in ADDRESSES if path.startswith("/api/v1/")} <= named


def test_what_is_said_to_be_not_built_is_not_there() -> None:
    """Whoever builds a part takes it out of the table."""
    fields = {field.encode_name for kind in MESSAGES for field in msgspec.structs.fields(kind)}
    there = {
        *(topic.value for topic in Topic),
        *(reason.value for reason in RefusalReason),
        *((reason.name or "").lower() for reason in Reason),
        *(name.upper() for name in SETTINGS),
        *fields,
        *all_commands(),
    }
    assert there & NOT_BUILT == set()


def test_code_that_speaks_of_the_contract_names_a_section_of_it() -> None:
    headings = set(re.findall(r"^#+ (.+)$", CONTRACT, re.MULTILINE))
    for path in (it for it in files() if it.endswith(".py") and not it.startswith("tests/docs/")):
        text = " ".join(text_of(path).split())
        assert not re.search(r"\b(the contract\b|CONTRACT (names|writes))", text), path
        for named in re.findall(r"docs/contract\.md, ((?:\"[^\"]+\"(?: and )?)+)", text):
            assert set(re.findall(r'"([^"]+)"', named)) <= headings, path
        assert len(re.findall(r"docs/contract\.md", text)) == len(re.findall(r'docs/contract\.md, "', text)), path


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value.startswith("spendgate-")
