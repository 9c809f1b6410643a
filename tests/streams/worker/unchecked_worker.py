"""`spendgate worker` whose check of the topics at the start finds nothing, as when they are changed right after it."""

import sys

from cli.__main__ import main
from streams.settings import Settings
from streams.worker import run


async def find_nothing(settings: Settings) -> None:
    pass


if __name__ == "__main__":
    run.check_topics = find_nothing
    sys.argv.append("worker")
    main()
