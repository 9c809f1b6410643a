"""The schemas of answers: the OpenAPI document is generated from them, and tests validate every answer by it."""

from console.api.schemas.catalog import (
    BrandPage,
    BrandRow,
    BrandView,
    CampaignPage,
    CampaignRow,
    CampaignSchedule,
    CampaignView,
    ChangePage,
    Windows,
)
from console.api.schemas.catalog_file import CatalogApplied, CatalogPlan
from console.api.schemas.channels import ChannelAdded, ChannelPage, ChannelView, Notification, NotificationPage
from console.api.schemas.common import Problem
from console.api.schemas.control import Ack, Acks, CampaignCommand, CommandOverspend, CommandPage
from console.api.schemas.dead_letters import DeadLetterDetail, DeadLetterList, DeadLetterOutcome
from console.api.schemas.operation import ReconcileResult, Status
from console.api.schemas.past import CampaignTimeline, MonthReport, SpendSums, WhatIfResult
from console.api.schemas.spend import NewSnapshot, NewSpend, Published, PublishedSnapshots, SpendPage

__all__ = [
    "Ack",
    "Acks",
    "BrandPage",
    "BrandRow",
    "BrandView",
    "CampaignCommand",
    "CampaignPage",
    "CampaignRow",
    "CampaignSchedule",
    "CampaignTimeline",
    "CampaignView",
    "CatalogApplied",
    "CatalogPlan",
    "ChangePage",
    "ChannelAdded",
    "ChannelPage",
    "ChannelView",
    "CommandOverspend",
    "CommandPage",
    "DeadLetterDetail",
    "DeadLetterList",
    "DeadLetterOutcome",
    "MonthReport",
    "NewSnapshot",
    "NewSpend",
    "Notification",
    "NotificationPage",
    "Problem",
    "Published",
    "PublishedSnapshots",
    "ReconcileResult",
    "SpendPage",
    "SpendSums",
    "Status",
    "WhatIfResult",
    "Windows",
]
