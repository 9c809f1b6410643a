"""`spendgate scheduler` for one time zone and with a clock of its own: `ZONE SECONDS`, of which its clock is ahead of
the machine's."""

import asyncio
import sys
from collections.abc import Collection

from core.moment import SECOND, Moment
from schedulers.run import run
from streams.clock import current_moment
from streams.logs import configure_logs
from streams.settings import Settings

ZONE, SECONDS = sys.argv[1], float(sys.argv[2])


async def zones() -> Collection[str]:
    return [ZONE]


def clock() -> Moment:
    return current_moment() + int(SECONDS * SECOND)


if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_format, process="scheduler")
    asyncio.run(run(settings, time_zones_in_use=zones, clock=clock))
