"""What strangers chose steers no terminal and begins no line."""

import json
import subprocess
import sys

import pytest

from streams.settings import LogFormat

PROGRAM = """
import logging, sys, structlog
from streams.logs import configure_logs
from streams.settings import LogFormat
configure_logs(LogFormat(sys.argv[1]), process="test")
bad = "a\\x1b[2J\\x9b2J\\x7f\\nb"
structlog.get_logger().info(bad, key=bad, keys=[bad], by_name={bad: bad}, bytes=bad.encode())
logging.getLogger("library").warning("it says %s", bad)
try:
    raise ValueError(bad)
except ValueError:
    structlog.get_logger().exception("failed")
    logging.getLogger("library").exception("failed too")
"""
ESCAPED = r"a\x1b[2J\x9b2J\x7f\nb"


@pytest.mark.parametrize("log_format", LogFormat)
def test_control_characters_of_messages_values_and_errors_are_written_as_escapes(log_format: LogFormat) -> None:
    observed = _logged(log_format)
    assert not [one for one in observed if (ord(one) < 32 or 127 <= ord(one) < 160) and one not in "\n\t"]


def test_a_line_of_the_console_format_is_one_event() -> None:
    observed = _logged(LogFormat.CONSOLE)
    assert ESCAPED in observed
    assert len([line for line in observed.splitlines() if "process=test" in line]) == 4


def test_a_line_of_json_is_one_event_and_says_what_the_console_format_says() -> None:
    said, warned, failed, failed_too = map(json.loads, _logged(LogFormat.JSON).splitlines())
    assert (said["event"], said["key"]) == (ESCAPED, ESCAPED)
    assert warned["event"] == f"it says {ESCAPED}"
    for event in (failed, failed_too):
        assert event["exception"].endswith("ValueError: a\\x1b[2J\\x9b2J\\x7f\nb")


def _logged(log_format: LogFormat) -> str:
    command = [sys.executable, "-c", PROGRAM, log_format.value]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
