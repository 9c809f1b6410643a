"""A form that was sent after its session had ended: it goes through the sign-in page, so that nothing typed is lost."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from console.access.csrf import FIELD, FIELDS_MAX, is_same_origin

__all__ = ["UnsentForm"]

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
#: A form with one of these fields is typed anew: a password does not go into a page.
_SECRETS: Final = frozenset({"password", "present", "new", "again"})


class UnsentForm(NamedTuple):
    """The address of the form and its fields, urlencoded, without the token of the session that has ended."""

    path: str
    fields: str

    @classmethod
    async def of_request(cls, request: Request) -> Self | None:
        """The form in a request; None for one without fields, with a password, or from another site, which may not
        plant one."""
        if request.method != "POST" or not request.headers.get("content-type", "").startswith(_FORMS):
            return None
        if not is_same_origin(request):
            return None
        async with request.form(max_fields=FIELDS_MAX) as form:
            fields = [(name, value) for name, value in form.multi_items() if name != FIELD and isinstance(value, str)]
        if not fields or not _SECRETS.isdisjoint(name for name, _ in fields):
            return None
        return cls(request.url.path, urlencode(fields))

    @classmethod
    def of_sign_in(cls, form: Mapping[str, object]) -> Self | None:
        """The form that the sign-in page has sent along; None for more fields than a form may have."""
        path, fields = str(form.get("unsent_path") or ""), str(form.get("unsent_fields") or "")
        return cls(path, fields) if path and fields and fields.count("&") < FIELDS_MAX else None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.fields, keep_blank_values=True)
