"""docs/benchmarks.md from docs/benchmarks.json: `python -m bench page`."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from bench import peers
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
        "One campaign a brand, events over all brands in a scattered order. The restart is after kill -9.",
        {
            "events_per_second": "backlog, events/s",
            "cpu_seconds_per_million": "CPU s per million events",
            "catalog_seconds": "catalog applied, first states told, s",
            "documents_per_second": "documents/s",
            "restart_seconds": "restart to the first spend applied, s",
            "resident_mib": "resident memory, MiB",
            "resident_mib_after_restart": "resident memory after the restart, MiB",
        },
    ),
    "midnight": _Group(
        "A zone's midnight",
        "All brands of the zone have used up their day. Others spend meanwhile, and wait for their pauses.",
        {
            "all_resumes_seconds": "all resumes told, s",
            "others_answered_median_seconds": "others' pauses, median, s",
            "others_answered_longest_seconds": "others' pauses, longest, s",
        },
    ),
    "latency": _Group(
        "Latency",
        "From the producer's call until a reader of committed records has the pause, at a steady rate.",
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
        "The budget of one brand ends, which pauses all of its campaigns. Others, in all partitions, spend meanwhile.",
        {
            "all_pauses_seconds": "all pauses told, s",
            "others_answered_median_seconds": "others' pauses, median, s",
            "others_answered_longest_seconds": "others' pauses, longest, s",
        },
    ),
    "skew": _Group(
        "One large brand",
        "Nine tenths of a backlog are of one brand. Others spend meanwhile: those of its partition come after the\n"
        "backlog, those of the other partitions are not to wait for it.",
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
        "12 partitions, all workers on one core, events as quickly as they can be sent. Then one more joins, and one\n"
        "of the first is killed by kill -9, while others spend: the longest time from a spend to its pause.",
        {
            "cpu_seconds_per_million": "CPU s of all workers per million events",
            "longest_wait_when_one_joins_seconds": "longest wait when one joins, s",
            "longest_wait_when_one_is_killed_seconds": "longest wait when one is killed, s",
        },
    ),
}


#: Errors by which cases say themselves why they have no figures.
_TOLD: Final = ("SpendgateError", "TimeoutError")


def page(found: Mapping[str, Any]) -> str:
    """The whole page. `found` is what `python -m bench all` writes."""
    found = {**found, "cases": [case for case in found["cases"] if case["runs"]]}
    groups = {case["group"]: None for case in found["cases"]}
    parts = [
        _head(found),
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
        f"Measured on {found['measured']}{_code(found)}. A figure is the median of {_counts(found)} runs, with the\n"
        "lowest and the highest beside it; rounds go over all cases in turn. **The load at that time:** other\n"
        f"programs kept {others} of {found['machine']['cores']} cores busy, and the load average was {load}. Where\n"
        "others' share is not near 0, figures compare with those of their own table alone.\n\n"
        f"| machine | |\n|---|---|\n{machine}\n"
    )


def _code(found: Mapping[str, Any]) -> str:
    return f" at commit {found['code']}" if found.get("code") else ""


def _counts(found: Mapping[str, Any]) -> str:
    fewest, most = (
        ends(sum("figures" in run for run in case["runs"]) for case in found["cases"]) for ends in (min, max)
    )
    return str(most) if fewest == most else f"{fewest} to {most}"


def _section(name: str, cases: list[Mapping[str, Any]]) -> str:
    if name == "peers":
        runs = [run["figures"] for case in cases for run in case["runs"] if "figures" in run]
        return "\n".join(["## Equal work\n\n" + peers.ABOUT, *map(_peers, cases), peers.left_out(runs)])
    group = _GROUPS[name]
    rows = {label: [_cell(case, figure) for case in cases] for figure, label in group.labels.items()}
    rows["*others' cores meanwhile*"] = [_others(case) for case in cases]
    table = markdown_table(["", *(case["column"] for case in cases)], rows)
    return f"## {group.title}\n\n{group.text}\n\n{table}\n{_commands(cases)}{_failed(cases)}"


def _peers(case: Mapping[str, Any]) -> str:
    figures = [run["figures"] for run in case["runs"] if "figures" in run]
    table = peers.table(figures) if figures else ""
    return (
        f"### {case['column']}\n\n{table}\n{_commands([case])}Others' cores meanwhile: {_others(case)}.\n\n"
        f"{_failed([case])}"
    )


def _cell(case: Mapping[str, Any], figure: str) -> str:
    values = [run["figures"][figure] for run in case["runs"] if "figures" in run]
    return spread(values) if values else "failed"


def _failed(cases: Iterable[Mapping[str, Any]]) -> str:
    """How many runs gave no figures, and why as far as it is said of what was measured; `benchmarks.json` has all."""
    lines = []
    for case in cases:
        failures = [run["failed"] for run in case["runs"] if "failed" in run]
        reasons = dict.fromkeys(why for it in failures if (why := _reason(it)))
        if failures:
            said = f": {'; '.join(reasons)}" if reasons else ""
            counted = f"{len(failures)} of {len(case['runs'])} runs of {case['column']} failed"
            lines.append(f"{counted} and {'is' if len(failures) == 1 else 'are'} left out{said}.\n\n")
    return "".join(lines)


def _reason(failed: str) -> str:
    """Empty where our own program went wrong, whose errors say nothing of what is measured."""
    kind, _, why = failed.partition(": ")
    return why.strip().rstrip(".") if kind in _TOLD else ""


def _others(case: Mapping[str, Any]) -> str:
    return f"{median(run['cores_of_others'] for run in case['runs']):.2f}"


def _commands(cases: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"    python -m bench {case['arguments']}\n" for case in cases) + "\n"
