"""A mistyped setting is named, with the name that was meant; what others read is not."""

import json
import re
import subprocess
import sys

import pytest

from streams.unknown_variables import KNOWN, unknown_variables
from tests.docs.repository import ROOT

START = """
from streams.logs import configure_logs
from streams.settings import LogFormat
configure_logs(LogFormat.JSON, process="test")
"""


def test_a_process_warns_once_of_all_that_nothing_reads_and_shows_no_value() -> None:
    environment = {"SPENDGATE_PATIENCE_SECOND": "hidden", "spendgate_broker": "hidden", "SPENDGATE_PARTITIONS": "2"}
    command = [sys.executable, "-c", START]
    logged = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT).stdout
    [warning] = map(json.loads, logged.splitlines())
    assert (warning["level"], warning["event"]) == ("warning", "unknown_variables")
    assert warning["advice"] == (
        "SPENDGATE_PATIENCE_SECOND is no setting, the nearest is SPENDGATE_PATIENCE_SECONDS; "
        "spendgate_broker is no setting, the nearest is SPENDGATE_BROKERS"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SPENDGATE_DATABASE_URL_FILE", "/run/secret"),
        ("spendgate_partitions", "2"),
        ("OTHER_PATIENCE", "1"),
        ("SPENDGATE_API_SERVICE_HOST", "10.0.0.1"),
        ("SPENDGATE_API_SERVICE_PORT_HTTP", "8000"),
        ("SPENDGATE_API_PORT", "tcp://10.0.0.1:8000"),
        ("SPENDGATE_API_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_is_read_and_what_kubernetes_adds_is_not_warned_of(name: str, text: str) -> None:
    assert unknown_variables({name: text}) == {}


def test_a_port_that_is_mistyped_is_no_port_of_kubernetes() -> None:
    assert unknown_variables({"SPENDGATE_HTP_PORT": "8000"}) == {"SPENDGATE_HTP_PORT": "SPENDGATE_HTTP_PORT"}


def test_every_variable_that_a_program_of_this_repository_reads_is_known() -> None:
    read = re.compile(r"""environ(?:\.get\(|\[)["'](SPENDGATE_\w+)|\$\{(SPENDGATE_\w+)|\b(SPENDGATE_\w+)=""")
    paths = [*ROOT.glob("[a-z]*/**/*.py"), ROOT / "Makefile", ROOT / "docker-compose.yml"]
    found = {name for path in paths for names in read.findall(path.read_text()) for name in names if name}
    assert {"SPENDGATE_TEST_LENGTH", "SPENDGATE_FAULTS", "SPENDGATE_POSTGRES_PASSWORD", "SPENDGATE_API"} <= found
    assert found - KNOWN == set()
