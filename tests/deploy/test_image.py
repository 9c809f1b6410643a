"""The image and the compose file: that a process can write where it has to."""

import re
from pathlib import PurePosixPath

import pytest
import yaml

from tests.docs.repository import text_of

SERVICES = yaml.safe_load(text_of("docker-compose.yml"))["services"]
READ_ONLY = sorted(name for name, service in SERVICES.items() if service.get("read_only"))


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_service_that_may_write_nowhere_else_has_its_data_folder_in_memory(name: str) -> None:
    """The image starts in `/`, so a relative folder would lie in what is read-only; the worker makes its folder."""
    service = SERVICES[name]
    of_image = re.findall(r"\bSPENDGATE_DATA_DIR=(\S+)", text_of("Dockerfile"))
    folder = PurePosixPath(service["environment"].get("SPENDGATE_DATA_DIR") or of_image[-1])
    assert any(folder.is_relative_to(mount) for mount in service["tmpfs"])


def test_the_services_that_are_looked_at_are_all_processes() -> None:
    assert {"worker", "scheduler", "ledger", "notifier", "api"} <= set(READ_ONLY)
