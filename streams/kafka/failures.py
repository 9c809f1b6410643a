"""Translates errors of Kafka clients, TLS and sockets into ours: one sentence with the cause and the remedy.

aiokafka and librdkafka have the broker's error codes in common. Both report every failure to connect as "no broker
available"; a connection of our own finds the cause.
"""

import asyncio
import shlex
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import BrokerResponseError, KafkaConnectionError, KafkaError, UnknownError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.util import get_running_loop

from core.errors import ConfigurationError, NotAllowed, SpendgateError, Unreachable
from streams.kafka.certificates import certificate_days_left, certificate_name
from streams.kafka.iam_actions import iam_actions
from streams.kafka.options import client_options
from streams.kafka.tokens import NoToken
from streams.settings import Settings

__all__ = [
    "BrokerAnswer",
    "explained",
    "is_not_allowed",
    "not_allowed",
    "principal",
    "reason",
    "translated",
    "translated_answer",
]

_TOPIC, _GROUP, _CLUSTER, _TRANSACTION = 29, 30, 31, 53
_NO_TOPIC, _TOO_LARGE, _FEW_REPLICAS, _STORAGE = 3, 10, (19, 20), 56
_MECHANISM, _NO_SASL, _PASSWORD = 33, 34, 58
_RESOURCES: Final = {_TOPIC: "topic", _GROUP: "group", _CLUSTER: "cluster", _TRANSACTION: "transactional id"}

#: librdkafka's own codes, which are negative.
_RD_SSL, _RD_PASSWORD = -181, -169
#: No connection, no address, no answer in time; other codes are about the client itself, such as a full queue.
_RD_AWAY: Final = (-195, -193, -192, -187, -185)

#: A broker that has not answered a probe for so long counts as unreachable.
_PROBE_SECONDS: Final = 1.0

#: What aiokafka writes before the name of a group whose coordinator it did not find.
_NO_COORDINATOR: Final = "Unable to get coordinator id for "

_START_ONE: Final = "start one with `spendgate up`, or set SPENDGATE_BROKERS."


def principal(settings: Settings) -> str:
    """Our name in Kafka's rights, unless the brokers map certificates or tokens to other names."""
    if settings.uses_iam:
        return "The IAM identity of the AWS credentials"
    if settings.uses_sasl:
        return f"User:{settings.kafka_username}"
    certificate = settings.kafka_certificate_file if settings.uses_tls else None
    return f"User:{(certificate and certificate_name(certificate)) or 'ANONYMOUS'}"


def not_allowed(settings: Settings, operation: str, kind: str, name: str) -> NotAllowed:
    """`kind` is topic, group, cluster or transactional id; an operation that is not known is empty."""
    who = principal(settings)
    where = "" if kind == "cluster" else f" {name or '(Kafka does not say which)'}"
    what = f"may not {operation} the {kind}" if operation else f"lacks a right on the {kind}"
    if settings.uses_iam:
        return NotAllowed(
            f"{who} {what}{where}: let its IAM policy allow {', '.join(iam_actions(operation, kind))} on it; "
            "`spendgate doctor` names every right that is missing."
        )
    option = "--cluster" if kind == "cluster" else f"--{kind.replace(' ', '-')} {name}".rstrip()
    allow = f"--allow-principal {shlex.quote(who)} --operation {operation or 'All'} {option}"
    return NotAllowed(
        f"{who} {what}{where}: let Kafka's administrator allow it with `kafka-acls --add {allow}`; "
        "`spendgate doctor` names every right that is missing."
    )


def _writes_nowhere(settings: Settings) -> NotAllowed:
    """Kafka makes an idempotent producer for whoever may write to any topic."""
    return NotAllowed(
        f"{principal(settings)} may Write no topic: let Kafka's administrator allow it with what `spendgate topics "
        "acls` prints; `spendgate doctor` names every right that is missing."
    )


class BrokerAnswer(NamedTuple):
    """The broker's error code and message as a client has them; a negative code is librdkafka's own."""

    code: int | None
    words: str = ""
    resource: str = ""  # the name of the topic, group or transactional id
    may_pass: bool = False  # the client itself would try again
    operation: str = ""  # the right that is missing, where the client knows it


def translated(error: BaseException, settings: Settings, operation: str = "") -> SpendgateError:
    """Translate an error of a Kafka client into one of ours, without a request; `operation` is the right it needed."""
    return translated_answer(_answer(error), settings, operation)


