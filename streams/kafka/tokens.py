"""Tokens that SASL's OAUTHBEARER shows in place of a password, here those of an OAuth 2 server (client credentials).

librdkafka fetches its own from such a server; this module is for aiokafka. aiokafka takes a connection whose token was
refused for an accepted one: the broker sends the refusal as a message, and reports the error only after the client has
answered it.
"""

import abc
import asyncio
import base64
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator
from aiokafka.errors import KafkaConnectionError
from typing_extensions import override

from core.errors import NotAllowed, SpendgateError, Unreachable
from core.moment import SECOND
from streams.clock import current_moment
from streams.kafka.certificates import trusting
from streams.settings import Settings

__all__ = ["NoToken", "SharedToken", "install", "token_provider"]

_ANSWER_SECONDS: Final = 10.0
#: The part of its life after which a token is fetched anew: connections are made with one that lasts.
_LIFE_USED: Final = 0.8
#: Of a token whose life the server does not state.
_USUAL_LIFE_SECONDS: Final = 300.0
_LONGEST_REASON: Final = 200


class NoToken(Unreachable, KafkaConnectionError):  # type: ignore[misc]
    """The token server gave no token. To aiokafka it is a connection that failed, which is tried again."""

    def __init__(self, cause: SpendgateError) -> None:
        super().__init__(str(cause))
        self.cause: SpendgateError = cause


def install() -> None:
    """Replace the method for every connection of this process; a second call changes nothing."""
    AIOKafkaConnection.authenticator_oauth = _authenticator


def token_provider(settings: Settings) -> AbstractTokenProvider:
    """The provider that all clients of this process with the same credentials share, and so one token. Raises
    ConfigurationError where its file of authorities cannot be used."""
    assert settings.kafka_token_url and settings.kafka_username and settings.kafka_password  # Settings asks for them
    return _provider(
        settings.kafka_token_url,
        settings.kafka_username,
        settings.kafka_password.text,
        settings.kafka_token_scope,
        settings.kafka_token_extensions,
        settings.kafka_token_ca_file,
    )


class SharedToken(AbstractTokenProvider):  # type: ignore[misc]
    """One token for all clients that are given this provider, fetched anew before it expires."""

    def __init__(self) -> None:
        self._lock: Lock = Lock()  # clients of one process may have event loops of their own
        self._token: str = ""
        self._renew_at: float = 0.0
        self._expires_at: float = 0.0

    @override
    async def token(self) -> str:
        return (await asyncio.to_thread(self.current))[0]

    def current(self) -> tuple[str, float]:
        """The token and the Unix time at which it expires, in seconds. Raises NoToken."""
        with self._lock:
            if time.monotonic() >= self._renew_at:
                asked_at, asked_at_wall = time.monotonic(), current_moment() / SECOND
                self._token, life_seconds = self.fetch()
                self._renew_at = asked_at + _LIFE_USED * life_seconds
                self._expires_at = asked_at_wall + life_seconds
            return self._token, self._expires_at

    @abc.abstractmethod
    def fetch(self) -> tuple[str, float]:
        """A new token and its life in seconds. Raises NoToken."""


class _ClientCredentials(SharedToken):
    """RFC 6749, section 4.4."""

    def __init__(
        self, url: str, client: str, secret: str, scope: str | None, extensions: str, ca_file: Path | None
    ) -> None:
        super().__init__()
        self._url: str = url
        self._client: str = client
        #: Made here, so that a file that cannot be used is not reported as a server that does not answer.
        self._tls: ssl.SSLContext | None = None
        if url.startswith("https:"):
            self._tls = trusting("SPENDGATE_KAFKA_TOKEN_CA_FILE", ca_file)
        self._extensions: dict[str, str] = dict(one.split("=", 1) for one in extensions.split(",") if one)
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        pair = base64.b64encode(f"{client}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Accept": "application/json"}
        body = urllib.parse.urlencode(form).encode()
        self._request: urllib.request.Request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310

    @override
    def extensions(self) -> dict[str, str]:
        return self._extensions

    def fetch(self) -> tuple[str, float]:
        try:
            with urllib.request.urlopen(self._request, timeout=_ANSWER_SECONDS, context=self._tls) as answer:  # noqa: S310
                fields = json.load(answer)
                return str(fields["access_token"]), float(fields.get("expires_in") or _USUAL_LIFE_SECONDS)
        except urllib.error.HTTPError as error:
            raise NoToken(self._refused(error)) from error
        except OSError as error:
            raise NoToken(self._away(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoToken(
                Unreachable(
                    f"What answers at {self._url} gives no token: set SPENDGATE_KAFKA_TOKEN_URL to the token endpoint "
                    "of the OAuth 2 server."
                )
            ) from error

    def _refused(self, error: urllib.error.HTTPError) -> SpendgateError:
        with error:
            words = " ".join(error.read(_LONGEST_REASON).decode(errors="replace").split())
        if error.code >= 500:
            return Unreachable(
                f"The token endpoint {self._url} fails with {error.code}: let its administrator look; it is "
                "asked again."
            )
        return NotAllowed(
            f"The token endpoint {self._url} refuses the client {self._client} ({error.code}{words and f', {words}'}): "
            "correct SPENDGATE_KAFKA_USERNAME, SPENDGATE_KAFKA_PASSWORD or SPENDGATE_KAFKA_TOKEN_SCOPE."
        )

    def _away(self, error: OSError) -> SpendgateError:
        cause: Any = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotAllowed(
                f"The certificate of the token endpoint {self._url} is not vouched for "
                f"({cause.verify_message.rstrip('.')}): set SPENDGATE_KAFKA_TOKEN_CA_FILE to the authority that signed "
                "it."
            )
        why = getattr(cause, "strerror", None) or cause
        return Unreachable(
            f"The token endpoint {self._url} does not answer ({why}): correct SPENDGATE_KAFKA_TOKEN_URL, or start it."
        )


_provider = lru_cache(maxsize=64)(_ClientCredentials)


class _Authenticator(OAuthAuthenticator):  # type: ignore[misc]
    """RFC 7628, section 3.2.3: a refusal is answered by one byte, after which the server's error follows."""

    _refusal_answered: bool = False

    @override
    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if payload and self._token_sent and not self._refusal_answered:
            self._refusal_answered = True
            return b"\x01", True
        step: tuple[bytes, bool] | None = await super().step(payload)
        return step


def _authenticator(self: AIOKafkaConnection) -> _Authenticator:
    return _Authenticator(sasl_oauth_token_provider=self._sasl_oauth_token_provider)
