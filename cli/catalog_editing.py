"""Helpers that several command groups share: the actor of an edit, its transaction, and asynchronous calls."""

import asyncio
import getpass
import logging
import os
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cli import output

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from models.tables.catalog_change import CatalogChange
    from operations.catalog_views import Json
    from streams.settings import Settings

__all__ = [
    "REMOVE_OVERRIDE",
    "actor",
    "change_line",
    "editing",
    "field_changes_text",
    "no_option_given",
    "run_async",
    "show_history",
]

_Answer = TypeVar("_Answer")

#: The help of an option that brands and campaigns share.
REMOVE_OVERRIDE = "Dates on which no override shall be in force any more, such as 2026-11-27..2026-11-30, or all."


def actor(settings: "Settings") -> str:
    """The name of whoever makes an edit, as the change history shows it: `cli:` and SPENDGATE_ACTOR, else the system
    user."""
    return f"cli:{settings.actor or _user()}"


@contextmanager
def editing(settings: "Settings") -> Iterator["Session"]:
    """One transaction. When the block ends, it is committed and the broker has the documents of the edited records.
    Raises Unreachable where the broker does not answer: the edit is kept and published later."""
    from models.queries.catalog_edits import edited_record_keys
    from models.session import session_scope
    from schedulers.catalog_relay.relay import publish_edit

    with session_scope(settings.database) as session:
        yield session
    _silence_clients()
    publish_edit(settings, edited_record_keys(session))


def run_async(call: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Run a call that uses the broker to its end, without the log lines of its clients. Returns its result."""
    _silence_clients()
    return asyncio.run(call)


def no_option_given(*options: object) -> bool:
    """Whether every option has the value of one that was left out: None, or an empty list."""
    return all(option is None or option == [] for option in options)


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


def field_changes_text(fields: "Mapping[str, Json]") -> str:
    """Each field with what it was and what it becomes; of a new one what it is."""
    return "; ".join(f"{name}: {_change_text(change)}" for name, change in fields.items())


def _change_text(change: "Json") -> str:
    assert isinstance(change, dict)
    before, after = change["from"], change["to"]
    return _value(after) if before is None else f"{_value(before)} -> {_value(after)}"


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
    import structlog

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
