"""Which process of a run with pytest-xdist runs which tests, and in what order.

A file is one process's own, so that what its tests share is made once. The longest files are begun first, so that none
is left running alone at the end; where their tests share nothing, each goes to whichever process is free.
"""

from collections.abc import Sequence, Set
from functools import cached_property
from typing import Final

import pytest
from execnet.xspec import XSpec
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.preloaded import PreloadedProcess
from tests.shared_services import SharedServices

__all__ = ["Distribution", "turn_of"]

#: How many processes have an installation: each takes 4 CPU seconds to start, and its worker alone 3 % of a core while
#: it waits, two thirds of that in the broker. Tests that use one are a third of a run.
INSTALLATIONS: Final = 3

#: With fewer processes than this each of them imports for itself: it would wait longer for another to have imported.
PRELOADED: Final = 3

#: They take minutes; the longest first.
_MINUTES: Final = (
    "tests/faults/test_cluster.py",
    "tests/faults/test_random.py",
    "tests/faults/test_network.py",
    "tests/faults/test_away.py",
)
_SPREAD: Final = (
    "tests/faults/test_away.py",
    "tests/faults/test_network.py",
    "tests/faults/test_random.py",
    "tests/faults/test_schedulers.py",
    "tests/faults/test_stopped_flush.py",
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
    "tests/cli/test_framework.py",
    "tests/cli/test_simulate.py",
    "tests/cli/test_up.py",
    "tests/cli/test_up_secured.py",
    "tests/console/access/test_sign_in.py",
    "tests/console/pages/browser/",
    "tests/deploy/",
    "tests/faults/",
    "tests/fuzz/test_bombs.py",
    "tests/ledger/reconcile/test_reconcile.py",
    "tests/models/migrations/test_upgrades.py",
    "tests/notifier/",
    "tests/schedulers/catalog_relay/test_relay.py",
    "tests/schedulers/test_run.py",
    "tests/simulation/test_defects.py",
    "tests/simulation/test_many_brands.py",
    "tests/simulation/test_simulation.py",
    "tests/streams/kafka/test_follower.py",
    "tests/streams/kafka/test_open_transactions.py",
    "tests/streams/worker/",
)


def turn_of(nodeid: str) -> int:
    """A test with a lower one is begun before the others."""
    turns = (*_MINUTES, _LONGEST)
    return next((turn for turn, begins in enumerate(turns) if nodeid.startswith(begins)), len(turns))


class _ByFile(LoadScopeScheduling):
    """A process that has an installation (`tests/installation.py`) and what serves it takes the tests that use one, the
    others the tests that do without, as long as there are such."""

    def __init__(self, config: pytest.Config, log: Producer, services: SharedServices) -> None:
        super().__init__(config, log)
        self._services = services
        self._installed: set[WorkerController] = set()

    @cached_property
    def _users(self) -> dict[str, Set[str]]:
        """Tests by what they use; known when they are collected."""
        return self._services.users()

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_SECURED):
            return "secured"
        return nodeid if nodeid.startswith(_SPREAD) else nodeid.split("::", 1)[0]

    def _reschedule(self, node: WorkerController) -> None:
        """A process knows the test that it runs and the next. By itself xdist gives it more while it has two: at the
        end of a run a file would wait behind both while others have nothing to do."""
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)

    def _assign_work_unit(self, node: WorkerController) -> None:
        scope = self._next_scope(node)
        self.workqueue.move_to_end(scope, last=False)
        if self._uses(scope, "surroundings"):
            self._installed.add(node)
        super()._assign_work_unit(node)

    def _next_scope(self, node: WorkerController) -> str:
        first = next(iter(self.workqueue))
        if not any(self._uses(first, name) for name in self._users):
            return first
        installs = node in self._installed or len(self._installed) < INSTALLATIONS
        fitting = (it for it in self.workqueue if self._uses(it, "surroundings") == installs)
        return next(fitting, first)

    def _uses(self, scope: str, fixture: str) -> bool:
        return not self._users[fixture].isdisjoint(self.workqueue[scope])


class Distribution:
    """The plugin of the controlling process."""

    def __init__(self, services: SharedServices) -> None:
        self._services = services
        self._preloaded: PreloadedProcess | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[XSpec]) -> None:
        if len(specs) < PRELOADED:
            return
        self._preloaded = PreloadedProcess(
            self._services.folder / "preloaded", [str(it) for it in config.invocation_params.args]
        )
        for spec in specs:
            if spec.popen and not spec.python:
                spec.python = self._preloaded.python

    def pytest_unconfigure(self) -> None:
        if self._preloaded:
            self._preloaded.end()

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> _ByFile:
        return _ByFile(config, log, self._services)
