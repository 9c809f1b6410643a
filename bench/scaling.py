"""The part of docs/scaling.md that follows from docs/benchmarks.json: `python -m bench page`.

Nothing is measured here. A figure is taken from the JSON, has its source named in this module, or is calculated from
both.
"""

import re
from collections.abc import Mapping
from math import ceil
from statistics import median
from typing import Any, Final, NamedTuple

from bench.core_cost import StateBytes, state_bytes
from bench.tables import markdown_table

__all__ = ["can_be_derived", "derived", "with_derived"]

#: From bench/README.md, "Measured": what `python -m bench ledger` gave.
_LEDGER_ROWS_PER_SECOND: Final = 23_488
_LEDGER_ROWS_PER_SECOND_EMPTY: Final = 30_230
#: An event's key and its share of the header of a batch.
_BYTES_AROUND_EVENT: Final = 23
#: The cost of one brand is derived only where the case with the most brands has at least so many times the fewest.
_LEAST_RATIO_OF_BRANDS: Final = 20
#: The share of its core that a worker is planned to use, so that it catches up after it has taken over partitions.
_BUSY_SHARE: Final = 0.6
#: Of one partition. Each decision that pauses or resumes makes one; without such decisions there are two a second.
_FLUSHES_PER_SECOND: Final = 10
#: Each can be divided evenly among many numbers of workers.
_PARTITION_COUNTS: Final = (4, 12, 24, 48, 96, 120, 240, 480, 720, 960, 1_440, 1_920, 2_880, 3_840)
_MILLION: Final = 1_000_000

_DERIVED: Final = re.compile(r"(?<=<!-- derived -->\n).*(?=<!-- end of what is derived -->)", re.DOTALL)


class _Figures(NamedTuple):
    few: int  # the fewest and the most brands that were measured
    many: int
    of_few: Mapping[str, float]
    of_many: Mapping[str, float]
    commands: tuple[str, str]
    event_bytes: int
    state: StateBytes

    def events_per_core(self, brands: int) -> float:
        figures = self.of_few if brands == self.few else self.of_many
        return _MILLION / figures["cpu_seconds_per_million"]

    def per_brand(self, figure: str) -> float | None:
        """None where more brands did not have more of it, or are too few more to tell it from chance."""
        more = self.more(figure)
        return more / (self.many - self.few) if more > 0 and self.many >= _LEAST_RATIO_OF_BRANDS * self.few else None

    def more(self, figure: str) -> float:
        return self.of_many[figure] - self.of_few[figure]


def with_derived(text: str, found: Mapping[str, Any]) -> str:
    """The page with its derived part made anew from `found`, which is what `python -m bench all` writes."""
    derived_text = derived(found)
    replaced, count = _DERIVED.subn(lambda _: derived_text, text)
    assert count == 1
    return replaced


def can_be_derived(found: Mapping[str, Any]) -> bool:
    """Whether a backlog and at least two numbers of brands are measured."""
    return len(_cases(found, "brands")) > 1 and bool(_cases(found, "backlog"))


def derived(found: Mapping[str, Any]) -> str:
    """That part, in Markdown. `found` is what `python -m bench all` writes; `can_be_derived(found)` must hold."""
    figures = _figures(found)
    return "\n".join(["", _of_one_core(found, figures), _steps(figures), _breaks_first(figures), ""])


def _figures(found: Mapping[str, Any]) -> _Figures:
    brands = sorted(((_leading_number(case["column"]), case) for case in _cases(found, "brands")), key=lambda it: it[0])
    (few, of_few), (many, of_many) = brands[0], brands[-1]
    (backlog,) = _cases(found, "backlog")
    return _Figures(
        few,
        many,
        _medians(of_few),
        _medians(of_many),
        (of_few["arguments"], of_many["arguments"]),
        round(_medians(backlog)["bytes_per_event"]) + _BYTES_AROUND_EVENT,
        state_bytes(),
    )


