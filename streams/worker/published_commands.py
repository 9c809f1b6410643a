"""What `campaign-control` tells, held against the state where one of the two was lost or made anew."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from core.errors import ConfigurationError
from core.partitioner import partition_of
from core.state import PartitionState
from streams.kafka.reader import topic_reader
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.startup_checks import REBUILD

__all__ = ["Told", "check_topic_has_all", "check_topic_has_none_of", "read_told"]

_NOTED_EVERY: Final = 1000


class Told(msgspec.Struct, frozen=True):
    """The part of a command that orders it among the others of its campaign."""

    campaign_id: str
    brand_id: str
    epoch: int
    sequence: int

    @property
    def rank(self) -> tuple[int, int]:
        return self.epoch, self.sequence


_decode: Final = msgspec.json.Decoder(Told).decode


async def read_told(settings: Settings, note: Callable[[int], None]) -> dict[str, Told]:
    """The highest command of each campaign on the topic; `note` is told how many records came."""
    told: dict[str, Told] = {}
    count = 0
    async with topic_reader(settings, Topic.CAMPAIGN_CONTROL) as reader:
        async for record in reader.to_end():
            count += 1
            if count % _NOTED_EVERY == 0:
                note(_NOTED_EVERY)
            try:
                command = _decode(record.value or b"")
            except msgspec.DecodeError:
                continue  # not ours: whoever may write there can write anything
            before = told.get(command.campaign_id)
            if before is None or command.rank > before.rank:
                told[command.campaign_id] = command
    return told


def check_topic_has_none_of(numbers: Collection[int], told: Mapping[str, Told], settings: Settings) -> None:
    """`numbers` are without any state: a brand of theirs that was told of had one."""
    for command in told.values():
        number = partition_of(command.brand_id, settings.partitions)
        if number in numbers:
            raise ConfigurationError(
                f"{Topic.CAMPAIGN_CONTROL} has commands of brand {command.brand_id} (campaign {command.campaign_id} up "
                f"to sequence {command.sequence}), and its partition {number} of {Topic.CONTROLLER_STATE} is empty: it "
                f"was deleted or made anew, and sequences would begin again. {REBUILD}"
            )


def check_topic_has_all(states: Iterable[PartitionState], told: Mapping[str, Told]) -> None:
    """The last command of every campaign; a compacted topic that lacks some tells new readers nothing of them."""
    lacking: list[Told] = []
    for state in states:
        for known in _last_commands(state):
            found = told.get(known.campaign_id)
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
            "--all`, which tells them again from the journal, and start the worker again. What the journal lacks too: "
            f"{REBUILD}"
        )


def _last_commands(state: PartitionState) -> Iterable[Told]:
    for brand in state.brands.values():
        for campaign in brand.campaigns.values():
            if campaign.sequence and brand.config:
                yield Told(campaign.campaign_id, brand.brand_id, brand.config.epoch, campaign.sequence)
