"""The schemas of answers: the OpenAPI document is generated from them, and tests validate every answer by it."""

from console.api.schemas.catalog import (
    BrandPage,
    BrandRow,
    BrandView,
    CampaignPage,
    CampaignRow,
    CampaignView,
    ChangePage,
    Schedule,
    Windows,
)
from console.api.schemas.catalog_file import CatalogApplied, CatalogPlan
from console.api.schemas.channels import ChannelAdded, ChannelPage, ChannelView, Notification, NotificationPage
from console.api.schemas.common import Problem
from console.api.schemas.control import Ack, Acks, Command, CommandPage, Overspend
from console.api.schemas.dead_letters import Letter, LetterOutcome, LetterPage
from console.api.schemas.operation import Reconciliation, Status
from console.api.schemas.past import Report, SpendSums, Timeline, WhatIf
from console.api.schemas.spend import NewSnapshot, NewSpend, Published, PublishedSnapshots, SpendPage

__all__ = [
    "Ack",
    "Acks",
    "BrandPage",
    "BrandRow",
    "BrandView",
    "CampaignPage",
    "CampaignRow",
    "CampaignView",
    "CatalogApplied",
    "CatalogPlan",
    "ChangePage",
    "ChannelAdded",
    "ChannelPage",
    "ChannelView",
    "Command",
    "CommandPage",
    "Letter",
    "LetterOutcome",
    "LetterPage",
    "NewSnapshot",
    "NewSpend",
    "Notification",
    "NotificationPage",
    "Overspend",
    "Problem",
    "Published",
    "PublishedSnapshots",
    "Reconciliation",
    "Report",
    "Schedule",
    "SpendPage",
    "SpendSums",
    "Status",
    "Timeline",
    "WhatIf",
    "Windows",
]
