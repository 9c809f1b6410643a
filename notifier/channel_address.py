"""The address of a channel: which are taken, which kind of channel they make, and how they are shown."""

import base64
import re
import secrets
import warnings
from typing import Any, Final
from urllib.parse import urlsplit

from yarl import URL

from core.errors import RefusedValue
from notifier.addresses import refused_host

__all__ = ["MESSAGE", "WEBHOOK", "checked_address", "new_webhook_secret", "shown_address"]

WEBHOOK: Final = "webhook"
MESSAGE: Final = "message"
_LONGEST: Final = 2_000
_SECRET_BYTES: Final = 32
_LONGEST_NAME: Final = 254
#: Labels of letters, digits, underscores and, inside, hyphens.
_NAME: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?", re.ASCII
)
#: Of Apprise's services those that write to this machine's desktop, files, programs or bus.
_OF_THIS_MACHINE: Final = frozenset(
    {"blink1", "dbus", "file", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
)


def checked_address(address: str, *, allow_private: bool) -> str:
    """The kind of channel that the address makes. Raises RefusedValue with a sentence. No name is resolved: names are
    checked at each connection."""
    if not address or len(address) > _LONGEST or not address.isprintable() or " " in address:
        raise RefusedValue(f"The address is empty, has spaces, or is longer than {_LONGEST:,} characters.")
    scheme, colon, _ = address.partition("://")
    if not colon:
        raise RefusedValue(f"The address has no scheme: {_EXAMPLES}.")
    if scheme.lower() in ("http", "https"):
        _check_webhook(address, allow_private)
        return WEBHOOK
    _check_service(scheme.lower(), address, allow_private)
    return MESSAGE


def shown_address(kind: str, address: str) -> str:
    """The address without user, password, path and query, any of which may be a secret; that of a service as Apprise
    masks it."""
    if kind == WEBHOOK:
        parts = urlsplit(address)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{'/…' if parts.path.strip('/') or parts.query else ''}"
    return _masked(address)


def new_webhook_secret() -> str:
    """A key of 256 random bits in the notation of Standard Webhooks."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


_EXAMPLES: Final = "write https://… for a webhook, or an address of Apprise such as mailto://… or slack://…"


def _check_webhook(address: str, allow_private: bool) -> None:
    try:
        url = URL(address)  # as the webhook is sent: international names are in ASCII then
        host, port = url.raw_host, url.port
    except ValueError as error:
        raise RefusedValue(f"The address is no URL ({error}): {_EXAMPLES}.") from error
    if not host:
        raise RefusedValue(f"The address names no host: {_EXAMPLES}.")
    if not port:
        raise RefusedValue("The address names port 0, on which nothing listens.")
    if url.raw_fragment:
        raise RefusedValue("The address has a part behind #, which no server would get: leave it out.")
    if ":" not in host and not (len(host) <= _LONGEST_NAME and _NAME.fullmatch(host)):
        raise RefusedValue(f"The address has a host that cannot be one, {host[:80]!r}: {_EXAMPLES}.")
    _check_host(host, allow_private)


def _check_service(scheme: str, address: str, allow_private: bool) -> None:
    service = _service(address)
    if service is None or scheme in _OF_THIS_MACHINE:
        raise RefusedValue(
            f"Apprise does not take this {scheme}:// address for a channel: "
            "https://github.com/caronc/apprise/wiki has the form of each service's."
        )
    host = getattr(service, "smtp_host", None) or getattr(service, "host", None)
    if host:
        _check_host(str(host), allow_private)


def _check_host(host: str, allow_private: bool) -> None:
    if refusal := refused_host(host, allow_private=allow_private):
        raise RefusedValue(f"The address is refused: {refusal}.")


def _masked(address: str) -> str:
    """The address as Apprise masks it, without what stands behind the host."""
    service = _service(address)
    scheme, _, rest = (address if service is None else str(service.url(privacy=True))).partition("://")
    return f"{scheme}://…" if service is None else f"{scheme}://{re.split('[/?]', rest)[0]}/…"


def _service(address: str) -> Any:
    """Apprise's object of the address, None where it takes none."""
    import apprise

    with warnings.catch_warnings():  # its services import what Python is about to drop
        warnings.simplefilter("ignore")
        return apprise.Apprise.instantiate(address, suppress_exceptions=True)
