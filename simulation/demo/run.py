"""Runs the demo in a thread of `up`: publishes spend and prints the commands that come back."""

import asyncio
import json
import random
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from msgspec import DecodeError
from rich.console import Console
from rich.text import Text

from core.calendar import local_date
from core.moment import SECOND
from core.money import format_money, parse_total
from core.records import Action, ControlCommand
from simulation.demo.brands import BRANDS, DemoBrand, raise_daily_budget, set_up_catalog
from simulation.demo.command_lines import command_line
from streams.clock import current_moment
from streams.kafka.codec import decode_command
from streams.kafka.options import client_options
from streams.kafka.producer import SpendProducer, spend_producer
from streams.kafka.topics import Topic
from streams.settings import Settings

__all__ = ["start_demo"]

EVENTS_A_SECOND: Final = 5
#: How long a budget stays exhausted before the simulated operator raises it.
OPERATOR_SECONDS: Final = 12
BY_ID: Final = {brand.brand_id: brand for brand in BRANDS}


def start_demo(settings: Settings) -> Callable[[], None]:
    """Start the demo; returns a function that stops it."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_Demo(settings).run())
    thread = threading.Thread(target=_run, args=(loop, task), name="demo", daemon=True)
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(timeout=5)

    return stop


def _now() -> datetime:
    return datetime.fromtimestamp(current_moment() / SECOND, UTC)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    except Exception as error:
        Console(stderr=True).print(f"The demo ended: {type(error).__name__} ({error}).", markup=False)


class _Demo:
    """Obeys the last command of each campaign, as an ad server does."""

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
            await asyncio.to_thread(set_up_catalog, self._settings.database, spent, _now())
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
        """Read the commands of earlier runs."""
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._apply_command(record)

    async def _watch(self, consumer: AIOKafkaConsumer, group: asyncio.TaskGroup) -> None:
        async for record in consumer:
            command = self._apply_command(record)
            brand = BY_ID.get(command.brand_id) if command else None
            if command is None or brand is None:
                continue
            self._console.print(command_line(command, brand, _now()), soft_wrap=True)
            if "daily_budget" in command.reasons:
                self._schedule_budget_raise(brand, group)

    def _apply_command(self, record: ConsumerRecord) -> ControlCommand | None:
        """Apply a record; returns its command, or None for a record that is none."""
        try:
            command = decode_command(record.value or b"")
        except DecodeError:
            return None
        self._last[command.campaign_id] = command
        return command

    def _schedule_budget_raise(self, brand: DemoBrand, group: asyncio.TaskGroup) -> None:
        """Schedule one raise for all campaigns of the brand that pause together."""
        task = self._raising.get(brand.brand_id)
        if task is None or task.done():
            self._raising[brand.brand_id] = group.create_task(self._raise_budget(brand))

    async def _raise_budget(self, brand: DemoBrand) -> None:
        await asyncio.sleep(OPERATOR_SECONDS)
        budget = await asyncio.to_thread(raise_daily_budget, self._settings.database, brand, self._spent_today(brand))
        self._say(f"The operator raises the daily budget of {brand.name} to {format_money(budget)} {brand.currency}.")

    def _spent_today(self, brand: DemoBrand) -> int:
        """The brand's spend of today by its newest command; 0 when that is of another day."""
        commands = [command for command in self._last.values() if command.brand_id == brand.brand_id]
        if not commands:
            return 0
        newest = max(commands, key=lambda command: command.decided_at)
        today = local_date(brand.time_zone, current_moment()).isoformat()
        spent = parse_total(newest.brand.daily_spent)
        assert isinstance(spent, int)
        return spent if newest.brand.day == today else 0

    async def _spend(self) -> None:
        """Publish spend of the campaigns that may run; paused ones are not shown."""
        async with spend_producer(self._settings) as producer:
            while True:
                await asyncio.sleep(1 / EVENTS_A_SECOND)
                running = [
                    command
                    for command in self._last.values()
                    if command.action is Action.RESUME and command.brand_id in BY_ID
                ]
                if running:
                    await self._spend_once(producer, random.choice(running))  # noqa: S311

    async def _spend_once(self, producer: SpendProducer, command: ControlCommand) -> None:
        event: Mapping[str, str] = {
            "event_id": f"demo-{uuid.uuid4()}",
            "brand_id": command.brand_id,
            "campaign_id": command.campaign_id,
            "amount": f"{random.randint(40, 260) / 100:.2f}",  # noqa: S311
        }
        await producer.send(command.brand_id, json.dumps(event).encode())

    def _say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"), soft_wrap=True)
