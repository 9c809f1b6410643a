"""A command that is missing in the journal is told once, and nothing that is there is ever called missing."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from streams.core.partitioner import partition_of
from streams.ledger import metrics
from streams.ledger.database import LedgerDatabase
from streams.settings import Settings
from streams.topics import Topic
from tests.docs.messages import command_message
from tests.ledger.conftest import Books, RunningLedger
from tests.streams.broker import Broker

NewLedger = Callable[[], RunningLedger]

COUNT = "SELECT count(*) FROM control_log"
WARNING = "commands_missing_in_the_journal"
