"""The part of docs/scaling.md that follows from docs/benchmarks.json: `python -m bench page`.

Nothing here is measured. A figure is one of the JSON, one that this module says where it is from, or follows from them.
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
#: A case of so many times as many brands shows what a brand costs.
_TELLING: Final = 20
#: How much of its core a worker may be busy, so that it catches up when it takes over another one's partitions.
_BUSY: Final = 0.6
#: Of one partition; each decision that pauses or resumes makes one, and changes alone one in half a second.
_FLUSHES_PER_SECOND: Final = 10
#: Numbers of partitions that many numbers of workers divide.
_PARTITIONS: Final = (4, 12, 24, 48, 96, 120, 240, 480, 720, 960, 1_440, 1_920, 2_880, 3_840)
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
        return more / (self.many - self.few) if more > 0 and self.many >= _TELLING * self.few else None

    def more(self, figure: str) -> float:
        return self.of_many[figure] - self.of_few[figure]


def with_derived(text: str, found: Mapping[str, Any]) -> str:
    """The page with what follows from these figures in its place."""
    derived_text = derived(found)
    replaced, count = _DERIVED.subn(lambda _: derived_text, text)
    assert count == 1
    return replaced


def can_be_derived(found: Mapping[str, Any]) -> bool:
    """Whether a backlog and at least two numbers of brands are measured."""
    return len(_cases(found, "brands")) > 1 and bool(_cases(found, "backlog"))


def derived(found: Mapping[str, Any]) -> str:
    """`found` is what `python -m bench all` writes, and `can_be_derived`."""
    figures = _figures(found)
    return "\n".join(["", _of_one_core(found, figures), _steps(figures), _breaks_first(figures), ""])


def _figures(found: Mapping[str, Any]) -> _Figures:
    brands = sorted((_number(case["column"]), case) for case in _cases(found, "brands"))
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


def _of_one_core(found: Mapping[str, Any], it: _Figures) -> str:
    (backlog,) = _cases(found, "backlog")
    by_few, by_many = (f"`python -m bench {arguments}`" for arguments in it.commands)
    rows = {
        f"worker, {it.few:,} brands": [_of_worker(it.of_few), by_few, "events"],
        f"worker, {it.many:,} brands in scattered order": [_of_worker(it.of_many), by_many, "events"],
        "catalog": [
            f"{_n(it.of_many['documents_per_second'])} documents/s up to the first states",
            by_many,
            "campaigns",
        ],
        "restart": _of_brands(it, "restart_seconds", "s", _MILLION, "µs"),
        "memory of a worker": _of_brands(it, "resident_mib", "MiB", 1024, "KiB"),
        "a reader of spend that does nothing": [
            f"{_n(_medians(backlog)['raw_events_per_second'])} events/s",
            f"`python -m bench {backlog['arguments']}`",
            "events",
        ],
        **_of_several_workers(found),
        "ledger": [
            f"{_n(_LEDGER_ROWS_PER_SECOND_EMPTY)} rows/s into an empty table, "
            f"{_n(_LEDGER_ROWS_PER_SECOND)} with 20,000,000",
            "`python -m bench ledger`, [bench/README.md](../bench/README.md)",
            "events, size of the table",
        ],
        "a brand's record in `controller-state`": [
            f"{it.state.brand} bytes with its one campaign",
            _BY_CORE,
            "changes",
        ],
        "an event id there": [f"{it.state.event_id:g} bytes", _BY_CORE, "events"],
        "an event in the log": [
            f"{it.event_bytes} bytes: {it.event_bytes - _BYTES_AROUND_EVENT} of its value, and {_BYTES_AROUND_EVENT} "
            "reckoned for its key and its share of a batch's header",
            f"`python -m bench {backlog['arguments']}`",
            "events",
        ],
    }
    return "## What one core does\n\n" + markdown_table(["part", "measured", "by", "grows with"], rows)


def _of_brands(it: _Figures, figure: str, unit: str, parts: int, part: str) -> list[str]:
    """A row of what a worker with few and with many brands has, and what each brand has of it."""
    both = f"{_n(it.of_few[figure])} {unit}, and {_n(it.of_many[figure])} with {it.many:,} brands"
    each = it.per_brand(figure)
    if each is None:
        why = "no difference shown" if it.more(figure) <= 0 else "too few brands more to tell"
        return [f"{both}: {why}", "both", "not shown"]
    return [f"{both}: {_n(each * parts)} {part} for each brand", "the difference of both", "brands of the partitions"]


_BY_CORE: Final = "`python -m bench core_cost`"


def _of_worker(figures: Mapping[str, float]) -> str:
    cpu = figures["cpu_seconds_per_million"]
    return f"{_n(figures['events_per_second'])} events/s, {_n(cpu)} CPU seconds per million"


def _of_several_workers(found: Mapping[str, Any]) -> dict[str, list[str]]:
    cases = {_number(case["column"]): case for case in _cases(found, "workers")}
    if 1 not in cases or len(cases) == 1:
        return {}
    most = max(cases)
    alone, together = (_medians(cases[it])["cpu_seconds_per_million"] for it in (1, most))
    measured = f"{together / alone:.2f} times the CPU seconds of one"
    return {f"{most} workers on 12 partitions": [measured, f"`python -m bench {cases[most]['arguments']}`", "workers"]}


def _steps(it: _Figures) -> str:
    sizes = [(20_000, it.few), (150_000, it.few), (150_000, it.many), (_MILLION, it.many), (10 * _MILLION, it.many)]
    rows = {f"{rate:,} over {brands:,} brands": _step(it, rate, brands) for rate, brands in sizes}
    head = ["events/s", "workers", "partitions", "spend in, MB/s", "`controller-state`, MB/s", "ledgers"]
    return "## Steps\n\n" + markdown_table(head, rows)


def _step(it: _Figures, rate: int, brands: int) -> list[str]:
    workers = _workers(it, rate, brands)
    partitions = next((count for count in _PARTITIONS if count >= 2 * workers), 2 * workers)
    spend, state = rate * it.event_bytes / 1e6, _state_rate(it, rate, brands) / 1e6
    return [_n(cell) for cell in (workers, partitions, spend, state, ceil(rate / _LEDGER_ROWS_PER_SECOND))]


def _workers(it: _Figures, rate: int, brands: int) -> int:
    return ceil(rate / it.events_per_core(brands) / _BUSY)


def _state_rate(it: _Figures, rate: float, brands: int) -> float:
    """Bytes a second: a brand's record for each event, at most so many a second of each brand; and each id once."""
    return min(rate, brands * _FLUSHES_PER_SECOND) * it.state.brand + rate * it.state.event_id


