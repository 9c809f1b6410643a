"""How templates show money, moments and levels: what Jinja is given. Pure."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from console.access.person import Person, Role
from console.live.words import cause_words, why
from console.reason_words import REASON_WORDS
from console.web.clock_words import local_time
from streams.core.moment import HOUR, MINUTE, Moment, format_moment, parse_moment
from streams.core.money import MICROS, format_money

__all__ = ["FILTERS", "GLOBALS", "Column", "level", "local", "shown_money", "span_words"]

#: From here on a bar says that little is left.
_LITTLE_LEFT_PERCENT: Final = 80
#: strftime of each form; the day of the month and am or pm depend on no machine's language.
_FORMS: Final = {
    "clock": "%H:%M",
    "second": "%H:%M:%S",
    "day": "%a %-d %b",
    "short": "%a %H:%M",
    "date_clock": "%a %-d %b %H:%M",
    "feed": "%a %H:%M:%S",
    "full": "%a %-d %b %Y %H:%M:%S",
}
_PAGES: Final = (
    ("/", "Overview"),
    ("/brands", "Brands"),
    ("/campaigns", "Campaigns"),
    ("/feed", "Feed"),
    ("/spend", "Spend"),
    ("/commands", "Commands"),
    ("/dead-letters", "Dead letters"),
)
_PAGES_OF_ADMINS: Final = (("/users", "Users"), ("/tokens", "Tokens"))

#: For a list, where a sentence is too long.
_SHORT_REASONS: Final = {
    "archived": "archived",
    "campaign_daily_budget": "own daily budget",
    "campaign_total_budget": "total budget",
    "daily_budget": "brand's daily budget",
    "flight": "outside its flight",
    "invalid": "invalid document",
    "manual": "by an operator",
    "monthly_budget": "brand's monthly budget",
    "schedule": "outside its windows",
}


class Column(NamedTuple):
    """A column of a table; `sort` is its name in the address where a list can be sorted by it."""

    label: str
    sort: str = ""
    number: bool = False
    hidden: bool = False
    wide: bool = False


def shown_money(micros: int) -> str:
    """Two fraction digits, rounded towards zero so that nothing looks used up before it is, thousands apart:
    1234567891 -> "1,234.56"."""
    sign = "-" if micros <= -MICROS // 100 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    return f"{sign}{whole:,}.{fraction * 100 // MICROS:02d}"


def local(moment: Moment, time_zone: str, form: str = "full") -> str:
    """The moment on the wall clock of a zone."""
    return local_time(time_zone, moment).strftime(_FORMS[form])


def span_words(milliseconds: int) -> str:
    """A length of time as `5 h 12 min`; minutes alone below an hour, days from two on."""
    hours, rest = divmod(max(0, milliseconds), HOUR)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {rest // MINUTE:02d} min" if hours else f"{rest // MINUTE} min"


def level(percent: int | None) -> str:
    """The class of a bar."""
    if percent is None:
        return "unlimited"
    if percent >= 100:
        return "gone"
    return "low" if percent >= _LITTLE_LEFT_PERCENT else "fine"


def _clamp(percent: int) -> int:
    return max(0, min(100, percent))


def _reason(name: str) -> str:
    return REASON_WORDS.get(name, name)


def _short_reason(name: str) -> str:
    return _SHORT_REASONS.get(name, name)


def _city(time_zone: str) -> str:
    """The place that a zone is named after."""
    return time_zone.rpartition("/")[2].replace("_", " ")


def _capitalized(text: str) -> str:
    """Jinja's own would make the rest small."""
    return text[:1].upper() + text[1:]


def axis_money(micros: int) -> str:
    """A round amount, as short as it can be: 1250000000 -> "1,250", 500000 -> "0.5"."""
    whole, fraction = divmod(micros, MICROS)
    return f"{whole:,}" + (f".{fraction:06d}".rstrip("0") if fraction else "")


def _before_place(words: str) -> str:
    """Of the words of a cause the part before its place on a topic, which stands elsewhere."""
    return words.partition(" (")[0]


def _belongs_to(path: str, target: str) -> bool:
    """Whether the page at `path` stands below the entry of the navigation; brands belong to the overview."""
    if target == "/brands":  # the list alone
        return path == target
    return path == target or path.startswith("/brands/" if target == "/" else f"{target}/")


def navigation(person: Person) -> list[tuple[str, str]]:
    """Address and name of the pages that a person may open."""
    return [*_PAGES, *(_PAGES_OF_ADMINS if person.may(Role.ADMIN) else ())]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "axis_money": axis_money,
    "before_place": _before_place,
    "belongs_to": _belongs_to,
    "capitalized": _capitalized,
    "cause_words": lambda told: cause_words(told.command),
    "city": _city,
    "clamp": _clamp,
    "exact_money": format_money,
    "level": level,
    "local": local,
    "moment_of": parse_moment,
    "reason": _reason,
    "short_reason": _short_reason,
    "shown_money": shown_money,
    "span": span_words,
    "utc": format_moment,
    "why_words": lambda told: why(told.command),
}

GLOBALS: Final[dict[str, Any]] = {"column": Column, "navigation": navigation}
