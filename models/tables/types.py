"""Column types: money as whole micros (NUMERIC(18,6)), moments as whole milliseconds, budget overrides as JSON."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
from sqlalchemy import DateTime, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from core.overrides import Overrides, override_documents, read_overrides
from core.records import BudgetOverrideDocument

__all__ = [
    "MomentColumn",
    "MoneyColumn",
    "OverridesColumn",
]

_MICROS = -6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class MoneyColumn(TypeDecorator[int]):
    """Micros (int) in Python, NUMERIC(18,6) in SQL, so that people who read the table see money."""

    impl = Numeric(18, 6)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(_MICROS)

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value.scaleb(-_MICROS))


class MomentColumn(TypeDecorator[int]):
    """Milliseconds since the epoch (int) in Python, TIMESTAMP WITH TIME ZONE in SQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MILLISECOND

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MILLISECOND


class OverridesColumn(TypeDecorator[Overrides]):
    """`Overrides` in Python, in SQL the list of a catalog document."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Overrides | None, dialect: Dialect) -> object:
        return None if value is None else msgspec.to_builtins(override_documents(value))

    def process_result_value(self, value: object, dialect: Dialect) -> Overrides | None:
        return None if value is None else read_overrides(msgspec.convert(value, list[BudgetOverrideDocument]))