def _of_one_core(found: Mapping[str, Any], measured: _Figures) -> str:
    (backlog,) = _cases(found, "backlog")
    by_few, by_many = (f"`python -m bench {arguments}`" for arguments in measured.commands)
    rows = {
        f"worker, {measured.few:,} brands": [_of_worker(measured.of_few), by_few, "events"],
        f"worker, {measured.many:,} brands in scattered order": [_of_worker(measured.of_many), by_many, "events"],
        "catalog": [
            f"{_rounded(measured.of_many['documents_per_second'])} documents/s until all first states are written",
            by_many,
            "campaigns",
        ],
        "restart": _of_brands(measured, "restart_seconds", "s", _MILLION, "µs"),
        "memory of a worker": _of_brands(measured, "resident_mib", "MiB", 1024, "KiB"),
        "a bare `getmany`, which discards what it reads": [
            f"{_rounded(_medians(backlog)['raw_events_per_second'])} events/s",
            f"`python -m bench {backlog['arguments']}`",
            "events",
        ],
        **_of_several_workers(found),
        "ledger": [
            f"{_rounded(_LEDGER_ROWS_PER_SECOND_EMPTY)} rows/s into an empty table, "
            f"{_rounded(_LEDGER_ROWS_PER_SECOND)} with 20,000,000",
            "`python -m bench ledger`, [bench/README.md](../bench/README.md)",
            "events, size of the table",
        ],
        "a brand's record in `controller-state`": [
            f"{measured.state.brand} bytes with one campaign",
            _BY_CORE,
            "changes",
        ],
        "an event id in `controller-state`": [f"{measured.state.event_id:g} bytes", _BY_CORE, "events"],
        "an event in the log": [
            f"{measured.event_bytes} bytes: {measured.event_bytes - _BYTES_AROUND_EVENT} of its value, and an estimate "
            f"of {_BYTES_AROUND_EVENT} for its key and its share of a batch's header",
            f"`python -m bench {backlog['arguments']}`",
            "events",
        ],
    }
    table = markdown_table(["part", "measured", "by", "grows with"], rows)
    return f"## What one core does\n\n{table}\n{_more_brands(found)}\n"


def _more_brands(found: Mapping[str, Any]) -> str:
    """A sentence of the CPU that an event costs with each number of brands."""
    cases = {_leading_number(case["column"]): _medians(case) for case in _cases(found, "brands")}
    measured = sorted(cases.items(), key=lambda it: it[0])
    (few, first), *more = ((f"{brands:,}", _rounded(of["cpu_seconds_per_million"])) for brands, of in measured)
    others = " and ".join(", ".join(f"{cpu} with {brands}" for brands, cpu in more).rsplit(", ", 1))
    return f"A million events take a worker {first} CPU seconds with {few} brands, {others}."


def _of_brands(measured: _Figures, figure: str, unit: str, parts: int, part: str) -> list[str]:
    """The cells of a row: what a worker with few and with many brands takes, and how much of it each brand."""
    few, many = (_rounded(figures[figure]) for figures in (measured.of_few, measured.of_many))
    both = f"{few} {unit}, and {many} with {measured.many:,} brands"
    each = measured.per_brand(figure)
    if each is None:
        why = "no difference shown" if measured.more(figure) <= 0 else "too few brands more to tell"
        return [f"{both}: {why}", "both", "not shown"]
    of_each = f"{_rounded(each * parts)} {part} for each brand"
    return [f"{both}: {of_each}", "the difference of both", "brands of the partitions"]


_BY_CORE: Final = "`python -m bench core_cost`"


def _of_worker(figures: Mapping[str, float]) -> str:
    cpu = figures["cpu_seconds_per_million"]
    return f"{_rounded(figures['events_per_second'])} events/s, {_rounded(cpu)} CPU seconds per million"


def _of_several_workers(found: Mapping[str, Any]) -> dict[str, list[str]]:
    cases = {_leading_number(case["column"]): case for case in _cases(found, "workers")}
    if 1 not in cases or len(cases) == 1:
        return {}
    most = max(cases)
    alone, together = (_medians(cases[it])["cpu_seconds_per_million"] for it in (1, most))
    measured = f"{together / alone:.2f} times the CPU seconds of one"
    return {f"{most} workers on 12 partitions": [measured, f"`python -m bench {cases[most]['arguments']}`", "workers"]}


