"""Recognises the kind of a CSV file of totals, and its columns, by its header. Pure.

Header names are those of the platforms' reports, in the languages that docs/spend-files.md names, and of their APIs.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import RefusedValue
from operations.spend_import.csv_lines import SEPARATORS, names_of

__all__ = ["Columns", "SnapshotFileFormat", "check_columns", "columns_of"]


class SnapshotFileFormat(StrEnum):
    GOOGLE_ADS = "Google Ads report"
    META_ADS = "Meta Ads insights"
    PLAIN = "plain CSV"
    JSON_LINES = "JSON lines"


class Columns(NamedTuple):
    """The columns of a file. `index_of` has the index of each by our name for it; `currency` comes from the header of
    the cost, where it names one; `width` is the number of columns."""

    kind: SnapshotFileFormat
    separator: str
    index_of: dict[str, int]
    currency: str | None
    width: int


#: The names of each column in headers, by our name for it, the preferred one first.
_Names = dict[str, tuple[str, ...]]

_CURRENCY_NAMES: Final = (
    *("currency code", "currency", "währungscode", "währung", "code de la devise", "code devise", "devise"),
    *("código de moneda", "código de la moneda", "moneda", "divisa", "codice valuta", "valuta"),
    *("código da moeda", "moeda"),
)
_GOOGLE_ADS: Final[_Names] = {
    "external_id": (
        *("campaign id", "campaign.id", "campaign_id", "kampagnen-id", "id de la campagne", "id de campagne"),
        *("id de campaña", "id de la campaña", "id campagna", "id da campanha"),
    ),
    "day": ("day", "date", "segments.date", "segments_date", "tag", "datum", "jour", "día", "giorno", "dia"),
    "cost_micros": ("cost_micros", "metrics.cost_micros", "metrics_cost_micros", "cost micros"),
    "cost": ("cost", "kosten", "coût", "coste", "costo", "custo"),
    "currency": (*_CURRENCY_NAMES, "customer.currency_code", "customer_currency_code"),
    "name": ("campaign", "campaign name", "campaign.name", "kampagne", "campagne", "campaña", "campagna", "campanha"),
}
#: With the currency behind them in exports.
_META_COSTS: Final = (
    *("amount spent", "ausgegebener betrag", "montant dépensé", "importe gastado", "importo speso"),
    *("valor usado", "valor gasto", "besteed bedrag"),
)
_META_ADS: Final[_Names] = {
    "external_id": (
        *("campaign_id", "campaign id", "kampagnen-id", "id de la campagne", "identificador de la campaña"),
        *("id de la campaña", "id campagna", "identificação da campanha", "campagne-id", "campagne id"),
    ),
    "day": ("day", "tag", "jour", "día", "giorno", "dia", "dag"),
    "first_day": (
        *("date_start", "reporting_starts", "reporting starts", "berichtsstart", "début des rapports"),
        *("inicio del informe", "inizio dei report", "início dos relatórios", "start rapportage"),
    ),
    "last_day": (
        *("date_stop", "reporting_ends", "reporting ends", "berichtsende", "fin des rapports", "fin del informe"),
        *("fine dei report", "encerramento dos relatórios", "término dos relatórios", "einde rapportage"),
    ),
    "cost": ("spend", *_META_COSTS),
    "currency": ("account_currency", *_CURRENCY_NAMES),
    "name": (
        *("campaign_name", "campaign name", "kampagnenname", "name der kampagne", "nom de la campagne"),
        *("nombre de la campaña", "nome della campagna", "nome da campanha", "campagnenaam", "naam campagne"),
    ),
}
_PLAIN: Final[_Names] = {
    name: (name,) for name in ("source", "brand_id", "campaign_id", "external_id", "day", "cost", "currency", "as_of")
}
_NAMES: Final = {
    SnapshotFileFormat.GOOGLE_ADS: _GOOGLE_ADS,
    SnapshotFileFormat.META_ADS: _META_ADS,
    SnapshotFileFormat.PLAIN: _PLAIN,
}
#: Columns that only our own files have.
_OURS: Final = frozenset({"source", "brand_id", "external_id", "as_of"})
_WITH_CURRENCY: Final = re.compile(rf"({'|'.join(_META_COSTS)}) \(([a-z]{{3}})\)")


def columns_of(line: str, separators: Sequence[str] = SEPARATORS) -> Columns | None:
    """The columns of a header line; None where the line is no header of a file of totals."""
    found = [columns for separator in separators if (columns := _columns(line, separator))]
    return max(found, key=lambda columns: len(columns.index_of), default=None)


def check_columns(columns: Columns, *, number: int, has_day: bool) -> None:
    """Raise RefusedValue for missing columns; with `has_day` the day need not be one."""
    index_of = columns.index_of
    missing = [] if "day" in index_of or "first_day" in index_of or has_day else ["day"]
    if columns.kind is not SnapshotFileFormat.PLAIN:
        missing = ["campaign id", *missing] if "external_id" not in index_of else missing
    elif "external_id" not in index_of:
        missing = [*(name for name in ("brand_id", "campaign_id") if name not in index_of), *missing]
    if missing:
        advice = "; --day says the day of all lines" if missing == ["day"] else ""
        raise RefusedValue(
            f"Line {number} has the columns of a file of totals ({columns.kind}), but not {' and '.join(missing)}: "
            f"add {'it' if len(missing) == 1 else 'them'} to the report{advice}."
        )


def _columns(line: str, separator: str) -> Columns | None:
    written = names_of(line, separator)
    currencies = [found[2].upper() for name in written if (found := _WITH_CURRENCY.fullmatch(name))]
    names = [found[1] if (found := _WITH_CURRENCY.fullmatch(name)) else name for name in written]
    kind = _kind(names)
    if kind is None or len(names) < 2:
        return None
    if any("\N{REPLACEMENT CHARACTER}" in name for name in names):
        raise RefusedValue("The line that names the columns is not UTF-8: save the file as text in UTF-8.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    index_of: dict[str, int] = {}
    for ours, theirs in _NAMES[kind].items():
        there = [name for name in theirs if name in names]
        if there and there[0] in twice:
            raise RefusedValue(f"The line that names the columns has {there[0]!r} twice.")
        if there:
            index_of[ours] = names.index(there[0])
    return Columns(kind, separator, index_of, currencies[0] if currencies else None, len(names))


def _kind(names: Sequence[str]) -> SnapshotFileFormat | None:
    if "cost" in names and _OURS.intersection(names):
        return SnapshotFileFormat.PLAIN
    if any(name in names for name in _META_ADS["cost"]):
        return SnapshotFileFormat.META_ADS
    if any(name in names for name in (*_GOOGLE_ADS["cost_micros"], *_GOOGLE_ADS["cost"])):
        return SnapshotFileFormat.GOOGLE_ADS
    return None
