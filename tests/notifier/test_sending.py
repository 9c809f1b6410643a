"""One message at a time, by Apprise to a mail server and a hook, and as a webhook: to no address that is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from local.ports import choose_port
from notifier.people import send_message
from notifier.webhook import NotDelivered, webhook_sender
from tests.notifier.receiver import Receiver, open_receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class _Mailbox:
    def __init__(self) -> None:
        self.messages: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.messages.append(envelope.content.decode())
        return "250 Message accepted for delivery"


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[int, _Mailbox]]:
    box, port = _Mailbox(), choose_port(0, "test")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, box
    finally:
        controller.stop()


async def test_apprise_sends_mail_and_posts_to_a_hook() -> None:
    async with mail_server() as (port, box), open_receiver() as hook:
        await send_message(
            f"mailto://127.0.0.1:{port}?from=spendgate@example.org&to=ads@example.org",
            "Spendgate: nike",
            "brand nike: 80 %",
            allow_private=True,
        )
        assert "Subject: Spendgate: nike" in box.messages[0]
        await send_message(f"json://127.0.0.1:{hook.port}/x", "title", "words", allow_private=True)
        assert '"message": "words"' in hook.received[0].body


async def test_apprise_connects_nowhere_that_it_may_not_and_follows_no_redirect() -> None:
    async with open_receiver() as hook, open_receiver() as elsewhere:
        # 127.0.0.1.nip.io needs a name service; localhost is resolved by every machine, to a private address.
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(NotDelivered, match="private address"):
                await send_message(f"json://{host}:{hook.port}/x", "title", "words", allow_private=False)
        hook.status, hook.headers = 302, {"location": elsewhere.address}
        with pytest.raises(NotDelivered):
            await send_message(f"json://127.0.0.1:{hook.port}/x", "title", "words", allow_private=True)
        assert (hook.received, elsewhere.asked.is_set()) == ([], False)


async def test_a_message_that_hangs_is_ended() -> None:
    async with open_receiver() as hook:
        hook.hangs = True
        with pytest.raises(NotDelivered, match="has not taken it"):
            await send_message(
                f"json://127.0.0.1:{hook.port}/x", "title", "words", allow_private=True, timeout_seconds=0.5
            )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_webhook_connects_to_no_private_address_by_number_or_by_name(receiver: Receiver, host: str) -> None:
    async with webhook_sender(allow_private=False) as webhooks:
        with pytest.raises(NotDelivered, match="private address"):
            await webhooks.send(f"http://{host}:{receiver.port}/", SECRET, "msg_1", "{}", 1_757_332_800_000)
    assert not receiver.asked.is_set()


async def test_a_webhook_that_hangs_is_not_waited_for(receiver: Receiver) -> None:
    receiver.hangs = True
    async with webhook_sender(allow_private=True, timeout_seconds=0.3) as webhooks:
        with pytest.raises(NotDelivered, match="has not answered within"):
            await webhooks.send(receiver.address, SECRET, "msg_1", "{}", 1_757_332_800_000)
        with pytest.raises(NotDelivered, match="no connection"):
            await webhooks.send("http://127.0.0.1:9/", SECRET, "msg_1", "{}", 1_757_332_800_000)
