"""The certificates that a client of Kafka trusts, and the one that it shows."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka.helpers import create_ssl_context

from core.errors import ConfigurationError
from core.moment import SECOND
from streams.clock import current_moment
from streams.settings import Settings

__all__ = ["certificate_days_left", "certificate_name", "tls_context", "trusting"]

_DAY_SECONDS: Final = 86_400.0
#: The attributes that a name of RFC 2253 writes by letters, as Java does in the principal of a client.
_LETTERS: Final = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The TLS context of a client, from the files that the settings name. Raises ConfigurationError where one cannot be
    used."""
    context = trusting("SPENDGATE_KAFKA_CA_FILE", settings.kafka_ca_file)
    if settings.kafka_certificate_file is not None:
        _add_own(context, settings, settings.kafka_certificate_file)
    return context


def trusting(setting: str, ca_file: Path | None) -> ssl.SSLContext:
    """A TLS context that trusts the authorities in the file that `setting` names, those of the system without one.
    Raises ConfigurationError where it cannot be used."""
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=ca_file)
    except OSError as error:  # as TLS's own errors are
        raise ConfigurationError(
            f"{setting}, {ca_file}, is no file of certificates ({_why(error)}): name one in PEM."
        ) from error
    return context


def _add_own(context: ssl.SSLContext, settings: Settings, certificate: Path) -> None:
    key = settings.kafka_key_file or certificate
    for name, path in (("CERTIFICATE", certificate), ("KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"SPENDGATE_KAFKA_{name}_FILE, {path}, cannot be read ({_why(error)}): name a file in PEM that this "
                "user may read."
            ) from error
    try:
        # Without any password OpenSSL would ask for one on the terminal.
        password = settings.kafka_key_password.text if settings.kafka_key_password else ""
        context.load_cert_chain(certificate, key, password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(_unusable(settings, certificate, key, error)) from error


def _unusable(settings: Settings, certificate: Path, key: Path, error: Exception) -> str:
    """OpenSSL's own words for these are "PEM lib" and "bad decrypt"."""
    text = key.read_text(encoding="ascii", errors="replace")
    if "PRIVATE KEY-----" not in text:
        return f"No private key is in {key}: set SPENDGATE_KAFKA_KEY_FILE to the key of {certificate}, in PEM."
    if "CERTIFICATE-----" not in certificate.read_text(encoding="ascii", errors="replace"):
        return f"No certificate is in {certificate}: set SPENDGATE_KAFKA_CERTIFICATE_FILE to one in PEM."
    if "ENCRYPTED" in text:
        given = "SPENDGATE_KAFKA_KEY_PASSWORD is not its password" if settings.kafka_key_password else "it needs one"
        return (
            f"The key in {key} is under a password, and {given}: set SPENDGATE_KAFKA_KEY_PASSWORD or "
            "SPENDGATE_KAFKA_KEY_PASSWORD_FILE."
        )
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        return (
            f"The key in {key} is not that of the certificate in {certificate}: set SPENDGATE_KAFKA_KEY_FILE and "
            "SPENDGATE_KAFKA_CERTIFICATE_FILE to two that belong together."
        )
    return (
        f"The certificate in {certificate} and the key in {key} cannot be used ({_why(error)}): name files in PEM, of "
        "which the first begins with the client's own certificate."
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def certificate_days_left(certificate: Path) -> float | None:
    """The days until it expires, less than 0 when it has expired; None where that cannot be read."""
    try:
        ends_at_seconds = ssl.cert_time_to_seconds(str(_facts(certificate)["notAfter"]))
        return (ends_at_seconds - current_moment() / SECOND) / _DAY_SECONDS
    except (ValueError, KeyError):
        return None


def certificate_name(certificate: Path) -> str | None:
    """The subject as a Kafka broker without `ssl.principal.mapping.rules` has it: `CN=worker,O=Acme`."""
    try:
        subject: Any = _facts(certificate)["subject"]
        parts = [f"{_LETTERS[name]}={_escaped(value)}" for part in reversed(subject) for name, value in part]
    except KeyError:
        return None
    return ",".join(parts)


def _facts(certificate: Path) -> Mapping[str, Any]:
    """Python has no public function that reads a certificate which nobody has shown; empty where this one fails."""
    try:
        from _ssl import _test_decode_cert  # type: ignore[attr-defined]
    except ImportError:
        return {}
    try:
        decoded: Mapping[str, Any] = _test_decode_cert(str(certificate))
    except (OSError, ValueError):
        return {}
    return decoded


def _escaped(value: str) -> str:
    """A value escaped as Java does it, which is more than RFC 2253 asks for."""
    return "".join(f"\\{character}" if character in ',=+<>#;"\\' else character for character in value)
