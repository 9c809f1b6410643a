"""docs/benchmarks.md from docs/benchmarks.json: `python -m bench page`."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from bench import goals, peer_table
from bench.tables import markdown_table, spread

__all__ = ["page"]


class _Group(NamedTuple):
    title: str
    text: str
    labels: Mapping[str, str]


_GROUPS: Final = {
    "backlog": _Group(
        "Backlog",
        "A worker drains a backlog; a bare `getmany` reads the same topic on the same core after it.",
        {
            "events_per_second": "events/s",
            "cpu_seconds_per_million": "CPU s per million events",
            "raw_events_per_second": "bare `getmany`, events/s",
            "share_of_raw": "share of it",
            "transaction_ms_mean": "mean transaction, ms",
            "resident_mib": "resident memory, MiB",
        },
    ),
    "brands": _Group(
        "Many brands",
        "Each brand has one campaign; events go over all brands in a scattered order. The restart is after kill -9.",
        {
            "events_per_second": "backlog, events/s",
            "cpu_seconds_per_million": "CPU s per million events",
            "catalog_seconds": "catalog applied, all first states published, s",
            "documents_per_second": "documents/s",
            "restart_seconds": "restart to the first spend applied, s",
            "resident_mib": "resident memory, MiB",
            "resident_mib_after_restart": "resident memory after the restart, MiB",
        },
    ),
    "midnight": _Group(
        "A zone's midnight",
        "All brands of the zone have used up their daily budget and resume at midnight. Meanwhile brands of other\n"
        "zones spend and wait for their pauses.",
        {
            "all_resumes_seconds": "until all resumes are read, s",
            "others_answered_median_seconds": "others' spend to its pause, median, s",
            "others_answered_longest_seconds": "others' spend to its pause, longest, s",
        },
    ),
    "latency": _Group(
        "Latency",
        "From the producer's call until a reader of committed records has the pause, at a steady rate of events.",
        {
            "p50_ms": "p50, ms",
            "p90_ms": "p90, ms",
            "p99_ms": "p99, ms",
            "max_ms": "longest, ms",
            "transaction_ms_mean": "mean transaction, ms",
            "worker_core_busy": "the worker's core, share that is busy",
        },
    ),
    "pauses": _Group(
        "Many pauses at once",
        "One brand uses up its budget, which pauses all of its campaigns. Meanwhile others spend in all partitions.",
        {
            "all_pauses_seconds": "until all pauses are read, s",
            "others_answered_median_seconds": "others' spend to its pause, median, s",
            "others_answered_longest_seconds": "others' spend to its pause, longest, s",
        },
    ),
    "skew": _Group(
        "One large brand",
        "Nine tenths of a backlog are of one brand. Other brands spend meanwhile: in the brand's partition their\n"
        "events come after the backlog, in the other partitions they must not wait for it.",
        {
            "events_per_second": "backlog, events/s",
            "cpu_seconds_per_million": "CPU s per million events",
            "elsewhere_answered_median_seconds": "pauses in the other partitions, median, s",
            "elsewhere_answered_longest_seconds": "pauses in the other partitions, longest, s",
            "behind_it_answered_longest_seconds": "pauses in its partition, longest, s",
        },
    ),
    "workers": _Group(
        "Several workers",
        "All workers share one core and 12 partitions; events come as quickly as they can be sent. Then one more\n"
        "worker joins, and one of the first is killed by kill -9, while others spend: the longest time from a spend\n"
        "to its pause.",
        {
            "cpu_seconds_per_million": "CPU s of all workers per million events",
            "longest_wait_when_one_joins_seconds": "longest wait when one joins, s",
            "longest_wait_when_one_is_killed_seconds": "longest wait when one is killed, s",
        },
    ),
}


#: Errors whose message says why a case has no figures; any other one is a defect of the bench.
_EXPLAINED: Final = ("SpendgateError", "TimeoutError")


def page(found: Mapping[str, Any]) -> str:
    """The whole page. `found` is what `python -m bench all` writes."""
    found = {**found, "cases": [case for case in found["cases"] if case["runs"]]}
    groups = {case["group"]: None for case in found["cases"]}
    parts = [
        _head(found),
        goals.section(found),
        *(_section(group, [it for it in found["cases"] if it["group"] == group]) for group in groups),
    ]
    return "\n".join(parts)


def _head(found: Mapping[str, Any]) -> str:
    runs = [run for case in found["cases"] for run in case["runs"]]
    others = spread([run["cores_of_others"] for run in runs])
    load = spread([run["load_after"] for run in runs])
    machine = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in found["machine"].items())
    return (
        "# Benchmarks\n\n"
        "<!-- Made from benchmarks.json by `python -m bench page`; do not edit. -->\n"
        f"This page is made from [benchmarks.json](benchmarks.json), which `{found['command']}` writes: edit neither.\n"
        "How each figure is measured stands in [bench/README.md](../bench/README.md).\n\n"
        f"A figure is the median of {_counts(found)} runs, with the lowest and the highest beside it; each round runs\n"
        "every case that is measured once. When and at which commit stands at each table. **The load at that time:**\n"
        f"other programs kept {others} of {found['machine']['cores']} cores busy, and the load average was {load}.\n"
        "Where other programs kept part of a core busy, compare a figure only within its own table.\n\n"
        f"| machine | |\n|---|---|\n{machine}\n"
    )


def _dated(runs: Iterable[Mapping[str, Any]]) -> str:
    """`2026-11-27 at b365177`: when the runs with figures were taken, or all of them where none has any."""
    all_runs = list(runs)
    with_figures = [run for run in all_runs if "figures" in run] or all_runs
    return ", ".join(dict.fromkeys(f"{run['measured']} at {run['code'] or '?'}" for run in with_figures))


def _counts(found: Mapping[str, Any]) -> str:
    fewest, most = (
        ends(sum("figures" in run for run in case["runs"]) for case in found["cases"]) for ends in (min, max)
    )
    return str(most) if fewest == most else f"{fewest} to {most}"


def _section(name: str, cases: list[Mapping[str, Any]]) -> str:
    if name == "peers":
        runs = [run["figures"] for case in cases for run in case["runs"] if "figures" in run]
        return "\n".join(["## Equal work\n\n" + peer_table.ABOUT, *map(_peers, cases), peer_table.left_out(runs)])
    group = _GROUPS[name]
    rows = {label: [_cell(case, figure) for case in cases] for figure, label in group.labels.items()}
    rows["*others' cores meanwhile*"] = [_others(case) for case in cases]
    rows["*measured*"] = [_dated(case["runs"]) for case in cases]
    table = markdown_table(["", *(case["column"] for case in cases)], rows)
    return f"## {group.title}\n\n{group.text}\n\n{table}\n{_commands(cases)}{_failed(cases)}"


def _peers(case: Mapping[str, Any]) -> str:
    runs = [run for run in case["runs"] if "figures" in run]
    figures = [run["figures"] for run in runs]
    names = {name for of_run in figures for name in of_run}
    dated = {name: _dated(run for run in runs if name in run["figures"]) for name in names}
    in_rows = dated if len(set(dated.values())) > 1 else None
    table = peer_table.table(figures, in_rows) if figures else ""
    measured = "" if in_rows else f" Measured on {_dated(case['runs'])}."
    return (
        f"### {case['column']}\n\n{table}\n{peer_table.checked(figures)}{_commands([case])}"
        f"Others' cores meanwhile: {_others(case)}.{measured}\n\n{_failed([case])}"
    )


def _cell(case: Mapping[str, Any], figure: str) -> str:
    values = [run["figures"][figure] for run in case["runs"] if "figures" in run]
    return spread(values) if values else "failed"


def _failed(cases: Iterable[Mapping[str, Any]]) -> str:
    """How many runs gave no figures, and why where an `_EXPLAINED` error says it; `benchmarks.json` has all errors."""
    lines = []
    for case in cases:
        failures = [run["failed"] for run in case["runs"] if "failed" in run]
        reasons = dict.fromkeys(why for it in failures if (why := _reason(it)))
        if failures:
            why_not = f": {'; '.join(reasons)}" if reasons else ""
            counted = f"{len(failures)} of {len(case['runs'])} runs of {case['column']} failed"
            lines.append(f"{counted} and {'is' if len(failures) == 1 else 'are'} left out{why_not}.\n\n")
    return "".join(lines)


def _reason(failed: str) -> str:
    """What an `_EXPLAINED` error says; empty for any other one, which says nothing of what is measured."""
    kind, _, why = failed.partition(": ")
    return why.strip().rstrip(".") if kind in _EXPLAINED else ""


def _others(case: Mapping[str, Any]) -> str:
    return f"{median(run['cores_of_others'] for run in case['runs']):.2f}"


def _commands(cases: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"    python -m bench {case['arguments']}\n" for case in cases) + "\n"