def _breaks_first(it: _Figures) -> str:
    slow, quick = sorted(it.events_per_core(brands) for brands in (it.few, it.many))
    catalog = 2 * _MILLION / it.of_many["documents_per_second"]
    most = _workers(it, 10 * _MILLION, it.many)
    state = it.state.brand + it.state.event_id
    return f"""\
## What breaks first

1. **The ledger, at about {_n(_LEDGER_ROWS_PER_SECOND)} events/s.** One PostgreSQL takes every event as a row. Beyond
   that the ledger falls behind, which its lag shows. Money and pauses do not wait for it: the controller never asks the
   ledger. The next step is a ledger with a database of its own for each group of partitions; a brand is in one
   partition, so sums by brand need no join. Spendgate does not ship this.
2. **The core of a worker, at {_n(slow)} to {_n(quick)} events/s**, by its CPU seconds. A second worker takes half of
   the partitions. A second core for the same process gains nothing, because Python's global lock is held while it
   decides.
3. **A partition, at the same rate.** A brand's events are in one partition, so no brand exceeds the rate of a core. One
   that does is made two brands.
4. **`controller-state`**, where hardly two events of one flush are of one brand: {_n(state)} bytes an event, beside the
   {it.event_bytes} of the spend itself.
5. **A first catalog.** {_MILLION:,} brands with a campaign each take {_n(catalog)} s of one worker, and in proportion
   less of several.
6. **A restart.** {_of_restart(it, most)}
"""


def _of_restart(it: _Figures, workers: int) -> str:
    each = it.per_brand("restart_seconds")
    if each is None:
        return f"In these figures {it.many:,} brands do not show what one of them costs."
    seconds = each * _MILLION
    return (
        f"{_MILLION:,} brands take one worker {_n(seconds)} s, and each of {workers} workers {_n(seconds / workers)} s."
    )


def _cases(found: Mapping[str, Any], group: str) -> list[Mapping[str, Any]]:
    return [case for case in found["cases"] if case["group"] == group and any("figures" in run for run in case["runs"])]


def _medians(case: Mapping[str, Any]) -> dict[str, float]:
    runs = [run["figures"] for run in case["runs"] if "figures" in run]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _number(column: str) -> int:
    return int(column.split()[0].replace(",", ""))


def _n(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
