"""One message at a time, by Apprise to a mail server and a hook, and as a webhook: to no address that is refused."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiosmtpd.controller import Controller

from local.ports import choose_port
from notifier.addresses import host_refusal
from notifier.people import send_message
from notifier.webhook import NotDelivered, webhook_sender
from tests.notifier.receiver import Receiver, answering, open_receiver

NOON = 1_757_332_800_000
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
            await webhooks.send(f"http://{host}:{receiver.port}/", SECRET, "msg_1", "{}", NOON)
    assert not receiver.asked.is_set()


async def test_a_webhook_that_hangs_is_not_waited_for(receiver: Receiver) -> None:
    receiver.hangs = True
    async with webhook_sender(allow_private=True, timeout_seconds=0.3) as webhooks:
        with pytest.raises(NotDelivered, match="has not answered within"):
            await webhooks.send(receiver.address, SECRET, "msg_1", "{}", NOON)
        with pytest.raises(NotDelivered, match="no connection"):
            await webhooks.send("http://127.0.0.1:9/", SECRET, "msg_1", "{}", NOON)


@pytest.mark.parametrize(
    ("answer", "forever", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65_536, None),
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n{}", b"", None),
        (b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"", None),
        (b"HTTP/1.1 204 No Content\r\n\r\nthanks", b"a" * 65_536, None),
        (b"HTTP/1.1 500 No\r\n\r\n", b"a" * 65_536, "it answered 500: aaa"),
        (b"HTTP/1.1 500 No\r\n", b"x: y\r\n" * 1_000, "its answer is no HTTP"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, "has not answered within"),
        (b"HTTP/1.1 500 No\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd", b"", "it answered 500: abcd"),
        (b"HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\na\x1b[1mb", b"", "it answered 500: a\N{REPLACEMENT CHARACTER}"),
        (b"HTTP/1.1 abc\r\n\r\n", b"", "its answer is no HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", b"", "its answer is no HTTP"),
        (b"HTTP/1.1 500 No\r\ncontent-length: x\r\n\r\n", b"", "its answer is no HTTP"),
        (b"", b"", "disconnected"),
    ],
)
async def test_whatever_a_receiver_answers_is_told_without_the_address(
    answer: bytes, forever: bytes, why: str | None
) -> None:
    async with answering(answer, forever=forever) as address, webhook_sender(allow_private=True) as webhooks:
        if why is None:
            await webhooks.send(address, SECRET, "msg_1", "{}", NOON)
            return
        # The others answer at once, on a busy machine too.
        patience_seconds = 0.5 if "within" in why else 2
        async with webhook_sender(allow_private=True, timeout_seconds=patience_seconds) as impatient:
            with pytest.raises(NotDelivered) as told:
                await impatient.send(address, SECRET, "msg_1", "{}", NOON)
    assert why in str(told.value)
    assert "hidden" not in str(told.value)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("status", "asked", "after_seconds"),
    [
        (429, "120", 120),
        (503, " 7 ", 7),
        (429, "Mon, 08 Sep 2025 12:01:30 GMT", 90),
        (429, "soon", None),
        (429, "-1", None),
        (429, "1.5", None),
        (429, "Mon, 08 Sep 99999 12:01:30 GMT", None),
        (500, "120", None),
    ],
)
async def test_a_receiver_says_when_it_wants_the_next_attempt(
    receiver: Receiver, status: int, asked: str, after_seconds: int | None
) -> None:
    receiver.status, receiver.headers = status, {"retry-after": asked}
    async with webhook_sender(allow_private=True) as webhooks:
        with pytest.raises(NotDelivered) as told:
            await webhooks.send(receiver.address, SECRET, "msg_1", "{}", NOON)
    assert told.value.retry_after == (None if after_seconds is None else NOON + after_seconds * 1_000)


async def test_a_name_that_leads_elsewhere_at_the_second_lookup_leads_nowhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine stands for a public receiver, but for the address of the second answer."""
    answers = ["127.0.0.1", "127.0.0.2"]

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        found = {"hostname": host, "host": answers.pop(0), "port": port, "family": socket.AF_INET}
        return [{**found, "proto": 0, "flags": 0}]

    def refusal(address: str, *, allow_private: bool) -> str | None:
        return None if address == "127.0.0.1" else host_refusal(address, allow_private=allow_private)

    monkeypatch.setattr(aiohttp.DefaultResolver, "resolve", resolve)
    monkeypatch.setattr("notifier.webhook.host_refusal", refusal)
    receiver.headers = {"connection": "close"}
    async with webhook_sender(allow_private=False) as webhooks:
        address = f"http://hooks.example.org:{receiver.port}/"
        await webhooks.send(address, SECRET, "msg_1", "{}", NOON)
        with pytest.raises(NotDelivered, match=r"127\.0\.0\.2 is a private address"):
            await webhooks.send(address, SECRET, "msg_2", "{}", NOON)
    assert receiver.ids == ["msg_1"]


async def test_a_message_that_is_too_long_for_its_service_is_cut() -> None:
    async with open_receiver() as hook:
        address = f"json://127.0.0.1:{hook.port}/x"
        longest = 32_768
        await send_message(address, "title", "a" * (longest + 1), allow_private=True)
        assert [len(json.loads(it.body)["message"]) for it in hook.received] == [longest]
        await send_message(f"{address}?overflow=split", "title", "a" * (longest + 1), allow_private=True)
        assert len(hook.received) == 3