def translated_answer(answer: BrokerAnswer, settings: Settings, operation: str = "") -> SpendgateError:
    """Translate an answer as `translated` does an error, for a client whose errors are no exceptions, or do not name
    the resource."""
    code, words, name, may_pass, known = answer
    match code:
        case _ if code == _CLUSTER and operation == "Write" and not settings.uses_iam:
            return _writes_nowhere(settings)
        case _ if code in _RESOURCES:
            return not_allowed(settings, operation or known, _RESOURCES[code], name)
        case _ if code in (_PASSWORD, _RD_PASSWORD):
            return _entry_refused(settings, words)
        case _ if code == _MECHANISM:
            return NotAllowed(
                f"Kafka at {settings.brokers} does not take {settings.kafka_sasl_mechanism} ({words}): "
                "set SPENDGATE_KAFKA_SASL_MECHANISM to one that it takes."
            )
        case _ if code == _NO_SASL:
            return _no_sasl(settings.brokers)
        case _ if code == _STORAGE:
            return Unreachable(
                f"A disk of Kafka at {settings.brokers} fails or is full, so it takes no more records: free some space "
                "there, then start that broker again."
            )
        case _ if code in _FEW_REPLICAS:
            return Unreachable(
                f"Too few replicas of {name or 'a topic'} are in sync to take records: start the brokers that are down."
            )
        case _ if code == _TOO_LARGE:
            return ConfigurationError(
                f"{name or 'A topic'} does not take a record that large: raise its max.message.bytes, as "
                "`spendgate topics check` wants it."
            )
        case _ if code == _NO_TOPIC:
            return ConfigurationError(f"The topic {name or 'asked for'} is not there: run `spendgate topics create`.")
        case _ if code == _RD_SSL:
            return NotAllowed(
                f"TLS with Kafka at {settings.brokers} fails ({words}): correct SPENDGATE_KAFKA_CA_FILE, "
                "SPENDGATE_KAFKA_CERTIFICATE_FILE or SPENDGATE_KAFKA_KEY_FILE."
            )
    if code is not None and (code > 0 or code not in _RD_AWAY) and not may_pass:
        what = name or words.rstrip(".") or "it does not say why"
        return Unreachable(f"Kafka at {settings.brokers} refused it: {what} (error {code}).")
    return Unreachable(f"No Kafka broker answers at {settings.brokers}: {_START_ONE}")


def reason(error: BaseException, settings: Settings, operation: str = "") -> str:
    """The message for a log: that of `translated` for an error of Kafka, class name and message for any other."""
    if isinstance(error, SpendgateError):
        return str(error)
    of_kafka = isinstance(error, (KafkaError, OSError)) or _answer(error).code is not None
    return str(translated(error, settings, operation)) if of_kafka else f"{type(error).__name__}: {error}"


def is_not_allowed(error: BaseException, settings: Settings) -> bool:
    """Whether the reason is a right that is missing, or an entry that is refused."""
    found = error if isinstance(error, SpendgateError) else translated(error, settings)
    return isinstance(found, NotAllowed)


async def explained(error: BaseException, settings: Settings, operation: str = "") -> SpendgateError:
    """Translate an error as `translated` does. Where the client knows no reason, connect to the brokers to find one:
    two seconds at most."""
    answer = _answer(error)
    if answer.code is not None and answer.code > 0 and not answer.may_pass:
        return translated_answer(answer, settings, operation)
    return await _connection_refusal(settings) or translated_answer(answer, settings, operation)


async def _connection_refusal(settings: Settings) -> SpendgateError | None:
    """Why no broker accepts a connection; None when one does, or when all are merely unreachable."""
    options = {name: value for name, value in client_options(settings).items() if name != "bootstrap_servers"}
    probes = [_probe(settings, *_host_and_port(one), options) for one in settings.brokers.split(",")]
    found = await asyncio.gather(*probes)
    return None if None in found else next((one for one in found if isinstance(one, SpendgateError)), None)


