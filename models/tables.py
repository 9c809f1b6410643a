"""Every table of the database, for migrations: a model that is not imported here is not compared."""

from models import brand, campaign, catalog_outbox, change, daypart_window
from models.base import Base

__all__ = ["brand", "campaign", "catalog_outbox", "change", "daypart_window", "metadata"]

metadata = Base.metadata
