"""Spendgate and other engines do the same work: one topic, one core, one run, cold and warm. See `--help`.

A program that fails, or whose sums or pauses are not those of the topic, has no figures in the table, only why.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic

from bench.backlog import read_raw
from bench.case import Case, take
from bench.committed import arrived_spend, held_sums, read_committed
from bench.listener import Heard, Listener
from bench.load import AMOUNT_MICROS, publish_catalog, publish_events
from bench.machine import Worker, broker, describe, wait_until
from bench.peer import flink, kafka_streams, python
from bench.peer.program import Drained, PeerFailed
from bench.results import Results, read_results
from bench.totals import Expected, Sums, add_up, differences, read_sums
from core.records import Action
from streams.kafka.codec import decode_command
from streams.kafka.provision import create_topics
from streams.kafka.topics import Topic
from streams.settings import Settings

#: A peer that is slow by far, or does not end with all of them, gets this part of the events, in topics of its own; its
#: name says so.
_SLOW_PART = 10
#: So many brands apart are campaigns with a daily budget.
_WITH_BUDGET = 100
_REPEAT_EVERY = 100
_PATIENCE_SECONDS = 1_200

Program = Callable[[Settings, int, str], Drained]


def _kafka_streams(settings: Settings, events: int, commands: str, store: str) -> Drained:
    return kafka_streams.drain(settings, events, store, commands)


def _flink(settings: Settings, events: int, commands: str, backend: str, interval_ms: int) -> Drained:
    return flink.drain(settings, events, backend, interval_ms, commands)


def _python(settings: Settings, events: int, commands: str, engine: python.Engine) -> Drained:
    return python.drain(settings, events, engine, commands)


#: By name; `_SLOW` are those that get a part of the events.
_PEERS: dict[str, Program] = {
    **{f"Kafka Streams, {store}": partial(_kafka_streams, store=store) for store in kafka_streams.STORES},
    **{
        f"Apache Flink, {backend}, every {interval_ms} ms": partial(_flink, backend=backend, interval_ms=interval_ms)
        for backend in flink.BACKENDS
        for interval_ms in flink.INTERVALS_MS
    },
    **{name: partial(_python, engine=engine) for name, engine in python.ENGINES.items()},
}
_SLOW: dict[str, Program] = {
    f"{name}, a tenth of the events": partial(_python, engine=engine) for name, engine in python.SLOW_ENGINES.items()
}


def main() -> None:
    options = _options()
    measured = case(options.brands, options.events, options.only)._replace(partitions=options.partitions)
    machine, results = describe(), None
    if options.into:
        before = read_results(options.into)
        results = Results(before["command"] if before else "make bench", (), machine, before)
    runs: list[dict[str, Any]] = []
    with broker() as kafka:
        for number in range(options.repeat):
            run = take(measured, kafka, f"run{number}-")
            # One of some peers alone takes the place of theirs in the page, and of no whole run.
            runs.append({"only": options.only, **run} if options.only else run)
            if results:
                results.add(measured, runs[-1])
                results.write(options.into)
    print(json.dumps({"arguments": measured.arguments, "machine": machine, "runs": runs}, indent=1))
    sys.exit(any("failed" in run for run in runs))


def case(brands: int, events: int, only: Sequence[str] = ()) -> Case:
    seconds = 150 + brands / 1_000 + events / 1_500
    take_one = partial(measure, brands=brands, events=events, only=only)
    return Case("peers", f"{brands:,} brands", f"peers --brands {brands} --events {events}", seconds, take_one)


def measure(settings: Settings, brands: int, events: int, only: Sequence[str] = ()) -> dict[str, Any]:
    """Figures by program, or what it counted wrong; of the peers that have a word of `only` in their names."""
    budgets = events_to_budget(brands, events)
    publish_catalog(settings, budgets)
    with Worker(settings) as worker:
        wait_until(lambda: worker.metric('spendgate_commands_total{action="resume"}') == brands, _PATIENCE_SECONDS)
    expected = _publish_events(settings, budgets, events)
    found = _reported("Spendgate", _ours(settings, brands, events, expected))
    raw = round(events / read_raw(settings, events).seconds)
    found |= _reported("`getmany`, which does nothing", {"events_per_second": raw})
    found |= _measure_peers(chosen(_PEERS, only), settings, events, expected)
    if slow := chosen(_SLOW, only):
        found |= _measure_slow_peers(slow, settings, brands, events // _SLOW_PART)
    return found


def chosen(peers: dict[str, Program], only: Sequence[str]) -> dict[str, Program]:
    """Those whose name has one of the words, in any case and in the order of the words; all where there is none."""
    return {name: drain for word in only or [""] for name, drain in peers.items() if word.lower() in name.lower()}


def _measure_slow_peers(peers: dict[str, Program], settings: Settings, brands: int, events: int) -> dict[str, Any]:
    fewer = of_slow_peers(settings)
    asyncio.run(create_topics(fewer))
    budgets = events_to_budget(brands, events)
    publish_catalog(fewer, budgets)
    expected = _publish_events(fewer, budgets, events)
    return _measure_peers(peers, fewer, events, expected)


def of_slow_peers(settings: Settings) -> Settings:
    """The same with topics of their own."""
    return settings.replace(topic_prefix=f"{settings.topic_prefix}fewer-")


def events_to_budget(brands: int, events: int) -> list[int | None]:
    """How many events use up the day of each brand's campaign. Those that have a budget end one after the other."""
    found: list[int | None] = [None] * brands
    with_budget = range(0, brands, _WITH_BUDGET)
    for place, number in enumerate(with_budget, start=1):
        found[number] = max(1, events // brands * place // (len(with_budget) + 1))
    return found


def _publish_events(settings: Settings, budgets: list[int | None], events: int) -> Expected:
    """What they come to."""
    publish_events(settings, events, len(budgets), repeat_every=_REPEAT_EVERY)
    micros = {_key(number): it * AMOUNT_MICROS for number, it in enumerate(budgets) if it is not None}
    return add_up(arrived_spend(settings, events), micros)


def _measure_peers(peers: dict[str, Program], settings: Settings, events: int, expected: Expected) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, (name, drain) in enumerate(peers.items()):
        found |= _reported(name, _peer(drain, settings, events, f"{settings.topic_prefix}peer-{number}", expected))
    return found


def _reported(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Print the figures of one program as soon as it has ended: a run that is interrupted leaves those."""
    print(json.dumps({name: figures}), file=sys.stderr, flush=True)
    return {name: figures}


def _ours(settings: Settings, brands: int, events: int, expected: Expected) -> dict[str, Any]:
    """As the peers are measured: from the first event, over the first half when cold, and over the second half."""
    control = settings.topic(Topic.CAMPAIGN_CONTROL)
    with Listener(settings, control) as listener, Worker(settings) as worker:
        moments = []
        for count in (1, events // 2, events):
            clock = wait_until(partial(_has_applied, worker, count), _PATIENCE_SECONDS, every=0.05)
            moments.append((worker.applied(Topic.SPEND_EVENTS), clock, worker.cpu_seconds()))
    # Those of the last flush are there when it has stopped.
    pauses = sum(_is_pause(message.value()) for message in read_committed(settings, control))
    first, middle, last = moments
    brand_ids = [_name(number) for number in range(brands)]
    sums = asyncio.run(held_sums(settings, brand_ids, _PATIENCE_SECONDS))
    return _refused(sums, pauses, expected) or {
        **_checked(expected),
        "events_per_second": round((last[0] - first[0]) / (last[1] - first[1])),
        "cpu_seconds_per_million": round(last[2] / events * 1_000_000, 2),
        "warm_events_per_second": round((last[0] - middle[0]) / (last[1] - middle[1])),
        "warm_cpu_seconds_per_million": round((last[2] - middle[2]) / (last[0] - middle[0]) * 1_000_000, 2),
        **_unread([it for it in listener.heard if _is_pause(it.value)]),
    }


def _is_pause(command: bytes) -> bool:
    return decode_command(command).action is Action.PAUSE


def _unread(pauses: Sequence[Heard]) -> dict[str, float]:
    """How long pauses were in Kafka before a reader of committed records had them."""
    delays = [it.delay_ms for it in pauses]
    if not delays:
        return {}
    return {
        "pause_unread_median_ms": round(statistics.median(delays)),
        "pause_unread_longest_ms": round(max(delays)),
    }


def _has_applied(worker: Worker, count: int) -> bool:
    return worker.applied(Topic.SPEND_EVENTS) >= count


def _peer(drain: Program, settings: Settings, events: int, commands: str, expected: Expected) -> dict[str, Any]:
    """Its commands go to a topic of its own. One that fails leaves the others their figures."""
    admin = AdminClient({"bootstrap.servers": settings.brokers})
    topic = NewTopic(commands, settings.partitions, 1, config={"message.timestamp.type": "LogAppendTime"})
    admin.create_topics([topic])[commands].result(30)
    try:
        with Listener(settings, commands) as listener:
            drained = drain(settings, events, commands)
    except PeerFailed as error:
        return {"refused": str(error)}
    pauses = sum(1 for _ in read_committed(settings, commands))
    wrong = _refused(read_sums(drained.sums), pauses, expected)
    return wrong or {**_checked(expected), **drained.figures, **_unread(listener.heard)}


def _checked(expected: Expected) -> dict[str, int]:
    """How much of a program was compared with the topic: the sums of brands and campaigns, two each, and pauses."""
    return {"sums_checked": 2 * len(expected.sums), "pauses_checked": expected.pauses}


def _refused(sums: Sums, pauses: int, expected: Expected) -> dict[str, Any]:
    """Empty if all is counted right."""
    wrong = differences(sums, expected.sums)
    if pauses != expected.pauses:
        wrong.insert(0, f"{pauses} pauses instead of {expected.pauses}")
    return {"refused": f"{len(wrong)} wrong, {wrong[0]}"} if wrong else {}


def _name(number: int) -> str:
    return f"brand-{number:04d}"


def _key(number: int) -> str:
    return f"{_name(number)}/{_name(number)}-c"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--brands", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=2_000_000, help="the second half is what is called warm")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[], help="peers whose name has one of these words, in this order")
    parser.add_argument("--into", type=Path, help="add the runs to docs/benchmarks, .json and .md, or to such a pair")
    return parser.parse_args()


if __name__ == "__main__":
    main()