async def _probe(settings: Settings, host: str, port: int, options: dict[str, Any]) -> SpendgateError | str | None:
    """The error of one broker; None when it accepts a connection, a text when it is unreachable for no known cause."""
    address = f"{host}:{port}"
    tries_tls = settings.uses_tls
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await _connect_once(host, port, options)
            return None
    except NoToken as error:
        return error.cause
    except socket.gaierror:
        return Unreachable(f"The host {host} is not known: correct SPENDGATE_BROKERS, or the system's name service.")
    except ssl.SSLCertVerificationError as error:
        return _unknown_certificate(settings, address, error)
    except (BrokerResponseError, _Closed) as error:
        if isinstance(error, _Closed):
            return _closed(settings, address)
        return translated(error, settings)
    except (ConnectionRefusedError, TimeoutError):
        return "away"
    except Exception:  # whatever a stranger's bytes make of a client
        return await _other_protocol(settings, host, port, options, tries_tls=tries_tls)


class _Closed(Unreachable):
    """A broker that speaks Kafka's protocol, and closes the connection at the first request."""


async def _connect_once(host: str, port: int, options: dict[str, Any]) -> None:
    connection = await create_conn(host, port, request_timeout_ms=int(_PROBE_SECONDS * 1000), **options)
    try:
        await connection.send(MetadataRequest([]))
    except KafkaConnectionError as error:
        raise _Closed from error
    finally:
        connection.close()


async def _other_protocol(
    settings: Settings, host: str, port: int, options: dict[str, Any], *, tries_tls: bool
) -> SpendgateError | str:
    """Why an address takes a connection and not our protocol: it asks for a certificate, uses or lacks TLS, or is no
    Kafka."""
    address = f"{host}:{port}"
    own = settings.kafka_security_protocol
    if tries_tls and (alert := await _tls_alert(host, port, options["ssl_context"])):
        return _certificate_refused(settings, address, alert)
    if tries_tls and await _works(partial(_answers_kafka, host, port)):
        other = own.replace("SASL_SSL", "SASL_PLAINTEXT") if own == "SASL_SSL" else "PLAINTEXT"
        return NotAllowed(
            f"Kafka at {address} does not speak TLS, which {own} asks for: set SPENDGATE_KAFKA_SECURITY_PROTOCOL to "
            f"{other}, or SPENDGATE_BROKERS to its port for TLS."
        )
    if not tries_tls and await _works(partial(_answers_tls, host, port)):
        other = own.replace("PLAINTEXT", "SSL")
        return NotAllowed(
            f"What listens at {address} speaks TLS, and {own} does not: set SPENDGATE_KAFKA_SECURITY_PROTOCOL to "
            f"{other if own != 'PLAINTEXT' else 'SSL or SASL_SSL'}."
        )
    return Unreachable(
        f"What listens at {address} does not answer as a Kafka broker does: set SPENDGATE_BROKERS to one that does, or "
        f"start one with `spendgate up`."
    )


async def _works(attempt: Callable[[], Any]) -> bool:
    try:
        async with asyncio.timeout(_PROBE_SECONDS / 2):
            await attempt()
    except Exception:  # as above
        return False
    return True


async def _answers_kafka(host: str, port: int) -> None:
    connection = AIOKafkaConnection(host, port, request_timeout_ms=int(_PROBE_SECONDS * 500))
    await connection.connect()  # asks for the versions that it speaks
    connection.close()


