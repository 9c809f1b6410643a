"""The query parameters of an address: each once, and none that the route does not read."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from console.access.rights import session_person
from core.errors import RefusedValue
from models.errors import DatabaseAway

__all__ = ["PageQuery", "known_page_parameters", "known_parameters", "refuse_unknown"]

_NAME_SHOWN: Final = 64


class PageQuery:
    """A dependency of a page: the query parameters that it reads, as texts by name; absent ones are left out.

    A keyword lists the values that a parameter may have, beside none and the empty one; another is a RefusedValue.
    """

    def __init__(self, *names: str, **choices: Collection[str]) -> None:
        self.names: Final = frozenset(names) | frozenset(choices)
        self._choices = choices

    def __call__(self, request: Request) -> Mapping[str, str]:
        query = {name: request.query_params[name] for name in self.names if name in request.query_params}
        for name, choices in self._choices.items():
            if query.get(name) and query[name] not in choices:
                raise RefusedValue(f"The parameter {name!r} is refused: write {' or '.join(choices)}, or leave it out.")
        return query


async def known_parameters(request: Request) -> None:
    """A dependency of every route of the API: a filter that is misspelt must not ask for everything."""
    _refuse_unread(request)


async def known_page_parameters(request: Request) -> None:
    """A dependency of every page, as `known_parameters` is of the API."""
    try:
        _refuse_unread(request)
    except RefusedValue:
        with suppress(DatabaseAway):  # the problem page has the navigation of whoever is signed in
            await session_person(request)
        raise


def _refuse_unread(request: Request) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    route = request.scope.get("route")
    if names and isinstance(route, APIRoute):
        lists = {field.alias for field in route.dependant.query_params if _is_list(field.field_info.annotation)}
        refuse_unknown(names, set(_parameters(route.dependant)), lists)


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    if isinstance(dependant.call, PageQuery):
        yield from dependant.call.names
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def refuse_unknown(names: Iterable[str], known: Collection[str], lists: Collection[str] = ()) -> None:
    """Raises RefusedValue for a name that is not `known`, or that is given twice and is not one of `lists`."""
    seen: set[str] = set()
    for name in names:
        if name not in known:
            there_are = f"there are {', '.join(sorted(known))}" if known else "there are none at this address"
            raise RefusedValue(f"There is no parameter {name[:_NAME_SHOWN]!r}: {there_are}.")
        if name in seen and name not in lists:
            raise RefusedValue(f"The parameter {name[:_NAME_SHOWN]!r} stands there twice: write it once.")
        seen.add(name)
