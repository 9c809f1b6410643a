"""Which process of a run with pytest-xdist runs which tests, and in what order.

A file is one process's own, so that what its tests share is made once. The longest files are begun first, so that none
is left running alone at the end; where their tests share nothing, each goes to whichever process is free.
"""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

__all__ = ["Distribution", "is_of_longest"]

_SPREAD: Final = (
    "tests/fuzz/test_every_topic.py",
    "tests/ledger/ingest/test_ledger_process.py",
    "tests/ledger/reconcile/test_restored_database.py",
    "tests/ledger/replay/test_replay.py",
    "tests/local/test_parent_death.py",
    "tests/streams/worker/test_heartbeat.py",
    "tests/streams/worker/test_hostile_batches.py",
    "tests/streams/worker/test_kills.py",
    "tests/streams/worker/test_operators.py",
    "tests/streams/worker/test_refused_writes.py",
    "tests/streams/worker/test_scenarios_on_kafka.py",
    "tests/streams/worker/test_watchdog.py",
)
#: They share a broker that asks for passwords, and one of them makes it stand still: one process runs them all.
_SECURED: Final = (
    "tests/cli/test_secured.py",
    "tests/streams/kafka/test_closing.py",
    "tests/streams/kafka/test_entries.py",
    "tests/streams/kafka/test_failures.py",
    "tests/streams/worker/test_app.py",
)
_LONGEST: Final = (
    *_SPREAD,
    *_SECURED,
    "tests/cli/test_simulate.py",
    "tests/cli/test_up.py",
    "tests/console/pages/browser/",
    "tests/faults/",
    "tests/fuzz/test_bombs.py",
    "tests/models/migrations/test_upgrades.py",
    "tests/simulation/test_defects.py",
    "tests/simulation/test_simulation.py",
    "tests/streams/worker/",
)


def is_of_longest(nodeid: str) -> bool:
    return nodeid.startswith(_LONGEST)


class _ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_SECURED):
            return "secured"
        return nodeid if nodeid.startswith(_SPREAD) else nodeid.split("::", 1)[0]


class Distribution:
    """The plugin of the controlling process."""

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> _ByFile:
        return _ByFile(config, log)
