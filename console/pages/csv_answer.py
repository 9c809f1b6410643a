"""A CSV file as an answer, sent as it is read."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from operations.csv_export import csv_pieces

__all__ = ["csv_answer"]


class _Csv(StreamingResponse):
    """A streamed file that counts against the limits of exports while it is sent."""

    share: Callable[[], AbstractContextManager[None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.share():
            await super().__call__(scope, receive, send)


def csv_answer(
    name: str,
    header: tuple[str, ...],
    rows: Iterable[Iterable[str | int | None]],
    share: Callable[[], AbstractContextManager[None]],
) -> Response:
    """The file `spendgate-NAME.csv`; `share` is entered while it is sent."""
    response = _Csv(
        csv_pieces(header, (list(row) for row in rows)),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="spendgate-{name}.csv"'},
    )
    response.share = share
    return response
