"""Tokens that AWS credentials sign, which Amazon MSK's IAM access control takes by SASL's OAUTHBEARER.

The library of AWS makes them (the extra `msk`): https://docs.aws.amazon.com/msk/latest/developerguide/iam-access-control.html
"""

from functools import lru_cache
from importlib import import_module
from typing import Final

from core.errors import ConfigurationError, NotAllowed, SpendgateError
from core.moment import SECOND
from streams.clock import current_moment
from streams.kafka.tokens import NoToken, SharedToken
from streams.settings import Settings

__all__ = ["iam_token_provider"]

_SIGNER: Final = "aws_msk_iam_sasl_signer.MSKAuthTokenProvider"


def iam_token_provider(settings: Settings) -> SharedToken:
    """The provider that all clients of this process in a region share, and so one token. Raises ConfigurationError
    where the library is not installed."""
    assert settings.kafka_aws_region  # Settings asks for it
    try:
        import_module(_SIGNER)
    except ImportError as error:
        raise ConfigurationError(
            "AWS_MSK_IAM needs the library that signs its tokens: install it with `pip install 'spendgate[msk]'`."
        ) from error
    return _provider(settings.kafka_aws_region)


class _SignedTokens(SharedToken):
    """Signed with what AWS's own search order finds: environment, profile, role of the container or machine."""

    def __init__(self, region: str) -> None:
        super().__init__()
        self._region: str = region

    def fetch(self) -> tuple[str, float]:
        try:
            token, expires_ms = import_module(_SIGNER).generate_auth_token(self._region)
        except Exception as error:  # botocore's and, without credentials, an AttributeError
            raise NoToken(_no_credentials(error)) from error
        return token, (expires_ms - current_moment()) / SECOND


def _no_credentials(error: Exception) -> SpendgateError:
    why = "" if isinstance(error, AttributeError) else f" ({error})".replace("\n", " ").replace(".)", ")")
    return NotAllowed(
        f"No AWS credentials sign a token{why}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or "
        "give this machine or container a role."
    )


_provider = lru_cache(maxsize=8)(_SignedTokens)
