"""The work of `work.py` on Bytewax: state by brand, with a snapshot of each brand that changed every 500 ms."""

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main
from work import (
    WINDOW,
    Arguments,
    Counter,
    Spend,
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


def main() -> None:
    work.read_catalog(arguments)
    folder = Path(arguments.folder)
    folder.mkdir()
    init_db_dir(folder, 1)
    run_main(flow(), epoch_interval=timedelta(seconds=0.5), recovery_config=RecoveryConfig(folder))
    with Path(arguments.totals).open("w") as file:
        file.writelines(_totals)


#: What the brands tell at the end of the topic.
_totals: list[str] = []


def flow() -> Dataflow:
    made = Dataflow("work")
    config = {"max.partition.fetch.bytes": str(8 << 20)}
    source = KafkaSource([arguments.brokers], [arguments.spend], tail=False, add_config=config, batch_size=5_000)
    keyed = op.key_on("brand", op.input("spend", made, source), lambda message: message.key.decode())
    decided = op.stateful_batch("decide", keyed, Decide)
    kafka.output("commands", op.key_rm("pauses", decided), brokers=[arguments.brokers], topic=arguments.commands)
    return made


class Decide(StatefulBatchLogic[KafkaSourceMessage, KafkaSinkMessage, Any]):
    """Of one brand, whose last ids are as many as its share of a partition's."""

    def __init__(self, kept: Any) -> None:
        self._brand: list[int] | None
        self._brand, self._campaigns, self._ids = kept or (None, {}, {})
        self._most_ids = max(1, WINDOW * arguments.partitions // len(work.brands))
        self._name = ""

    def on_batch(self, values: list[KafkaSourceMessage]) -> tuple[Iterable[KafkaSinkMessage], bool]:
        pauses = []
        for message in values:
            spend = parse(message.value)
            at = message.timestamp[1]
            pauses += self._spend(spend, at)
            counter.add()
        return pauses, StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[Iterable[KafkaSinkMessage], bool]:
        if self._brand:
            _totals.append(total_lines({self._name: self._brand}, self._campaigns))
        return [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> Any:
        return (
            self._brand and list(self._brand),
            {key: list(it) for key, it in self._campaigns.items()},
            self._ids.copy(),
        )

    def _spend(self, spend: Spend, at: int) -> list[KafkaSinkMessage]:
        brand = work.brand_of(spend)
        self._name = spend.brand_id
        if spend.event_id in self._ids:
            return []
        self._ids[spend.event_id] = None
        if len(self._ids) > self._most_ids:
            del self._ids[next(iter(self._ids))]
        added = micros(spend.amount)
        self._brand = add_to_brand(self._brand, brand, at, added)
        key = f"{spend.brand_id}/{spend.campaign_id}"
        campaign = self._campaigns[key] = add_to_campaign(self._campaigns.get(key), self._brand[0], at, added)
        crosses = work.crosses(key, campaign)
        return [KafkaSinkMessage(spend.campaign_id.encode(), pause(spend, at, campaign[1]))] if crosses else []


if __name__ == "__main__":
    main()
