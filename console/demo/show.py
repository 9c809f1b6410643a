"""The demo at work: spend through Kafka, commands back from it, in a thread beside `up`."""

import asyncio
import json
import random
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from rich.console import Console
from rich.text import Text

from console.demo.cast import BRANDS, Brand, put_on_stage, raise_daily_budget
from console.demo.lines import command_line
from streams.core.money import format_money, parse_money
from streams.core.records import Action, ControlCommand
from streams.kafka_clients import client_options
from streams.records import decode_command
from streams.settings import Settings
from streams.topics import Topic

__all__ = ["start_demo"]

EVENTS_A_SECOND: Final = 5
#: How long the operator looks at a used-up budget before raising it.
OPERATOR_SECONDS: Final = 12
BY_ID: Final = {brand.brand_id: brand for brand in BRANDS}


def start_demo(settings: Settings) -> Callable[[], None]:
    """Returns what ends it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_Demo(settings).run())
    thread = threading.Thread(target=_run, args=(loop, task), name="demo", daemon=True)
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(timeout=5)

    return stop


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    except Exception as error:
        Console(stderr=True).print(f"The demo ended: {type(error).__name__} ({error}).", markup=False)


class _Demo:
    """Knows of each campaign what the last command said, as an ad server would."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._console = Console(highlight=False)
        self._last: dict[str, ControlCommand] = {}
        self._raising: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        async with self._commands() as consumer:
            await self._catch_up(consumer)
            self._say("Budgets and windows are set; spend flows. Times are the brands' own.")
            spent = {brand.brand_id: self._spent_today(brand) for brand in BRANDS}
            await asyncio.to_thread(put_on_stage, self._settings.database, spent, datetime.now(UTC))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(consumer, group))
                group.create_task(self._spend())

    @asynccontextmanager
    async def _commands(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        try:
            topic = self._settings.topic(Topic.CAMPAIGN_CONTROL)
            consumer.assign([TopicPartition(topic, number) for number in range(self._settings.partitions)])
            yield consumer
        finally:
            await consumer.stop()

    async def _catch_up(self, consumer: AIOKafkaConsumer) -> None:
        """What former runs ended with."""
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._obey(record)

    async def _watch(self, consumer: AIOKafkaConsumer, group: asyncio.TaskGroup) -> None:
        async for record in consumer:
            command = self._obey(record)
            brand = BY_ID.get(command.brand_id)
            if brand is None:
                continue
            self._console.print(command_line(command, brand, datetime.now(UTC)), soft_wrap=True)
            if "daily_budget" in command.reasons:
                self._let_operator_act(brand, group)

    def _obey(self, record: ConsumerRecord) -> ControlCommand:
        command = decode_command(record.value)
        self._last[command.campaign_id] = command
        return command

    def _let_operator_act(self, brand: Brand, group: asyncio.TaskGroup) -> None:
        """Once for all campaigns of the brand that pause together."""
        task = self._raising.get(brand.brand_id)
        if task is None or task.done():
            self._raising[brand.brand_id] = group.create_task(self._raise_budget(brand))

    async def _raise_budget(self, brand: Brand) -> None:
        await asyncio.sleep(OPERATOR_SECONDS)
        budget = await asyncio.to_thread(raise_daily_budget, self._settings.database, brand, self._spent_today(brand))
        self._say(f"The operator raises the daily budget of {brand.name} to {format_money(budget)} {brand.currency}.")

    def _spent_today(self, brand: Brand) -> int:
        """As of the newest command, 0 when that is of another day."""
        commands = [command for command in self._last.values() if command.brand_id == brand.brand_id]
        if not commands:
            return 0
        newest = max(commands, key=lambda command: command.decided_at)
        today = datetime.now(ZoneInfo(brand.time_zone)).date().isoformat()
        spent = parse_money(newest.brand.daily_spent)
        assert isinstance(spent, int)
        return spent if newest.brand.day == today else 0

    async def _spend(self) -> None:
        """Ads of campaigns that may run cost money; those of paused ones are not shown."""
        producer = AIOKafkaProducer(**client_options(self._settings), acks="all", enable_idempotence=True)
        await producer.start()
        try:
            while True:
                await asyncio.sleep(1 / EVENTS_A_SECOND)
                running = [
                    command
                    for command in self._last.values()
                    if command.action is Action.RESUME and command.brand_id in BY_ID
                ]
                if running:
                    await self._spend_once(producer, random.choice(running))  # noqa: S311
        finally:
            await producer.stop()

    async def _spend_once(self, producer: AIOKafkaProducer, command: ControlCommand) -> None:
        event: Mapping[str, str] = {
            "event_id": f"demo-{uuid.uuid4()}",
            "brand_id": command.brand_id,
            "campaign_id": command.campaign_id,
            "amount": f"{random.randint(40, 260) / 100:.2f}",  # noqa: S311
        }
        topic = self._settings.topic(Topic.SPEND_EVENTS)
        await producer.send(topic, json.dumps(event).encode(), key=command.brand_id.encode())

    def _say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"), soft_wrap=True)
