"""The Faust agents, one for each input topic. Each passes its chunks to the table, which decides.

An agent never waits for another one: a record that must wait for a record of another topic waits in the inbox of its
partition, which orders the topics. One consumer feeds all agents, and stops when the buffer of one of them is full.
"""

import asyncio

import faust
from faust.types import ChannelT, StreamT

from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker.consumer import Chunk
from streams.worker.fatal import or_end_process
from streams.worker.table import ControllerTable

__all__ = ["add_agents"]


def add_agents(app: faust.App, settings: Settings, table: ControllerTable) -> None:
    """Register the agents; the docstring of each is what `faust agents` prints."""

    def input_topic(topic: Topic) -> ChannelT[list[Chunk]]:
        name, partitions = settings.topic(topic), settings.partitions
        return app.topic(name, partitions=partitions, key_serializer="raw", value_serializer="chunk")

    @app.agent(input_topic(Topic.SPEND_EVENTS), name="spend")  # type: ignore[untyped-decorator]
    async def spend(stream: StreamT[list[Chunk]]) -> None:
        """Spend events: counts them and pauses campaigns whose budget is reached."""
        await _pass_to_table(table, stream)

    @app.agent(input_topic(Topic.CATALOG), name="catalog")  # type: ignore[untyped-decorator]
    async def catalog(stream: StreamT[list[Chunk]]) -> None:
        """Documents of brands and campaigns: budgets, time zones, flights, daypart windows."""
        await _pass_to_table(table, stream)

    @app.agent(input_topic(Topic.SPEND_SNAPSHOTS), name="snapshots")  # type: ignore[untyped-decorator]
    async def snapshots(stream: StreamT[list[Chunk]]) -> None:
        """Totals from platforms: turned into spend, and counted as spend events are."""
        await _pass_to_table(table, stream)

    @app.agent(input_topic(Topic.SPEND_CORRECTIONS), name="corrections")  # type: ignore[untyped-decorator]
    async def corrections(stream: StreamT[list[Chunk]]) -> None:
        """Corrections of totals, from a repair or a replay of the ledger."""
        await _pass_to_table(table, stream)

    @app.agent(input_topic(Topic.BUDGET_RESETS), name="resets")  # type: ignore[untyped-decorator]
    async def resets(stream: StreamT[list[Chunk]]) -> None:
        """Beginnings of days and months of a time zone: budgets start again."""
        await _pass_to_table(table, stream)

    @app.agent(input_topic(Topic.DAYPARTING_TICKS), name="ticks")  # type: ignore[untyped-decorator]
    async def ticks(stream: StreamT[list[Chunk]]) -> None:
        """Moments of the scheduler: daypart windows and flights begin and end."""
        await _pass_to_table(table, stream)


async def _pass_to_table(table: ControllerTable, stream: StreamT[list[Chunk]]) -> None:
    """Never returns and never raises: Faust would take the chunk as processed and go on."""
    await or_end_process(_pass_chunks(table, stream), table.settings)


async def _pass_chunks(table: ControllerTable, stream: StreamT[list[Chunk]]) -> None:
    async for chunks in stream.noack():
        for chunk in chunks:
            table.receive(chunk)
            # A stream that has chunks buffered yields them without giving other tasks, such as flushes, their turn.
            await asyncio.sleep(0)
