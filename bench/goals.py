"""What was to be reached, with the figures of the beginning, and how far the figures of docs/benchmarks.json are.

The goals and the words are the data of this module. Whether one is reached follows from the JSON alone.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from textwrap import fill
from typing import Any, Final, NamedTuple

from bench.tables import figure as shown
from bench.tables import markdown_table

__all__ = ["SUBJECTS", "Goal", "Subject", "section"]

Found = Mapping[str, Any]
#: None where it was not measured.
Measured = Callable[[Found], float | None]

_SPENDGATE: Final = "Spendgate"
_NO_PEER: Final = "`getmany`"


class Goal(NamedTuple):
    """`first` is the figure of the beginning, as it was noted then; `bound` the most that it may be, or the least."""

    what: str
    first: str
    bound: float
    measured: Measured
    at_least: bool = False

    def is_reached(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound


class Subject(NamedTuple):
    """Goals that one profile is about. `next_idea` is told where one of them is not reached."""

    title: str
    goals: Sequence[Goal]
    profile: str
    next_idea: str


def _median(group: str, column: str, figure: str, found: Found) -> float | None:
    values = [run[figure] for run in _figures(found, group, column) if figure in run]
    return median(values) if values else None


def _ratio(group: str, column: str, figure: str, other_column: str, other_figure: str, found: Found) -> float | None:
    one, other = _median(group, column, figure, found), _median(group, other_column, other_figure, found)
    return None if one is None or not other else one / other


def _race(column: str, found: Found) -> float | None:
    """Spendgate's rate by that of the quickest peer that counted right."""
    rates: dict[str, list[float]] = {}
    for run in _figures(found, "peers", column):
        for program, figures in run.items():
            if "warm_events_per_second" in figures and not program.startswith(_NO_PEER):
                rates.setdefault(program, []).append(figures["warm_events_per_second"])
    ours = rates.pop(_SPENDGATE, None)
    return median(ours) / max(map(median, rates.values())) if ours and rates else None


def _figures(found: Found, group: str, column: str) -> list[Mapping[str, Any]]:
    return [
        run["figures"]
        for case in found["cases"]
        if (case["group"], case["column"]) == (group, column)
        for run in case["runs"]
        if "figures" in run
    ]


def _of_million(figure: str) -> Measured:
    return partial(_median, "brands", "1,000,000 brands", figure)


def _latency(rate: str, figure: str) -> Measured:
    return partial(_median, "latency", f"{rate} events/s", figure)


def _more_workers(count: int) -> Goal:
    name = "cpu_seconds_per_million"
    return Goal(
        f"CPU of {count} workers on 12 partitions, by that of one",
        "not measured",
        1.1,
        partial(_ratio, "workers", f"{count} workers", name, "1 worker", name),
    )


def _first_place(column: str) -> Goal:
    what = f"{column}: warm events/s, by those of the quickest peer"
    return Goal(what, "not measured: the only peer did less", 1, partial(_race, column), at_least=True)


_MIDNIGHT: Final = ("midnight", "200,000 brands")
_LONGEST: Final = "others_answered_longest_seconds"

