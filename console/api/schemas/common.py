"""What several schemas have in common, and the problem document."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ["Answer", "Day", "Moment", "Money", "Problem"]

Money = Annotated[str, Meta(pattern=r"^-?[0-9]+\.[0-9]{2,6}$")]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer has these fields and no others."""


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457. Some problems have more members."""

    type: str
    title: str
    status: int
    detail: str
