"""Sends one webhook, signed as Standard Webhooks wants it (https://www.standardwebhooks.com)."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from standardwebhooks import Webhook
from typing_extensions import override

from core.errors import SpendgateError
from core.moment import SECOND, Moment
from notifier.addresses import host_refusal

__all__ = ["NotDelivered", "WebhookSender", "webhook_sender"]

#: From the connection to the last byte of the answer, as Standard Webhooks recommends.
TIMEOUT_SECONDS: Final = 15.0
_ANSWER_BYTES: Final = 200
_ASKS_FOR_TIME: Final = (429, 503)
_SECONDS: Final = re.compile("[0-9]{1,9}", re.ASCII)


class NotDelivered(SpendgateError):
    """The text says why, without the address, which may hold a secret. `retry_after` is the moment before which the
    receiver wants no further attempt, if it named one."""

    def __init__(self, why: str, retry_after: Moment | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class WebhookSender:
    """Follows no redirect, uses no proxy, and connects to no address that it has not checked."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, address: str, secret: str, message_id: str, body: str, at: Moment) -> None:
        """Send one message; returns when the receiver has answered 2xx. Raises NotDelivered."""
        signed_at = datetime.fromtimestamp(at // SECOND, UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "Spendgate",
            "accept-encoding": "identity",
            "webhook-id": message_id,
            "webhook-timestamp": str(at // SECOND),
            "webhook-signature": Webhook(secret).sign(message_id, signed_at, body),
        }
        try:
            async with self._session.post(
                address, data=body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    if _has_forbidden_body(answer):
                        answer.close()  # the next answer of this connection would begin with the body
                    return
                raise NotDelivered(await _answered(answer), _retry_after(answer, at))
        except TimeoutError as error:
            raise NotDelivered(f"it has not answered within {TIMEOUT_SECONDS:g} s") from error
        except aiohttp.ClientError as error:
            raise NotDelivered(_why(error)) from error
        except (OSError, ValueError) as error:
            raise NotDelivered(str(error) or type(error).__name__) from error


@asynccontextmanager
async def webhook_sender(
    *, allow_private: bool, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[WebhookSender]:
    def checked_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Called with each address right before it is connected to, after names were resolved."""
        family, kind, protocol, _, address = info
        if refusal := host_refusal(str(address[0]), allow_private=allow_private):
            raise OSError(refusal)
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(socket_factory=checked_socket, use_dns_cache=False, limit=0)
    # The client takes no other class for its protocol.
    connector._factory = partial(_AnswerHandler, loop=asyncio.get_running_loop())  # type: ignore[assignment]
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield WebhookSender(session)
    await asyncio.sleep(0)  # TLS connections are closed in the next round of the loop


class _AnswerHandler(ResponseHandler):
    """Reads the head of an answer by itself. A 204 has no body in HTTP, and receivers that send one all the same have
    taken the message; the client refuses both when it reads them at once."""

    @override
    def data_received(self, data: bytes) -> None:
        head, end, rest = data.partition(b"\r\n\r\n")
        super().data_received(head + end)
        if rest:
            super().data_received(rest)


def _has_forbidden_body(answer: aiohttp.ClientResponse) -> bool:
    announced = answer.headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in answer.headers
    return answer.status == 204 and announced


async def _answered(answer: aiohttp.ClientResponse) -> str:
    if 300 <= answer.status < 400:
        return f"it answered {answer.status}, and redirects are not followed: correct the address"
    words = _shown((await answer.content.read(_ANSWER_BYTES)).decode(errors="replace"))
    return f"it answered {answer.status}{f': {words}' if words else ''}"


def _retry_after(answer: aiohttp.ClientResponse, now: Moment) -> Moment | None:
    """The moment that the header `Retry-After` names, in seconds or as an HTTP date; None where there is none."""
    asked = answer.headers.get("retry-after", "").strip()
    if answer.status not in _ASKS_FOR_TIME or not asked:
        return None
    if _SECONDS.fullmatch(asked):
        return now + int(asked) * SECOND
    try:
        return int(parsedate_to_datetime(asked).timestamp() * SECOND)
    except (ValueError, OverflowError):
        return None


def _why(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host {error.host} is not known"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not accepted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {_cause(error.os_error)}"
    # What these say of themselves has the whole address in it.
    if isinstance(error, aiohttp.ClientResponseError):
        return f"its answer is no HTTP: {_shown(error.message)[:_ANSWER_BYTES]}"
    if isinstance(error, aiohttp.InvalidURL):
        return "its address is no URL"
    return str(error) or type(error).__name__


def _shown(text: str) -> str:
    words = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def _cause(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
