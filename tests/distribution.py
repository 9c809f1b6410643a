"""Which process of a run with pytest-xdist runs which tests, and in what order.

A file is one process's own, so that what its tests share is made once. The longest files are begun first, so that none
is left running alone at the end; where their tests share nothing, each goes to whichever process is free. Half of the
processes begin with tests that wait most of their time, the others with those that compute: the cores have work all the
time, and the waiting ones are not left to the end.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from enum import Enum, auto
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
    "tests/cli/test_one_right_less.py",
    "tests/cli/test_secured.py",
    "tests/streams/kafka/test_closing.py",
    "tests/streams/kafka/test_entries.py",
    "tests/streams/kafka/test_failures.py",
    "tests/streams/kafka/test_rights_taken_away.py",
    "tests/streams/worker/test_app.py",
)
#: They wait for sessions that end, transactions that time out, brokers and databases that are away: per second, a tenth
#: of a core and less.
_WAITING: Final = (
    *_SPREAD,
    *_SECURED,
    "tests/faults/",
    "tests/fuzz/test_bombs.py",
    "tests/ledger/reconcile/test_reconcile.py",
    "tests/schedulers/catalog_relay/test_relay.py",
    "tests/streams/kafka/test_open_transactions.py",
    "tests/streams/kafka/test_silent_brokers.py",
    "tests/streams/worker/test_joins.py",
    "tests/streams/worker/test_lost_transactions.py",
    "tests/streams/worker/test_producers.py",
    "tests/streams/worker/test_transaction.py",
    "tests/streams/worker/test_unopened.py",
)
_LONGEST: Final = (
    *_WAITING,
    "tests/cli/test_framework.py",
    "tests/cli/test_simulate.py",
    "tests/cli/test_up.py",
    "tests/cli/test_up_secured.py",
    "tests/console/access/test_sign_in.py",
    "tests/console/pages/browser/",
    "tests/deploy/",
    "tests/local/test_kafka.py",
    "tests/models/migrations/test_upgrades.py",
    "tests/notifier/",
    "tests/schedulers/test_run.py",
    "tests/simulation/test_defects.py",
    "tests/simulation/test_many_brands.py",
    "tests/simulation/test_simulation.py",
    "tests/streams/kafka/test_follower.py",
    "tests/streams/kafka/test_rebootstrap.py",
    "tests/streams/worker/",
)


def turn_of(nodeid: str) -> int:
    """A test with a lower one is begun before the others."""
    turns = (*_MINUTES, _LONGEST)
    return next((turn for turn, begins in enumerate(turns) if nodeid.startswith(begins)), len(turns))


class _Kind(Enum):
    """What a scope is to whoever distributes it."""

    WAITING = auto()
    #: Uses no service of the run.
    ALONE = auto()
    #: Uses an installation (`tests/installation.py`).
    INSTALLED = auto()
    SERVED = auto()


class _ByFile(LoadScopeScheduling):
    """A process that has an installation and what serves it takes the tests that use one, the others the tests that do
    without, as long as there are such."""

    def __init__(self, config: pytest.Config, log: Producer, services: SharedServices) -> None:
        super().__init__(config, log)
        self._services = services
        self._installed: set[WorkerController] = set()
        self._begun: list[WorkerController] = []

    @cached_property
    def _kinds(self) -> dict[str, _Kind]:
        """Of all scopes: it is asked for before the first is assigned."""
        users = self._services.users()
        return {scope: _kind(tests, users) for scope, tests in self.workqueue.items()}

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
        if node not in self._begun:
            self._begun.append(node)
        scope = self._next_scope(node)
        self.workqueue.move_to_end(scope, last=False)
        if self._kinds[scope] is _Kind.INSTALLED:
            self._installed.add(node)
        super()._assign_work_unit(node)

    def _next_scope(self, node: WorkerController) -> str:
        """The first of the kind that the process takes rather than others."""
        installs = node in self._installed or len(self._installed) < INSTALLATIONS
        own = _Kind.INSTALLED if installs else _Kind.SERVED
        waits = self._begun.index(node) % 2 == 0
        kinds = (_Kind.WAITING, _Kind.ALONE, own) if waits else (_Kind.ALONE, own, _Kind.WAITING)
        firsts = {self._kinds[scope]: scope for scope in reversed(self.workqueue)}
        return next((firsts[kind] for kind in kinds if kind in firsts), next(iter(self.workqueue)))


def _kind(tests: Collection[str], users: Mapping[str, Set[str]]) -> _Kind:
    if not users["surroundings"].isdisjoint(tests):
        return _Kind.INSTALLED
    if next(iter(tests)).startswith(_WAITING):
        return _Kind.WAITING
    return _Kind.ALONE if all(of_one.isdisjoint(tests) for of_one in users.values()) else _Kind.SERVED


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
