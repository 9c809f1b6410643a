"""Compares the commands on `campaign-control` with the state, where one of the two was lost or recreated."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from core.errors import ConfigurationError
from core.partitioner import partition_of
from core.state import PartitionState
from streams.kafka.codec import decoder
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.startup_checks import REBUILD

__all__ = [
    "PublishedCommand",
    "check_topic_has_all",
    "check_topic_has_none_of",
    "command_partitions",
    "read_last_commands",
]

_COUNTED_EVERY: Final = 1000


class PublishedCommand(msgspec.Struct, frozen=True):
    """The fields of a command that order it among the commands of its campaign."""

    campaign_id: str
    brand_id: str
    epoch: int
    sequence: int

    @property
    def rank(self) -> tuple[int, int]:
        """Epoch and sequence, by which the commands of a campaign are ordered."""
        return self.epoch, self.sequence


_decode: Final = decoder(PublishedCommand)


async def read_last_commands(settings: Settings, count: Callable[[int], None]) -> dict[str, PublishedCommand]:
    """The highest command of each campaign on the topic. `count` is called with the number of records read."""
    highest: dict[str, PublishedCommand] = {}
    read = 0
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        async for record in reader.to_end():
            read += 1
            if read % _COUNTED_EVERY == 0:
                count(_COUNTED_EVERY)
            try:
                command = _decode(record.value or b"")
            except msgspec.DecodeError:
                continue  # not ours: whoever may write there can write anything
            before = highest.get(command.campaign_id)
            if before is None or command.rank > before.rank:
                highest[command.campaign_id] = command
    return highest


def check_topic_has_none_of(
    numbers: Collection[int], published: Mapping[str, PublishedCommand], settings: Settings
) -> None:
    """Raise ConfigurationError where a partition without state has a brand with commands: its state was lost."""
    for command in published.values():
        number = partition_of(command.brand_id, settings.partitions)
        if number in numbers:
            raise ConfigurationError(
                f"{Topic.CAMPAIGN_CONTROL} has commands of brand {command.brand_id} (campaign {command.campaign_id} up "
                f"to sequence {command.sequence}), and its partition {number} of {Topic.CONTROLLER_STATE} is empty: it "
                f"was deleted or made anew, and sequences would begin again. {REBUILD}"
            )


def check_topic_has_all(states: Iterable[PartitionState], published: Mapping[str, PublishedCommand]) -> None:
    """Raise ConfigurationError unless the topic has the last command of every campaign and none that is later.

    A campaign whose last command is missing would be unknown to new readers of the compacted topic.
    """
    lacking: list[PublishedCommand] = []
    for state in states:
        for known in _last_commands(state):
            found = published.get(known.campaign_id)
            if found is not None and found.rank > known.rank:
                raise ConfigurationError(
                    f"{Topic.CAMPAIGN_CONTROL} has campaign {known.campaign_id} up to sequence {found.sequence} and "
                    f"the state only up to {known.sequence}: the state was lost in part. {REBUILD}"
                )
            if found is None or found.rank < known.rank:
                lacking.append(known)
    if lacking:
        raise ConfigurationError(
            f"{Topic.CAMPAIGN_CONTROL} was made anew or emptied and lacks the last command of {len(lacking)} campaigns "
            f"(such as {lacking[0].campaign_id}, sequence {lacking[0].sequence}): run `spendgate control resend "
            "--all`, which sends them again from the journal, and start the worker again. What the journal lacks too: "
            f"{REBUILD}"
        )


def command_partitions(state: PartitionState, partitions: int) -> set[int]:
    """The partitions of `campaign-control` that have commands of the state's campaigns."""
    return {partition_of(known.campaign_id, partitions) for known in _last_commands(state)}


def _last_commands(state: PartitionState) -> Iterable[PublishedCommand]:
    for brand in state.brands.values():
        for campaign in brand.campaigns.values():
            if campaign.sequence and brand.config:
                yield PublishedCommand(campaign.campaign_id, brand.brand_id, brand.config.epoch, campaign.sequence)
