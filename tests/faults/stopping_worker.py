"""`spendgate worker` that stops at a step of a flush with commands, once, while its folder has the file `stop`.

`STEP SIGNAL [unfenced]`: SIGSTOP freezes it and SIGKILL ends it. Unfenced, its transactional ids are its own, so that
whoever takes a partition over shuts nobody out.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from typing_extensions import override

from cli.__main__ import main
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker import table
from streams.worker.committed_writes import CommittedWrites
from streams.worker.transaction import PartitionWriter, TransactionFailure
from streams.worker.writes import Write

WANTED: Final = Path("stop")
STEP, SIGNAL, *FENCING = sys.argv[1:]


class StoppingWriter(PartitionWriter):
    def __init__(self, transactional_id: str, settings: Settings, committed: CommittedWrites | None = None) -> None:
        name = f"{transactional_id}-{uuid4()}" if FENCING else transactional_id
        super().__init__(name, settings, committed)
        self._has_commands = False

    @override
    def _attempt(self, writes: Sequence[Write]) -> list[TransactionFailure]:
        self._has_commands = any(it.topic.endswith(Topic.CAMPAIGN_CONTROL) for it in writes)
        self._reached("decided")
        return super()._attempt(writes)

    @override
    def _begin(self) -> None:
        super()._begin()
        self._reached("begun")

    @override
    def _send(self, writes: Sequence[Write]) -> None:
        super()._send(writes)
        if STEP == "sent":
            self._delivered()  # the broker has all of it, in an open transaction
        self._reached("sent")

    @override
    def _commit(self) -> None:
        super()._commit()
        self._reached("committed")

    def _reached(self, step: str) -> None:
        if step == STEP and self._has_commands and WANTED.exists():
            WANTED.unlink()
            os.kill(os.getpid(), signal.Signals[SIGNAL])


if __name__ == "__main__":
    table.PartitionWriter = StoppingWriter  # type: ignore[misc]
    sys.argv[1:] = ["worker"]
    main()
