"""Helpers that several command groups share: the actor of an edit, its transaction, and asynchronous calls."""

import getpass
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.calendar import Zones
    from core.overrides import Overrides
    from models.tables.catalog_change import CatalogChange
    from operations.catalog_views import Json
    from streams.settings import Settings

__all__ = [
    "REMOVE_OVERRIDE",
    "OverrideOptions",
    "actor",
    "add_action_commands",
    "change_line",
    "checked_options",
    "editing",
    "field_changes_text",
    "require_option",
    "run_async",
    "show_history",
]

_Answer = TypeVar("_Answer")

#: How long an edit waits for the relay of a scheduler, and how much longer for each document of an edit of many.
_RELAY_SECONDS: Final = 1.0
_SECONDS_PER_DOCUMENT: Final = 0.005
#: The help of an option that brands and campaigns share.
REMOVE_OVERRIDE = "Dates on which no override shall be in force any more, such as 2026-11-27..2026-11-30, or all."


def actor(settings: "Settings") -> str:
    """The name of whoever makes an edit, as the change history shows it: `cli:` and SPENDGATE_ACTOR, else the system
    user."""
    return f"cli:{settings.actor or _user()}"


@contextmanager
def editing(settings: "Settings") -> Iterator["Session"]:
    """One transaction. When the block ends, it is committed and the broker has the documents of what was edited, from
    the relay of a running scheduler or else from this process. Raises Unreachable where the broker does not answer: the
    edit is kept and published later."""
    from models.queries.catalog_edits import edited_record_keys
    from models.running_relay import published_by_relay
    from models.session import session_scope

    with session_scope(settings.database) as session:
        yield session
    record_keys = edited_record_keys(session)
    if published_by_relay(settings.database, record_keys, _RELAY_SECONDS + _SECONDS_PER_DOCUMENT * len(record_keys)):
        return
    from schedulers.catalog_relay.relay import publish_edit

    _silence_clients()
    publish_edit(settings, record_keys)


def add_action_commands(group: CommandGroup, kind: str, id_argument: Any, helps: Mapping[str, str]) -> None:
    """Add a command for each action in `helps`, which maps the name of a CatalogAction to the help. `kind` is `brand`
    or `campaign`."""
    for name, text in helps.items():
        group.command(name, help=text)(_action_command(kind, id_argument, name))


def run_async(call: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run a call that uses the broker to its end, without the log lines of its clients. Returns its result."""
    import asyncio

    _silence_clients()
    return asyncio.run(call)


class OverrideOptions(NamedTuple):
    """The options of budgets for certain dates, which brands and campaigns share."""

    budget_today: str | None
    added: list[str]
    removed: list[str]

    @property
    def given(self) -> bool:
        return any(_is_given(option) for option in self)

    def edited(self, held: "Overrides", zones: "Zones", *, has_monthly: bool) -> "Overrides":
        """The overrides `held` after the edit, today. Raises RefusedValue for an invalid one."""
        from core.calendar import date_of
        from operations.budget_overrides import edited_overrides

        today = date_of(zones, current_moment())
        return edited_overrides(
            held,
            today,
            budget_today=self.budget_today,
            added=self.added,
            removed=self.removed,
            has_monthly=has_monthly,
        )


def require_option(command: str, *options: object) -> None:
    """Raises RefusedValue where no option was given: each is None, or an empty list."""
    from core.errors import RefusedValue

    if not any(_is_given(option) for option in options):
        raise RefusedValue(f"Nothing to change was named: see `spendgate {command} --help`.")


def checked_options(**options: tuple[str | None, Callable[[str], Any]]) -> dict[str, Any]:
    """The values of the fields whose options were given: of each its text, and what checks it. Raises RefusedValue."""
    return {field: check(text) for field, (text, check) in options.items() if text is not None}


def _action_command(kind: str, id_argument: Any, name: str) -> Callable[[str], None]:
    def command(row_id: str = id_argument) -> None:
        from models.tables.catalog_change import CatalogEntity
        from operations import validation
        from operations.catalog_actions import CatalogAction
        from operations.catalog_views import row_view

        action, settings = CatalogAction(name), load_settings()
        row_id = validation.identifier(kind, row_id)
        with editing(settings) as session:
            row = action.apply(session, CatalogEntity(kind), row_id, actor=actor(settings))
        output.show(row_view(row), f"{kind} {row_id} is {action.result}")

    return command


def _is_given(option: object) -> bool:
    return option is not None and option != []


def show_history(changes: "Sequence[CatalogChange]") -> None:
    """Print changes in the order in which they are given."""
    from operations.catalog_views import change_view

    views = [change_view(change) for change in changes]
    text = "\n".join(change_line(view) for view in views)
    output.show(views, text)


def change_line(view: "Mapping[str, Json]") -> str:
    """One change: when, who, what, from what to what."""
    fields = view["fields"]
    assert isinstance(fields, dict)
    thing = view["campaign_id"] or view["brand_id"]
    note = f"  ({view['note']})" if view["note"] else ""
    return f"{view['changed_at']}  {view['actor']}  {view['kind']} {thing}  {field_changes_text(fields)}{note}"


def field_changes_text(fields: "Mapping[str, Json]", currency: str = "") -> str:
    """Each field with what it was and what it becomes, of a new one what it is; `currency` stands behind amounts."""
    return "; ".join(f"{name}: {_change_text(name, change, currency)}" for name, change in fields.items())


def _change_text(name: str, change: "Json", currency: str) -> str:
    assert isinstance(change, dict)
    before, after = change["from"], change["to"]
    text = _value(after) if before is None else f"{_value(before)} -> {_value(after)}"
    has_amount = bool(after) and (name.endswith("_budget") or name == "budget_overrides")
    return f"{text} {currency}" if currency and has_amount else text


def _value(value: "Json") -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, dict):
        from operations.catalog_views import override_text, window_text

        return window_text(value) if "days" in value else override_text(value)
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _silence_clients() -> None:
    """Clients log each attempt; a command prints one sentence when it fails."""
    from models.lazy_log import before_logging

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    before_logging(_log_warnings_on_stderr)


def _log_warnings_on_stderr() -> None:
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
