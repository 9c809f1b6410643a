"""Spendgate and other engines do the same work: one topic, one core, one run, cold and warm. See `--help`.

A program that fails, or whose sums or pauses are not those of the topic, has no figures in the table, only why.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka.admin import AdminClient, NewTopic

from bench.backlog import read_raw
from bench.committed import arrived_spend, held_sums, read_committed
from bench.listener import Heard, Listener
from bench.load import AMOUNT_MICROS, publish_catalog, publish_events
from bench.machine import Worker, broker, describe, topics, wait_until
from bench.peer import flink, kafka_streams, python
from bench.peer.program import Drained, PeerFailed
from bench.tables import markdown_table, spread
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
_COLUMNS = {
    "events_per_second": "events/s, cold",
    "warm_events_per_second": "events/s, warm",
    "cpu_seconds_per_million": "CPU s per million, with the start",
    "warm_cpu_seconds_per_million": "CPU s per million, warm",
    "pause_unread_median_ms": "pause unread, median ms",
    "pause_unread_longest_ms": "pause unread, longest ms",
}

#: What stands above the tables.
ABOUT = """\
Parse JSON; add exact money in whole micros to the day and month of the brand and to the day and total of the campaign;
know the last 1,000,000 event ids of a partition; pause a campaign when its daily budget is used up; keep all of it
durably; commit every 500 ms, where no other interval is named. Spendgate commits a pause at once, all else every
500 ms. One record in 100 is a duplicate, and one campaign in 100 has a budget that is used up under way.
`cold` runs from the first event to the last, `warm` is the second half. A pause is `unread` from the broker's timestamp
of its record until a reader of committed records has it. Sums of every brand and campaign and the number of pauses must
be those that are added up from the topic alone: who counted wrong has no figures. All events have one amount; Spendgate
remembers amounts that it has parsed, the peers do not. The broker has the other core, and its processor time is not in
the figures: what a peer writes to disk itself is.
"""


class _Described(NamedTuple):
    """A peer: when its pauses can be read and its state is durable, and what it leaves out beside `_ALL_LEAVE_OUT`."""

    durable: str
    leaves_out: str = ""


_ALL_LEAVE_OUT = (
    "first states and resumes; budgets of brands, of months and in all; schedules, pacing, alerts, corrections, "
    "snapshots, `occurred_at`, late days; an event that would be refused stops it"
)
_TRANSACTION = "pauses, changelogs and offsets in one transaction every 500 ms"
_DESCRIBED = {
    "Kafka Streams": _Described(_TRANSACTION),
    "Apache Flink": _Described(
        "a checkpoint of all state every 500 or 50 ms, or as soon as the one before is done; pauses in a transaction "
        "that is committed with it",
        "; changes of the catalog while it runs; event ids are in each checkpoint whole; checkpoints are on the local "
        "disk alone, and nobody else can read the state",
    ),
    "Bytewax": _Described(
        "pauses at once, state every 500 ms",
        "; changes of the catalog while it runs; transactions: after a failure a pause may be told twice; state is on "
        "the local disk alone; each brand has an equal share of all windows of ids",
    ),
    "Pathway": _Described(
        "pauses at once, input every 500 ms",
        "; transactions: after a failure a pause may be told twice; a pause has neither moment, sum nor event; ids are "
        "never forgotten; after a failure it reads all of its input again, because to keep the state of its operators "
        "asks for a licence key",
    ),
    "Faust": _Described(
        _TRANSACTION,
        "; changes of the catalog while it runs. A pause is in the transaction because it is a table's change",
    ),
    "Quix Streams": _Described(
        _TRANSACTION, "; changes of the catalog while it runs; each brand has an equal share of all windows of ids"
    ),
}

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
    about = describe()
    runs: list[dict[str, Any]] = []
    with broker() as kafka:
        for number in range(options.repeat):
            settings = topics(kafka, f"run{number}-", options.partitions)
            runs.append(measure(settings, options.brands, options.events, options.only))
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    found = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": about,
        "brands": options.brands,
        "events": options.events,
        "runs": runs,
    }
    print(json.dumps(found, indent=1))
    if options.markdown:
        options.markdown.write_text(table(runs))


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


def table(runs: list[dict[str, Any]]) -> str:
    """Medians of the runs by program."""
    measured = {figure for run in runs for figures in run.values() for figure in figures}
    columns = {figure: label for figure, label in _COLUMNS.items() if figure in {"events_per_second", *measured}}
    rows = {}
    for name in runs[0]:
        refused = [run[name]["refused"] for run in runs if "refused" in run[name]]
        if refused:
            rows[name] = [f"refused: {refused[0]}", *[""] * (len(columns) - 1)]
        else:
            rows[name] = [_cell([run[name][it] for run in runs if it in run[name]]) for it in columns]
    return markdown_table(["one core each", *columns.values()], rows)


def left_out(runs: Sequence[dict[str, Any]]) -> str:
    """When what each peer with figures in these runs has decided is durable, and what it leaves out of the worker's
    work, as a table."""
    measured = {_peer_of(name) for run in runs for name, figures in run.items() if "refused" not in figures}
    rows = {"`getmany`": ["", "all of it: it reads and throws away"]} if "`getmany`" in measured else {}
    the_same = _ALL_LEAVE_OUT
    for name, described in _DESCRIBED.items():
        if name in measured:
            rows[name] = [described.durable, the_same + described.leaves_out]
            the_same = "the same"
    return markdown_table(["peer", "durable and readable", "leaves out of the worker's work"], rows) if rows else ""


def _peer_of(program: str) -> str:
    """`Kafka Streams` of `Kafka Streams, memory`."""
    return program.partition(",")[0]


def _cell(values: list[float]) -> str:
    return spread(values) if values else ""


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
    return wrong or {**drained.figures, **_unread(listener.heard)}


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
    parser.add_argument("--markdown", type=Path, help="a file for the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
