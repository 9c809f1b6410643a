"""Settings from the environment; nothing else reads SPENDGATE_* variables."""

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from core.acceptance import Tolerance

__all__ = ["LogFormat", "Settings", "Timestamps"]


class Timestamps(StrEnum):
    """Whose clock stamps the records of our topics."""

    APPEND = "append"  # the broker's, on arrival: production
    CREATE = "create"  # the producer's: tests and replays with given times


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """The settings of an installation. A secret may be given as a file by `<NAME>_FILE`."""

    model_config = SettingsConfigDict(env_prefix="SPENDGATE_", frozen=True, extra="ignore")

    brokers: str = "127.0.0.1:9092"
    database_url: SecretStr = SecretStr("postgresql://spendgate@127.0.0.1:5432/spendgate")
    partitions: int = Field(4, ge=1, le=1024)
    replication_factor: int = Field(1, ge=1, le=7)
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    time_zone: str = "UTC"
    timestamps: Timestamps = Timestamps.APPEND
    http_host: str = "127.0.0.1"
    http_port: int = Field(8000, ge=0, le=65535)
    trusted_proxies: str = ""  # addresses whose X-Forwarded-For and -Proto are believed, separated by commas
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(None, ge=0, le=65535)
    data_dir: Path = Path(".spendgate")
    log_format: LogFormat = LogFormat.CONSOLE
    actor: str | None = None  # who stands in the change history; the system's user where it is not given

    kafka_security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    kafka_sasl_mechanism: str = Field("PLAIN", pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER|AWS_MSK_IAM)$")
    kafka_username: str | None = None  # with OAUTHBEARER the id of the client at the token endpoint
    kafka_password: SecretStr | None = None  # with OAUTHBEARER its secret
    kafka_ca_file: Path | None = None
    kafka_certificate_file: Path | None = None  # of the client, with the authorities between, PEM
    kafka_key_file: Path | None = None  # the file of the certificate where it is not set
    kafka_key_password: SecretStr | None = None
    kafka_token_url: str | None = Field(None, pattern=r"^https?://\S+$")
    kafka_token_scope: str | None = None
    kafka_token_extensions: str = Field("", pattern=r"^([A-Za-z]+=[^,=\s]+(,[A-Za-z]+=[^,=\s]+)*)?$")
    kafka_token_ca_file: Path | None = None
    kafka_aws_region: str | None = Field(None, pattern=r"^[a-z0-9-]{1,40}$")
    kafka_client_id: str = Field("spendgate", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    kafka_client_rack: str | None = None

    duplicate_window: int = Field(1_000_000, ge=1)  # accepted event ids remembered per partition
    future_tolerance_seconds: int = Field(300, ge=0, le=3600)  # how far occurred_at may lie ahead of arrival
    past_tolerance_days: int | None = Field(None, ge=1, le=36_500)  # how far before it; None: however far
    reaction_seconds: int = Field(60, ge=0, le=86_400)  # how long after a pause spend raises no alert
    flush_interval_seconds: float = Field(0.5, gt=0, le=60)
    patience_seconds: float = Field(120, ge=5)  # a worker that stands still for so long ends itself

    spend_form: bool = False  # whether the console has the page that publishes one spend event
    notify_private_addresses: bool = False  # whether the notifier may send into private networks and to this machine

    database_url_file: Path | None = None
    kafka_password_file: Path | None = None
    kafka_key_password_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("database_url", "kafka_password", "kafka_key_password"):
            path = values.get(f"{name}_file")
            if path and not values.get(name):
                values[name] = _secret_in(f"SPENDGATE_{name.upper()}_FILE", Path(str(path)))
        return values

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        """Refuse `*`, with which a client could choose the address by which its attempts to sign in are counted."""
        try:
            for one in filter(None, (it.strip() for it in value.split(","))):
                ip_network(one)
        except ValueError as error:
            raise ValueError("SPENDGATE_TRUSTED_PROXIES takes addresses and networks such as 10.0.0.0/8") from error
        return value

    @model_validator(mode="after")
    def _entry_is_whole(self) -> Self:
        """Refuse settings of security and authentication that are incomplete, or that the chosen protocol does not
        use."""
        if self.uses_iam and not (self.kafka_aws_region and self.uses_tls):
            raise ValueError("AWS_MSK_IAM needs SPENDGATE_KAFKA_AWS_REGION, and SASL_SSL as the security protocol")
        if self.uses_sasl and not self.uses_iam and not (self.kafka_username and self.kafka_password):
            raise ValueError("SASL needs SPENDGATE_KAFKA_USERNAME and SPENDGATE_KAFKA_PASSWORD")
        if self.uses_tokens and not self.kafka_token_url:
            raise ValueError("OAUTHBEARER needs SPENDGATE_KAFKA_TOKEN_URL, the address that gives tokens")
        if self.kafka_key_file and not self.kafka_certificate_file:
            raise ValueError("SPENDGATE_KAFKA_KEY_FILE needs SPENDGATE_KAFKA_CERTIFICATE_FILE, whose key it is")
        if self.kafka_certificate_file and not self.uses_tls:
            raise ValueError(
                f"{self.kafka_security_protocol} shows no certificate: set SPENDGATE_KAFKA_SECURITY_PROTOCOL to SSL or "
                "SASL_SSL, or leave SPENDGATE_KAFKA_CERTIFICATE_FILE out"
            )
        return self

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
        if "kafka_client_id" in self.model_fields_set:
            return self
        return self.model_copy(update={"kafka_client_id": f"spendgate-{process}"})

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
        return self.database_url.get_secret_value()


def _secret_in(setting: str, file: Path) -> str:
    """Raises ValueError, which names the setting, where the file holds no text."""
    try:
        secret = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise ValueError(f"{setting}: {file} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{setting}: {file} is no text in UTF-8") from error
    if not secret:
        raise ValueError(f"{setting}: {file} is empty")
    return secret
