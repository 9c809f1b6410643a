"""Finds variables of the environment that have our prefix and that nothing reads, such as mistyped settings."""

import re
from collections.abc import Mapping
from typing import Final

from streams.settings import SECRETS, SETTINGS

__all__ = ["KNOWN", "unknown_variables"]

_PREFIX: Final = "SPENDGATE_"

_OF_SETTINGS: Final = {
    *(f"{_PREFIX}{name.upper()}" for name in SETTINGS),
    *(f"{_PREFIX}{name.upper()}_FILE" for name in SECRETS),
}
#: What tests, the compose file, the sample programs of `clients/` and our own child processes read.
_OF_OTHERS: Final = {
    f"{_PREFIX}{name}"
    for name in (
        "API",
        "FAULTS",
        "FAULTS_MINUTES",
        "FAULTS_SEED",
        "FAULTS_TIMES",
        "FUZZ_RECORDS",
        "FUZZ_SEED",
        "POSTGRES_PASSWORD",
        "REQUIRE_BROWSER",
        "SCREENSHOTS",
        "STORE",
        "TEST_KAFKA",
        "TEST_LENGTH",
        "TOKEN",
    )
}
KNOWN: Final = frozenset(_OF_SETTINGS | _OF_OTHERS)

#: Kubernetes puts these into every container of a namespace in which a Service has a name such as `spendgate-api`.
_OF_KUBERNETES: Final = re.compile(r".*(_SERVICE_HOST|_SERVICE_PORT(_\w+)?|_PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)")


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The nearest known name of each variable that nothing reads, by its name."""
    unknown = sorted(name for name, text in environment.items() if _is_unknown(name.upper(), text))
    if not unknown:
        return {}
    from difflib import get_close_matches  # rarely needed, and each process would import it

    return {name: get_close_matches(name.upper(), sorted(_OF_SETTINGS), n=1, cutoff=0)[0] for name in unknown}


def _is_unknown(name: str, text: str) -> bool:
    if not name.startswith(_PREFIX) or name in KNOWN or _OF_KUBERNETES.fullmatch(name):
        return False
    return not (name.endswith("_PORT") and text.startswith(("tcp://", "udp://", "sctp://")))  # Kubernetes' too