SUBJECTS: Final = (
    Subject(
        "Throughput",
        (
            Goal(
                "backlog of 1,000,000 brands, events/s, by those of 1,000 brands",
                "0.22: 37,700 of 169,000",
                0.6,
                partial(_ratio, "brands", "1,000,000 brands", "events_per_second", "1,000 brands", "events_per_second"),
                at_least=True,
            ),
            Goal("1,000,000 brands: CPU s per million events", "26.4", 9, _of_million("cpu_seconds_per_million")),
        ),
        "With many brands each event writes the record of its brand, and its state is not in the processor's caches. "
        "Half of the difference between 1,000 and 100,000 brands was making these records, half waiting for memory; "
        "the thread that decides used 80 % of the worker's CPU. So a small brand and its campaigns became one record "
        "with fields by their place, a flush gives librdkafka 1,000 records by one call, and large memory lies in "
        "huge pages.",
        "skip the check of an id's characters where the state has the brand and the campaign already; encode the "
        "records of a flush while the one before is sent; compile the core by mypyc, which made the part that was "
        "measured 1.17 times as fast.",
    ),
    Subject(
        "Catalog",
        (Goal("1,000,000 brands: catalog applied, first states told, s", "535", 60, _of_million("catalog_seconds")),),
        "Each first state was a resume that waited for an answer of the broker, and while one waited nothing but spend "
        "was applied. Now one answer is for all that was read before the question, and a flush gathers 1,000 of them.",
        "most of a first state is deciding and making 4.3 records: write a brand, its campaign and the command's state "
        "once for documents that come in one flush.",
    ),
    Subject(
        "Restart and memory",
        (
            Goal(
                "1,000,000 brands: kill -9 to the first spend applied, s", "59-62", 20, _of_million("restart_seconds")
            ),
            Goal("1,000,000 brands: resident memory, MiB", "2,300-3,400", 1.2 * 1024, _of_million("resident_mib")),
            Goal(
                "1,000,000 brands: resident memory after a restart, by that before",
                "not told apart",
                1,
                partial(
                    _ratio,
                    "brands",
                    "1,000,000 brands",
                    "resident_mib_after_restart",
                    "1,000,000 brands",
                    "resident_mib",
                ),
            ),
        ),
        "A brand of a restore took 39 µs: 18 to make its state, 11 to apply its records to the changelog, 6 to decode "
        "the fetched batches, 4 to look whether partitions were added. Memory was records that were kept until all "
        "were read, and configurations parsed for each brand. Now one partition is restored after the other, each "
        "record is forgotten as it is restored, documents that differ in ids and names alone share one configuration, "
        "and records are folded as they are decoded, 2,000 at a time, which stay in the caches: 17 µs.",
        "a compact snapshot of a partition beside its changelog, so that a restart reads a brand once and not five "
        "records of it; restoring partitions in processes of their own where there are cores.",
    ),
    Subject(
        "Midnight",
        (
            Goal(
                "200,000 brands resume: all told, s",
                "6.7 for 100,000",
                6,
                partial(_median, *_MIDNIGHT, "all_resumes_seconds"),
            ),
            Goal(
                "meanwhile, longest wait of other brands, s",
                "2.7 with 100,000",
                0.25,
                partial(_median, *_MIDNIGHT, _LONGEST),
            ),
        ),
        "All brands were decided in one turn of the event loop, and every flush looked at every resume that waited: "
        "191 ms of CPU a flush with 50,000 of them. Now turns take 2 ms, spend goes between them, and a flush looks at "
        "what has changed. Two thirds of a resume are deciding and its 3.3 records, one third is sending.",
        "6 s for 200,000 brands allow 30 µs a resume for everything: write the new day of a brand and its resume as "
        "one record, or let the readers derive the resumes of a midnight from one message of the zone.",
    ),
    Subject(
        "Latency",
        (
            Goal("20,000 events/s: p50, ms", "16.9", 10, _latency("20,000", "p50_ms")),
            Goal("20,000 events/s: p99, ms", "37.6", 25, _latency("20,000", "p99_ms")),
            Goal("50,000 events/s: p50, ms", "25", 12, _latency("50,000", "p50_ms")),
            Goal("50,000 events/s: p99, ms", "75", 40, _latency("50,000", "p99_ms")),
            Goal("100,000 events/s: p50, ms", "55", 25, _latency("100,000", "p50_ms")),
            Goal("100,000 events/s: p99, ms", "124", 90, _latency("100,000", "p99_ms")),
            Goal(
                "20,000 events/s: share of the worker's core", "0.63-0.69", 0.3, _latency("20,000", "worker_core_busy")
            ),
        ),
        "At 20,000 events/s the core went to polls, wake-ups and transactions: after each commit aiokafka waited 20 ms "
        "before it asked again (CONCURRENT_TRANSACTIONS), and a fetch of six inputs takes 56 to 80 µs of Python with 4 "
        "partitions, however little it brings. librdkafka writes the transactions now. With longer pauses between "
        "fetches the core is less busy and the latency higher: 0.43 of the core and p50 24.6 ms at 10 ms, 0.61 and "
        "14.3 ms at 2 ms. Of a p50 of 17 ms the way to the broker takes 3, the wait for a fetch 3, deciding and the "
        "thread that writes 1, the broker's answer to the records of the transaction 5, its commit 1, and the way to "
        "the reader 3. The broker's core is 84 % busy: the bench's producer sends it 800 requests a second.",
        "fetches that name only the partitions that changed (KIP-227), or a reader that is librdkafka too, whose "
        "threads fetch outside of Python's lock.",
    ),
    Subject(
        "Equal work",
        (_first_place("1,000 brands"), _first_place("1,000,000 brands")),
        "Of 1,000 brands, reading and deciding on an event takes 5.2 µs of Python and its share of a flush 0.7 µs; a "
        "warm JVM with the same on its heap takes less than half of that. But a checkpoint of a heap has all brands, "
        "whatever changed, so that its cost grows with them.",
        "what is named at throughput.",
    ),
    Subject(
        "Several workers",
        (_more_workers(2), _more_workers(4)),
        "Workers share nothing but the broker. Fetching costs each of them the same however little it brings: a fetch "
        "of the six inputs takes 56 to 80 µs of Python with 4 partitions, 134 to 234 with 12.",
        "what is named at latency: fetches that name only the partitions that changed.",
    ),
    Subject(
        "Skew",
        (
            Goal(
                "a brand's 5,000 campaigns pause: all told, s",
                "not measured",
                1,
                partial(_median, "pauses", "5,000 campaigns", "all_pauses_seconds"),
            ),
            Goal(
                "meanwhile, longest wait of other brands, s",
                "not measured",
                0.25,
                partial(_median, "pauses", "5,000 campaigns", _LONGEST),
            ),
            Goal(
                "one brand has nine tenths of a backlog: longest wait in other partitions, s",
                "not measured",
                0.25,
                partial(_median, "skew", "1,000 brands", "elsewhere_answered_longest_seconds"),
            ),
        ),
        "One spend decides all campaigns of its brand in one turn, and its pauses are one transaction. The partitions "
        "of a worker take turns on one core. Beside a backlog of one of them others waited 1.2 s: the client polled it "
        "to its end first, 16 polls lay before the agent, and a fetch without it was held for half a second. Now polls "
        "take partitions in turns, one lies before the agent, and such a fetch is answered at once.",
        "pauses of one brand in several turns, which needs a state in which some of its campaigns are told and others "
        "not.",
    ),
)


def section(found: Found) -> str:
    """Every goal with its first and its present figure, what the profiles showed, and what comes next."""
    head = ["goal", "first", "now", "goal is", "reached"]
    parts = ["## Goals\n\nThe first figures were taken before the work on them began, on the same kind of machine.\n"]
    for subject in SUBJECTS:
        rows = {goal.what: _cells(goal, found) for goal in subject.goals}
        missed = any(cells[-1] != "yes" for cells in rows.values())
        parts.append(
            f"### Goals: {subject.title.lower()}\n\n{markdown_table(head, rows)}\n{_filled(subject.profile)}\n"
        )
        parts += [_filled(f"Next idea: {subject.next_idea}") + "\n"] if missed else []
    return "\n".join(parts)


def _cells(goal: Goal, found: Found) -> list[str]:
    figure, bound = goal.measured(found), f"{'≥' if goal.at_least else '≤'} {shown(goal.bound)}"
    if figure is None:
        return [goal.first, "not measured", bound, "not known"]
    return [goal.first, shown(figure), bound, "yes" if goal.is_reached(figure) else "no"]


def _filled(text: str) -> str:
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)
