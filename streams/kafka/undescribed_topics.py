"""Lets aiokafka say that we may not describe a topic whose offsets it is asked for.

By default it takes such a topic for one whose leader is not known yet, and asks again until its time is over: then no
broker seems to answer.
"""

from typing import Any, Final

from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import StaleMetadata, TopicAuthorizationFailedError

__all__ = ["install", "may_not_describe"]


_ask_for_offsets: Final = Fetcher._proc_offset_requests


def may_not_describe(topic: str) -> TopicAuthorizationFailedError:
    """The error of aiokafka, and in `operation` the right that is missing, which the error by itself does not say."""
    error = TopicAuthorizationFailedError(topic)
    error.operation = "Describe"
    return error


def install() -> None:
    """Replace the method for every consumer of this process, existing ones too; a second call changes nothing."""
    Fetcher._proc_offset_requests = _offsets_or_missing_right


async def _offsets_or_missing_right(fetcher: Fetcher, timestamps: dict[Any, int]) -> Any:
    try:
        return await _ask_for_offsets(fetcher, timestamps)
    except StaleMetadata as error:
        hidden = fetcher._client.cluster.unauthorized_topics
        for part in timestamps:
            if part.topic in hidden:
                raise may_not_describe(part.topic) from error
        raise