async def _answers_tls(host: str, port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    transport, _ = await get_running_loop().create_connection(asyncio.Protocol, host, port, ssl=context)
    transport.abort()


async def _tls_alert(host: str, port: int, context: ssl.SSLContext) -> str:
    """Why the other side ends TLS, which it sends after its own half of the greeting; empty where it does not."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS / 2):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                await reader.read(1)
            finally:
                writer.transport.abort()
    except ssl.SSLError as error:
        name = error.reason or ""
        return name.partition("_ALERT_")[2].replace("_", " ").lower()
    except (OSError, TimeoutError):
        pass
    return ""


def _certificate_refused(settings: Settings, address: str, alert: str) -> SpendgateError:
    own = settings.kafka_certificate_file
    if own is None:
        return NotAllowed(
            f"Kafka at {address} asks for a client certificate ({alert}): set SPENDGATE_KAFKA_CERTIFICATE_FILE and "
            "SPENDGATE_KAFKA_KEY_FILE."
        )
    left = certificate_days_left(own)
    if left is not None and left < 0:
        return NotAllowed(
            f"The client certificate in {own} expired {-left:.1f} days ago, so Kafka at {address} refuses it: put a "
            "new one in its place, then start again what uses it."
        )
    return NotAllowed(
        f"Kafka at {address} refuses the client certificate in {own} ({alert}): set SPENDGATE_KAFKA_CERTIFICATE_FILE "
        "to one that an authority has signed which the brokers trust."
    )


def _unknown_certificate(settings: Settings, address: str, error: ssl.SSLCertVerificationError) -> SpendgateError:
    why = error.verify_message.rstrip(".")
    if "mismatch" in why or "not valid for" in why:
        return NotAllowed(
            f"The certificate of Kafka at {address} is for another name ({why}): write SPENDGATE_BROKERS with the name "
            "that stands in the certificate."
        )
    by = f"the authorities in {settings.kafka_ca_file}" if settings.kafka_ca_file else "an authority of this system"
    return NotAllowed(
        f"The certificate of Kafka at {address} is not vouched for by {by} ({why}): set SPENDGATE_KAFKA_CA_FILE to the "
        "authority that signed it."
    )


def _closed(settings: Settings, address: str) -> SpendgateError:
    if settings.kafka_security_protocol.startswith("SASL"):
        return _no_sasl(address)
    wanted = "SASL_SSL" if settings.kafka_security_protocol == "SSL" else "SASL_PLAINTEXT"
    return NotAllowed(
        f"Kafka at {address} asks for a password and {settings.kafka_security_protocol} gives none: set "
        f"SPENDGATE_KAFKA_SECURITY_PROTOCOL to {wanted}, SPENDGATE_KAFKA_USERNAME and SPENDGATE_KAFKA_PASSWORD."
    )


def _entry_refused(settings: Settings, words: str) -> NotAllowed:
    why = f" ({words.rstrip('.')})" if words else ""
    if settings.uses_iam:
        return _identity_refused(settings, why)
    return _token_refused(settings, why) if settings.uses_tokens else _wrong_password(settings)


def _identity_refused(settings: Settings, why: str) -> NotAllowed:
    return NotAllowed(
        f"Kafka at {settings.brokers} refuses the AWS credentials{why}: let the policy of their IAM identity allow "
        f"kafka-cluster:Connect on this cluster, and SPENDGATE_KAFKA_AWS_REGION ({settings.kafka_aws_region}) be its "
        "region."
    )


def _wrong_password(settings: Settings) -> NotAllowed:
    return NotAllowed(
        f"Kafka at {settings.brokers} refuses the user {settings.kafka_username} with this password by "
        f"{settings.kafka_sasl_mechanism}: correct SPENDGATE_KAFKA_USERNAME, SPENDGATE_KAFKA_PASSWORD or "
        "SPENDGATE_KAFKA_SASL_MECHANISM."
    )


def _token_refused(settings: Settings, why: str) -> NotAllowed:
    return NotAllowed(
        f"Kafka at {settings.brokers} refuses the token that {settings.kafka_token_url} gave to "
        f"{settings.kafka_username}{why}: let its issuer, audience and SPENDGATE_KAFKA_TOKEN_SCOPE be those that the "
        "brokers take."
    )


def _no_sasl(address: str) -> NotAllowed:
    return NotAllowed(
        f"Kafka at {address} takes no password: set SPENDGATE_KAFKA_SECURITY_PROTOCOL to PLAINTEXT, or to SSL."
    )


def _answer(error: BaseException) -> BrokerAnswer:
    """The answer in the first exception with an error code: the error, its arguments, and its causes."""
    for one in _chain(error):
        if isinstance(one, BrokerResponseError) and not isinstance(one, UnknownError):
            name = _names(one.args)
            words = "" if name else type(one).__name__
            may_pass = bool(getattr(one, "retriable", False))
            return BrokerAnswer(one.errno, words, name, may_pass, getattr(one, "operation", ""))
        code = getattr(one, "code", None)
        if callable(code) and callable(getattr(one, "str", None)):  # librdkafka's, which name no resource
            return BrokerAnswer(int(code()), str(one.str()))
    return BrokerAnswer(None, str(error))


def _chain(error: BaseException) -> Iterator[Any]:
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield now
        yield from now.args
        now = now.__cause__ or now.__context__


def _names(args: tuple[Any, ...]) -> str:
    """The resource names in an error's arguments: aiokafka gives one name or a set."""
    if not args or isinstance(args[0], KafkaError):
        return ""
    names = [args[0].removeprefix(_NO_COORDINATOR)] if isinstance(args[0], str) else args[0]
    try:
        return ", ".join(sorted(map(str, names)))
    except TypeError:
        return ""


def _host_and_port(broker: str) -> tuple[str, int]:
    host, _, port = broker.strip().rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdigit() else (broker.strip(), 9092)
