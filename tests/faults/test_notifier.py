"""The notifier is killed again and again under traffic: a webhook gets each alert and each command that a model says,
in their order, and a second time only what was on its way at a kill.
"""

import os
from pathlib import Path
from typing import Final

import pytest

from operations.channels import add_channel
from tests.commands import EXECUTABLE
from tests.faults.received_webhooks import check_webhooks, is_alert
from tests.faults.runs import SEED
from tests.faults.world import World
from tests.notifier.receiver import Receiver, open_receiver

KILLS: Final = max(3, int(os.environ.get("SPENDGATE_FAULTS") or 0) // 20)
BRANDS: Final = 3
BETWEEN_KILLS: Final = 20

pytestmark = [
    pytest.mark.long_only,
    pytest.mark.timeout(900),
]


async def test_a_notifier_that_is_killed_loses_no_message_and_sends_none_anew(
    topic_prefix: str, tmp_path: Path
) -> None:
    world = World(tmp_path, topic_prefix)
    async with world.running(), open_receiver() as receiver:
        add_channel(
            world.settings.replace(notify_private_addresses=True), "ops", receiver.address, commands=True, actor="ann"
        )
        traffic = world.traffic(seed=SEED, brands=BRANDS)
        try:
            await traffic.start()
            silence = await traffic.during(_kill(world, receiver))
            counted = await world.count(traffic)
            await receiver.until(lambda: len(set(receiver.ids)) >= traffic.commands.total + traffic.alerts.total)
            repeated = check_webhooks(receiver.received, traffic)
            assert repeated <= KILLS * BRANDS  # one of each brand is on its way
        finally:
            traffic.close()
    print(
        f"\n{KILLS} kills of the notifier: nothing decided for {silence:.1f} s; {counted}; of {len(set(receiver.ids))} "
        f"messages {repeated} came a second time (seed {SEED})"
    )


async def _kill(world: World, receiver: Receiver) -> None:
    """By turns while a message is on its way, and right after one came, which the notifier may not have noted yet. An
    alert came before the first kill."""
    notifier = world.begin("notifier", [str(EXECUTABLE), "notifier"], SPENDGATE_NOTIFY_PRIVATE_ADDRESSES="true")
    await receiver.until(lambda: any(is_alert(it) for it in receiver.received))
    for number in range(KILLS):
        wanted = len(receiver.received) + BETWEEN_KILLS
        await receiver.until(lambda it=wanted: len(receiver.received) >= it)  # type: ignore[misc]
        receiver.hangs = number % 2 == 0
        receiver.asked.clear()
        await receiver.asked.wait()
        notifier.kill()
        receiver.hangs = False
        notifier.start()
