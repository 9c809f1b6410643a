"""A receiver that nobody here wrote: the Standard Webhooks library for JavaScript verifies a delivery."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from core.moment import SECOND
from notifier.channel_address import new_webhook_secret
from notifier.messages import alert_message
from notifier.webhook import webhook_sender
from streams.clock import current_moment
from tests.notifier.alerts import alert
from tests.notifier.receiver import Receiver

PACKAGE = "standardwebhooks@1.1.1"
VERIFY = """
const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
"""


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not here: the JavaScript library of Standard Webhooks is not tried")
    folder = tmp_path_factory.mktemp("node")
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"npm cannot install {PACKAGE}: {installed.stderr.strip()[-200:]}")
    return folder


async def test_the_javascript_library_verifies_a_delivery_and_refuses_a_changed_one(
    receiver: Receiver, node_folder: Path
) -> None:
    secret, message = new_webhook_secret(), alert_message(alert())
    async with webhook_sender(allow_private=True) as webhooks:
        await webhooks.send(
            receiver.address, secret, message.message_id, message.body, current_moment() // SECOND * SECOND
        )
    [one] = receiver.received
    verified = _verify(node_folder, secret, one.body, one.headers)
    assert json.loads(verified.stdout)["data"] == json.loads(alert())
    changed = _verify(node_folder, secret, one.body.replace("80.10", "80.11"), one.headers)
    assert changed.returncode != 0
    assert "No matching signature found" in changed.stderr


def _verify(folder: Path, secret: str, body: str, headers: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    told = json.dumps({"secret": secret, "body": body, "headers": {name.lower(): it for name, it in headers.items()}})
    return subprocess.run(
        ["node", "-e", VERIFY], cwd=folder, input=told, capture_output=True, text=True, timeout=120, check=False
    )
