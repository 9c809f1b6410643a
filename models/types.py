"""Columns whose values are ours: money as whole micros, moments as whole milliseconds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import DateTime, Numeric
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

__all__ = ["MomentColumn", "MoneyColumn", "money_text"]

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


def money_text(micros: int) -> str:
    """Micros as the change history tells them: two to six fraction digits."""
    whole, fraction = f"{Decimal(micros).scaleb(_MICROS):.6f}".split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
