"""Every table of the database, for migrations: a model that is not imported here is not compared."""

from models import brand, campaign, catalog_outbox, change, control_log, daypart_window, replay_run, spend_log
from models.base import Base

__all__ = [
    "brand",
    "campaign",
    "catalog_outbox",
    "change",
    "control_log",
    "daypart_window",
    "metadata",
    "replay_run",
    "spend_log",
]

metadata = Base.metadata
