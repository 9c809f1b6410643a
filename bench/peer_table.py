"""The tables of `bench.peers`: figures by program, and what each peer leaves out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.tables import markdown_table, spread

__all__ = ["ABOUT", "checked", "left_out", "table"]

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
        "; changes of the catalog while it runs. A pause is in a transaction because it is a table's change; the "
        "offset of its event may be committed before it, so that a failure between them loses it",
    ),
    "Quix Streams": _Described(
        _TRANSACTION, "; changes of the catalog while it runs; each brand has an equal share of all windows of ids"
    ),
}


def table(runs: Sequence[dict[str, Any]], dated: Mapping[str, str] | None = None) -> str:
    """Medians of the runs by program; a run may have some of the programs. `dated` says when each was measured."""
    measured = {figure for run in runs for figures in run.values() for figure in figures}
    columns = {figure: label for figure, label in _COLUMNS.items() if figure in {"events_per_second", *measured}}
    rows = {}
    for name in dict.fromkeys(name for run in runs for name in run):
        of_program = [run[name] for run in runs if name in run]
        refused = [figures["refused"] for figures in of_program if "refused" in figures]
        if refused:
            rows[name] = [f"refused: {refused[0]}", *[""] * (len(columns) - 1)]
        else:
            rows[name] = [_cell([figures[it] for figures in of_program if it in figures]) for it in columns]
        if dated:
            rows[name].append(dated[name])
    return markdown_table(["one core each", *columns.values(), *(["measured"] if dated else [])], rows)


def checked(runs: Sequence[dict[str, Any]]) -> str:
    """How much of the programs was compared with the topic, of those that have figures; empty where no run says it."""
    counts = dict.fromkeys(
        (figures["sums_checked"], figures["pauses_checked"])
        for run in runs
        for figures in run.values()
        if "sums_checked" in figures
    )
    each = " or ".join(f"{sums:,} sums and {pauses:,} pauses" for sums, pauses in counts)
    return f"Compared with the topic, of each program that counts: {each}.\n\n" if each else ""


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
