"""The base class of all tables: their metadata, names of constraints, and shared checks."""

from sqlalchemy import CheckConstraint, MetaData, String
from sqlalchemy.orm import DeclarativeBase

__all__ = ["Base", "budget_check", "id_check", "overrides_check", "text_check"]

_ID_PATTERN = "^[A-Za-z0-9._:-]{1,64}$"
_BUDGET_BELOW = 1_000_000_000_000


class Base(DeclarativeBase):
    """The base of all tables. A constraint's name is shown when it refuses a row, so it is a statement."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {str: String}  # noqa: RUF012


def id_check(column: str) -> CheckConstraint:
    """The check of an id, which is also a Kafka key and a part of addresses."""
    return CheckConstraint(f"{column} ~ '{_ID_PATTERN}'", f"{column}_has_the_form_of_an_id")


def budget_check(column: str) -> CheckConstraint:
    """The check of a budget: NULL, which is unlimited, passes; NaN, which compares above every number, does not."""
    below = f"{column} >= 0 AND {column} < {_BUDGET_BELOW}"
    return CheckConstraint(below, f"{column}_is_0_or_more_and_below_{_BUDGET_BELOW}")


def overrides_check() -> CheckConstraint:
    """The check that overrides are a JSON list; core.overrides checks its elements."""
    return CheckConstraint(
        "CASE jsonb_typeof(budget_overrides) WHEN 'array' THEN jsonb_array_length(budget_overrides) <= 100 "
        "ELSE false END",
        "budget_overrides_is_a_list_of_at_most_100",
    )


def text_check(column: str) -> CheckConstraint:
    return CheckConstraint(
        f"length({column}) <= 200 AND {column} !~ '[[:cntrl:]]'", f"{column}_is_up_to_200_printable_characters"
    )
