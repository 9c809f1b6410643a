"""The filters and globals of the Jinja templates: money, moments, durations, levels, words. Pure."""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from console.rendering.clock_words import local_time
from console.rendering.ids_in_addresses import in_address
from core.moment import HOUR, MINUTE, SECOND, Moment, format_moment, parse_moment
from core.money import MICROS, format_money
from operations.accounts.person import Person, Role
from operations.command_words import cause_sentence, feed_group, reason_sentence
from operations.near_moment import near_text
from operations.reason_words import command_in_words

__all__ = ["FILTERS", "GLOBALS", "TableColumn", "duration_text", "level", "local", "short_reason", "shown_money"]

#: A bar shows "low" from here.
_LITTLE_LEFT_PERCENT: Final = 80
#: strftime of each form.
_FORMS: Final = {
    "clock": "%H:%M",
    "day": "%a %-d %b %Y",
    "feed": "%a %-d %b %H:%M:%S",
    "full": "%a %-d %b %Y %H:%M:%S",
}
_PAGES: Final = (
    ("/", "Overview"),
    ("/brands", "Brands"),
    ("/campaigns", "Campaigns"),
    ("/feed", "Feed"),
    ("/spend", "Spend"),
    ("/commands", "Commands"),
    ("/changes", "Changes"),
    ("/dead-letters", "Dead letters"),
)
_PAGES_OF_ADMINS: Final = (("/users", "Users"), ("/tokens", "Tokens"), ("/channels", "Channels"))

#: Shorter than those of `operations.reason_words`, for lists.
_SHORT_REASONS: Final = {
    "archived": "archived",
    "campaign_daily_budget": "own daily budget",
    "campaign_total_budget": "total budget",
    "daily_budget": "brand's daily budget",
    "flight": "outside its flight",
    "invalid": "invalid document",
    "manual": "by an operator",
    "monthly_budget": "brand's monthly budget",
    "pacing": "brand's allowance for today",
    "schedule": "outside its windows",
}


class TableColumn(NamedTuple):
    """A column of a table; `sort` is its name in the address where a list can be sorted by it."""

    label: str
    sort: str = ""
    number: bool = False
    hidden: bool = False
    wide: bool = False


def shown_money(micros: int) -> str:
    """Micros as text with two fraction digits and thousands separators: 1234567891 -> "1,234.56". Rounded towards zero,
    so that no budget looks used up before it is."""
    sign = "-" if micros <= -MICROS // 100 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    return f"{sign}{whole:,}.{fraction * 100 // MICROS:02d}"


def local(moment: Moment, time_zone: str, form: str = "full", now: Moment | None = None) -> str:
    """The moment by the wall clock of the zone, in a form of `_FORMS` or, seen from `now`, no longer than it must be:
    `near` as `near_text` has it, `nearest` a time alone on the same day."""
    at = local_time(time_zone, moment)
    if form in ("near", "nearest"):
        assert now is not None, "without it nobody knows which day a weekday means"
        seen_from = local_time(time_zone, now)
        if form == "near" or at.date() != seen_from.date():
            return near_text(at, seen_from)
        form = "clock"
    return at.strftime(_FORMS[form])


def duration_text(milliseconds: int) -> str:
    """A duration such as `13 s`, `42 min`, `5 h 12 min` and, from 48 hours, `2 d 3 h`."""
    if milliseconds < MINUTE:
        return f"{max(0, milliseconds) // SECOND} s"
    hours, rest = divmod(max(0, milliseconds), HOUR)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {rest // MINUTE:02d} min" if hours else f"{rest // MINUTE} min"


def level(percent: int | None) -> str:
    """The CSS class of a bar."""
    if percent is None:
        return "unlimited"
    if percent >= 100:
        return "gone"
    return "low" if percent >= _LITTLE_LEFT_PERCENT else "fine"


def _clamp(percent: int) -> int:
    return max(0, min(100, percent))


def short_reason(name: str, flight_is_over: bool | None = None) -> str:
    if name == "flight" and flight_is_over is not None:
        return "flight over" if flight_is_over else "flight not begun"
    return _SHORT_REASONS.get(name, name)


def _city(time_zone: str) -> str:
    """The city in the name of a zone."""
    return time_zone.rpartition("/")[2].replace("_", " ")


def _capitalized(text: str) -> str:
    """Jinja's `capitalize` would lower the rest."""
    return text[:1].upper() + text[1:]


def axis_money(micros: int) -> str:
    """Micros without trailing zeros: 1250000000 -> "1,250", 500000 -> "0.5"."""
    whole, fraction = divmod(micros, MICROS)
    return f"{whole:,}" + (f".{fraction:06d}".rstrip("0") if fraction else "")


def isolated(name: str) -> Markup:
    """A name that people have typed, in its own direction, whichever the text around it has. Not for attributes."""
    return Markup("<bdi>{}</bdi>").format(name)


def _with_code(text: str) -> Markup:
    """Text in which names stand between backticks."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704, all of it is escaped


def _before_place(words: str) -> str:
    """A cause sentence without its position on the topic, which a list shows in a column."""
    return words.partition(" (")[0]


def _belongs_to(path: str, target: str) -> bool:
    """Whether the navigation entry `target` is that of the page at `path`; pages of brands belong to the overview."""
    if target == "/brands":  # the list alone
        return path == target
    return path == target or path.startswith("/brands/" if target == "/" else f"{target}/")


def navigation(person: Person) -> list[tuple[str, str]]:
    """(path, name) of the pages that the person's role may open."""
    return [*_PAGES, *(_PAGES_OF_ADMINS if person.may(Role.ADMIN) else ())]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "axis_money": axis_money,
    "before_place": _before_place,
    "belongs_to": _belongs_to,
    "capitalized": _capitalized,
    "cause_words": lambda received: cause_sentence(received.command),
    "city": _city,
    "clamp": _clamp,
    "command_in_words": command_in_words,
    "exact_money": format_money,
    "first_sentence": lambda text: text.partition(". ")[0].removesuffix("."),
    "feed_group": lambda received: feed_group(received.command),
    "in_address": in_address,
    "isolated": isolated,
    "level": level,
    "local": local,
    "moment_of": parse_moment,
    "short_reason": short_reason,
    "shown_money": shown_money,
    "span": duration_text,
    "utc": format_moment,
    "why_words": lambda received: reason_sentence(received.command),
    "with_code": _with_code,
}

GLOBALS: Final[dict[str, Any]] = {"column": TableColumn, "navigation": navigation}
