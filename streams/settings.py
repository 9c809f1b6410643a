"""Settings from the environment; nothing else reads SPENDGATE_* variables."""

import os
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from core.errors import RefusedValue
from streams.setting_kinds import Secret, Setting, addresses, choice, hosts, number, path, secret, switch, text, whole

if TYPE_CHECKING:
    from core.acceptance import Tolerance

__all__ = ["SECRETS", "SETTINGS", "LogFormat", "Settings", "Timestamps"]

#: The fields that a file may give.
SECRETS: Final = ("database_url", "kafka_password", "kafka_key_password")


class Timestamps(StrEnum):
    """Whose clock stamps the records of our topics."""

    APPEND = "append"  # the broker's, on arrival: production
    CREATE = "create"  # the producer's: tests and replays with given times


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of an installation: each is what the caller gives, else its variable, else its default. A secret may
    be given as a file by `<NAME>_FILE`. Raises RefusedValue, which names each variable whose value is wrong and repeats
    no value, because it may be a secret."""

    brokers: str = hosts("127.0.0.1:9092")
    database_url: Secret = secret("postgresql://spendgate@127.0.0.1:5432/spendgate")
    partitions: int = whole(4, least=1, most=1024)
    replication_factor: int = whole(1, least=1, most=7)
    topic_prefix: str = text("", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    time_zone: str = text("UTC")
    timestamps: Timestamps = choice(Timestamps.APPEND)
    http_host: str = text("127.0.0.1")
    http_port: int = whole(8000, least=0, most=65535)
    trusted_proxies: str = addresses()  # addresses whose X-Forwarded-For and -Proto are believed, separated by commas
    metrics_host: str = text("127.0.0.1")
    metrics_port: int | None = whole(None, least=0, most=65535)
    data_dir: Path = path(Path(".spendgate"))
    log_format: LogFormat = choice(LogFormat.CONSOLE)
    actor: str | None = text(None)  # who stands in the change history; the system's user where it is not given

    kafka_security_protocol: str = text("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    kafka_sasl_mechanism: str = text("PLAIN", pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER|AWS_MSK_IAM)$")
    kafka_username: str | None = text(None)  # with OAUTHBEARER the id of the client at the token endpoint
    kafka_password: Secret | None = secret(None)  # with OAUTHBEARER its secret
    kafka_ca_file: Path | None = path(None)
    kafka_certificate_file: Path | None = path(None)  # of the client, with the authorities between, PEM
    kafka_key_file: Path | None = path(None)  # the file of the certificate where it is not set
    kafka_key_password: Secret | None = secret(None)
    kafka_token_url: str | None = text(None, pattern=r"^https?://\S+$")
    kafka_token_scope: str | None = text(None)
    kafka_token_extensions: str = text("", pattern=r"^([A-Za-z]+=[^,=\s]+(,[A-Za-z]+=[^,=\s]+)*)?$")
    kafka_token_ca_file: Path | None = path(None)
    kafka_aws_region: str | None = text(None, pattern=r"^[a-z0-9-]{1,40}$")
    kafka_client_id: str = text("spendgate", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    kafka_client_rack: str | None = text(None)

    duplicate_window: int = whole(1_000_000, least=1)  # accepted event ids remembered per partition
    future_tolerance_seconds: int = whole(300, least=0, most=3600)  # how far occurred_at may lie ahead of arrival
    past_tolerance_days: int | None = whole(None, least=1, most=36_500)  # how far before it; None: however far
    reaction_seconds: int = whole(60, least=0, most=86_400)  # how long after a pause spend raises no alert
    flush_interval_seconds: float = number(0.5, above=0, most=60)
    patience_seconds: float = number(120, least=60)  # a worker that stands still for so long ends itself

    spend_form: bool = switch(False)  # whether the console has the page that publishes one spend event
    notify_private_addresses: bool = switch(False)  # whether the notifier may send there and to this machine

    database_url_file: Path | None = path(None)
    kafka_password_file: Path | None = path(None)
    kafka_key_password_file: Path | None = path(None)

    #: The names of those that the caller, a variable or a file gave.
    given: frozenset[str] = field(init=False, repr=False, compare=False)
    #: The variables; by default those of this process.
    environment: InitVar[Mapping[str, str] | None] = None

    def __post_init__(self, environment: Mapping[str, str] | None) -> None:
        given = self._given(os.environ if environment is None else environment)
        given |= _secrets_in_files(given)
        values = {name: setting.default for name, setting in SETTINGS.items()} | _read(given)
        for name, value in {**values, "given": frozenset(given)}.items():
            object.__setattr__(self, name, value)
        self._check_entry()

    def _given(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """What the caller gave, else the text of a variable."""
        variables = {name.upper(): text for name, text in environment.items()}
        by_environment = {name: variables[it] for name in SETTINGS if (it := _variable(name)) in variables}
        by_caller = {name: it for name, setting in SETTINGS.items() if (it := getattr(self, name)) is not setting}
        return by_environment | by_caller

    def _check_entry(self) -> None:
        """Refuse settings of security and authentication that are incomplete, or that the chosen protocol does not
        use."""
        if self.uses_iam and not (self.kafka_aws_region and self.uses_tls):
            raise RefusedValue("AWS_MSK_IAM needs SPENDGATE_KAFKA_AWS_REGION, and SASL_SSL as the security protocol")
        if self.uses_sasl and not self.uses_iam and not (self.kafka_username and self.kafka_password):
            raise RefusedValue("SASL needs SPENDGATE_KAFKA_USERNAME and SPENDGATE_KAFKA_PASSWORD")
        if self.uses_tokens and not self.kafka_token_url:
            raise RefusedValue("OAUTHBEARER needs SPENDGATE_KAFKA_TOKEN_URL, the address that gives tokens")
        if self.kafka_key_file and not self.kafka_certificate_file:
            raise RefusedValue("SPENDGATE_KAFKA_KEY_FILE needs SPENDGATE_KAFKA_CERTIFICATE_FILE, whose key it is")
        if self.kafka_certificate_file and not self.uses_tls:
            raise RefusedValue(
                f"{self.kafka_security_protocol} shows no certificate: set SPENDGATE_KAFKA_SECURITY_PROTOCOL to SSL or "
                "SASL_SSL, or leave SPENDGATE_KAFKA_CERTIFICATE_FILE out"
            )

    def replace(self, **values: Any) -> Self:
        """These settings with other values, which are checked as those of the environment are."""
        given = {name: getattr(self, name) for name in self.given}
        return type(self)(environment={}, **{**given, **values})

    @property
    def uses_tls(self) -> bool:
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        return self.kafka_security_protocol.startswith("SASL")

    @property
    def uses_tokens(self) -> bool:
        """Whether clients show a token of an OAuth 2 server in place of a password."""
        return self.uses_sasl and self.kafka_sasl_mechanism == "OAUTHBEARER"

    @property
    def uses_iam(self) -> bool:
        """Whether clients show a token that AWS credentials signed, as Amazon MSK's IAM access control asks for."""
        return self.uses_sasl and self.kafka_sasl_mechanism == "AWS_MSK_IAM"

    def of_process(self, process: str) -> Self:
        """These settings with the process in `client.id`, by which brokers count, limit and log, unless one is set."""
        if "kafka_client_id" in self.given:
            return self
        return self.replace(kafka_client_id=f"spendgate-{process}")

    def topic(self, name: str) -> str:
        """The name on the broker of a topic, group or transactional id: with the prefix."""
        return f"{self.topic_prefix}{name}"

    @property
    def tolerance(self) -> "Tolerance":
        """How far `occurred_at` of spend may lie from its arrival."""
        from core.acceptance import FOREVER, Tolerance

        days = self.past_tolerance_days
        return Tolerance(self.future_tolerance_seconds * 1_000, FOREVER if days is None else days * 86_400_000)

    def transactional_id(self, partition: int) -> str:
        """The transactional id of the producer of a partition's owner."""
        return self.topic(f"spendgate-worker-{partition}")

    @property
    def database(self) -> str:
        """The libpq URL with its password."""
        return self.database_url.text


#: By the name of the field.
SETTINGS: Final[dict[str, Setting]] = {
    it.name: it.default for it in fields(Settings) if isinstance(it.default, Setting)
}


def _variable(name: str) -> str:
    return f"SPENDGATE_{name.upper()}"


def _secrets_in_files(given: Mapping[str, Any]) -> dict[str, str]:
    """The secrets that a file gives and nothing else does. Raises RefusedValue where a file holds no text."""
    files = {name: given.get(f"{name}_file") for name in SECRETS if not given.get(name)}
    return {name: _secret_in(_variable(f"{name}_file"), Path(file)) for name, file in files.items() if file}


def _secret_in(variable: str, file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise RefusedValue(f"{variable}: {file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RefusedValue(f"{variable}: {file} is no text in UTF-8") from error
    if not secret:
        raise RefusedValue(f"{variable}: {file} is empty")
    return secret


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Raises RefusedValue, which names each wrong one."""
    values, faults = {}, []
    for name, value in given.items():
        try:
            values[name] = SETTINGS[name].read(value)
        except ValueError as error:
            faults.append(f"{_variable(name)}: {error}")
    if faults:
        raise RefusedValue("; ".join(faults))
    return values
