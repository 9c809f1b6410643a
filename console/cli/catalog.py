"""What editing and showing brands and campaigns have in common on the command line."""

import asyncio
import getpass
import logging
import os
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from console.cli import output

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from console.views import Json
    from models.change import Change
    from streams.settings import Settings

__all__ = ["actor", "ask", "change_line", "editing", "nothing_given", "show_history"]

_Answer = TypeVar("_Answer")


def actor(settings: "Settings") -> str:
    """Who stands in the change history."""
    return f"cli:{settings.actor or _user()}"


@contextmanager
def editing(settings: "Settings") -> Iterator["Session"]:
    """One transaction; when it is left, the broker has the documents of what was edited."""
    from models.session import session_scope
    from schedulers.relay import publish_edit

    with session_scope(settings.database) as session:
        yield session
    _quiet()
    publish_edit(settings)


def ask(question: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The answer of something that talks to the broker."""
    _quiet()
    return asyncio.run(question)


def nothing_given(*options: object) -> bool:
    return all(option is None or option == [] for option in options)


def show_history(changes: "Sequence[Change]") -> None:
    """Newest first."""
    from console.views import change_view

    views = [change_view(change) for change in changes]
    text = "\n".join(change_line(view) for view in views)
    output.show(views, text)


def change_line(view: "Mapping[str, Json]") -> str:
    """One change: when, who, what, from what to what."""
    fields = view["fields"]
    assert isinstance(fields, dict)
    thing = view["campaign_id"] or view["brand_id"]
    told = "; ".join(f"{name}: {_told(change)}" for name, change in fields.items())
    return f"{view['changed_at']}  {view['actor']}  {view['kind']} {thing}  {told}"


def _told(change: "Json") -> str:
    assert isinstance(change, dict)
    before, after = change["from"], change["to"]
    return _value(after) if before is None else f"{_value(before)} -> {_value(after)}"


def _value(value: "Json") -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, dict):
        from console.views import window_text

        return window_text(value)
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _quiet() -> None:
    """Clients log every attempt; what a person has to know of it is the one sentence at the end."""
    import structlog

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
