"""The work of `work.py` on Quix Streams: state by brand in RocksDB with its changelog, a transaction every 500 ms."""

import sys
from pathlib import Path
from typing import Any

import msgspec
from quixstreams import Application, State
from rocksdict import AccessType, Rdict
from work import (
    WINDOW,
    Arguments,
    Counter,
    Work,
    add_to_brand,
    add_to_campaign,
    micros,
    parse,
    pause,
    total_lines,
)

arguments = Arguments.of(sys.argv[1:])
work = Work()
counter = Counter(arguments.count)
application = Application(
    broker_address=arguments.brokers,
    consumer_group=arguments.name,
    auto_offset_reset="earliest",
    commit_interval=0.5,
    state_dir=arguments.folder,
    processing_guarantee="exactly-once",
    loglevel="WARNING",
    consumer_extra_config={"max.partition.fetch.bytes": 8 << 20},
    producer_extra_config={"linger.ms": 20},
)


def main() -> None:
    work.read_catalog(arguments)
    spend = application.topic(arguments.spend, value_deserializer="bytes")
    commands = application.topic(arguments.commands, value_serializer="bytes")
    frame = application.dataframe(spend)
    frame = frame.apply(decide, expand=True, stateful=True, metadata=True)
    frame.to_topic(commands, key=lambda command: msgspec.json.decode(command)["campaign_id"])
    application.run()
    with Path(arguments.totals).open("w") as file:
        file.write(totals())


def decide(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> list[bytes]:
    """State is that of the record's key, the brand, whose last ids are as many as its share of a partition's."""
    pauses = spend_of(value, timestamp, state)
    if counter.add():
        application.stop()
    return pauses


def spend_of(value: bytes, at: int, state: State) -> list[bytes]:
    spend = parse(value)
    brand = work.brand_of(spend)
    if state.exists(f"id/{spend.event_id}"):
        return []
    kept = state.get("brand") or [0, None]
    forget_oldest(state, kept[0])
    state.set(f"id/{spend.event_id}", 1)
    state.set(f"slot/{kept[0] % most_ids()}", spend.event_id)
    added = micros(spend.amount)
    of_brand = add_to_brand(kept[1], brand, at, added)
    state.set("brand", [kept[0] + 1, of_brand])
    key = f"campaign/{spend.campaign_id}"
    campaign = add_to_campaign(state.get(key), of_brand[0], at, added)
    crosses = work.crosses(f"{spend.brand_id}/{spend.campaign_id}", campaign)
    state.set(key, campaign)
    return [pause(spend, at, campaign[1])] if crosses else []


def forget_oldest(state: State, ids: int) -> None:
    if ids >= most_ids():
        state.delete(f"id/{state.get(f'slot/{ids % most_ids()}')}")


def most_ids() -> int:
    return max(1, WINDOW * arguments.partitions // len(work.brands))


def totals() -> str:
    """Of what is in RocksDB after the last commit, under `brand|"name of the value"`."""
    brands, campaigns = {}, {}
    for folder in Path(arguments.folder).glob("*/*/*/*"):
        for stored, value in Rdict(str(folder), access_type=AccessType.read_only()).items():
            brand, _, name = stored.decode().partition("|")
            what, _, campaign = name.strip('"').partition("/")
            if what == "brand":
                brands[brand] = msgspec.json.decode(value)[1]
            elif what == "campaign":
                campaigns[f"{brand}/{campaign}"] = msgspec.json.decode(value)
    return total_lines(brands, campaigns)


if __name__ == "__main__":
    main()
