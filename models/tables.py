"""Every table of the database, for migrations: a model that is not imported here is not compared."""

from models import account, brand, campaign, catalog_outbox, change, control_log, daypart_window, spend_log
from models.base import Base

__all__ = [
    "account",
    "brand",
    "campaign",
    "catalog_outbox",
    "change",
    "control_log",
    "daypart_window",
    "metadata",
    "spend_log",
]

metadata = Base.metadata