def _steps(measured: _Figures) -> str:
    few, many = measured.few, measured.many
    sizes = [(20_000, few), (150_000, few), (150_000, many), (_MILLION, many), (10 * _MILLION, many)]
    rows = {f"{rate:,} over {brands:,} brands": _step(measured, rate, brands) for rate, brands in sizes}
    head = ["events/s", "workers", "partitions", "spend in, MB/s", "`controller-state`, MB/s", "ledgers"]
    return "## Steps\n\n" + markdown_table(head, rows)


def _step(measured: _Figures, rate: int, brands: int) -> list[str]:
    workers = _workers(measured, rate, brands)
    partitions = next((count for count in _PARTITION_COUNTS if count >= 2 * workers), 2 * workers)
    spend, state = rate * measured.event_bytes / 1e6, _state_rate(measured, rate, brands) / 1e6
    return [_rounded(cell) for cell in (workers, partitions, spend, state, ceil(rate / _LEDGER_ROWS_PER_SECOND))]


def _workers(measured: _Figures, rate: int, brands: int) -> int:
    return ceil(rate / measured.events_per_core(brands) / _BUSY_SHARE)


def _state_rate(measured: _Figures, rate: float, brands: int) -> float:
    """Bytes a second: a brand's record for each event, at most one in each flush, and each event id once."""
    return min(rate, brands * _FLUSHES_PER_SECOND) * measured.state.brand + rate * measured.state.event_id


def _breaks_first(measured: _Figures) -> str:
    slow, quick = sorted(measured.events_per_core(brands) for brands in (measured.few, measured.many))
    catalog = 2 * _MILLION / measured.of_many["documents_per_second"]
    most = _workers(measured, 10 * _MILLION, measured.many)
    state = measured.state.brand + measured.state.event_id
    return f"""\
## What breaks first

1. **The ledger, at about {_rounded(_LEDGER_ROWS_PER_SECOND)} events/s.** One PostgreSQL takes every event as a row.
   Beyond that rate the ledger falls behind, which its lag shows. Money and pauses do not wait for it: the controller
   never asks the ledger. The next step would be a ledger with a database of its own for each group of partitions; a
   brand is in one partition, so sums by brand need no join. Spendgate does not ship this.
2. **The core of a worker, at {_rounded(slow)} to {_rounded(quick)} events/s**, by its CPU seconds. A second worker
   takes half of the partitions. A second core for the same process gains nothing, because Python's global lock is held
   while it decides.
3. **A partition, at the same rate.** A brand's events are in one partition, so no brand can exceed the rate of one
   core. A larger brand has to be split into two.
4. **`controller-state`**, where there are so many brands that events of one flush hardly share one: {_rounded(state)}
   bytes an event, beside the {measured.event_bytes} of the spend itself.
5. **A first catalog.** {_MILLION:,} brands of one campaign each take one worker {_rounded(catalog)} s; several workers
   divide that time.
6. **A restart.** {_of_restart(measured, most)}
"""


def _of_restart(measured: _Figures, workers: int) -> str:
    each = measured.per_brand("restart_seconds")
    if each is None:
        return f"In these figures {measured.many:,} brands do not show what one of them costs."
    seconds = each * _MILLION
    alone, together = _rounded(seconds), _rounded(seconds / workers)
    return f"{_MILLION:,} brands take one worker {alone} s, and {workers} workers that share them {together} s."


def _cases(found: Mapping[str, Any], group: str) -> list[Mapping[str, Any]]:
    return [case for case in found["cases"] if case["group"] == group and any("figures" in run for run in case["runs"])]


def _medians(case: Mapping[str, Any]) -> dict[str, float]:
    runs = [run["figures"] for run in case["runs"] if "figures" in run]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _leading_number(column: str) -> int:
    return int(column.split()[0].replace(",", ""))


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
