"""`python -m schedulers`, which `spendgate scheduler` runs too."""

import asyncio

from schedulers.run import run
from streams.logs import configure_logs
from streams.settings import Settings

__all__ = ["main"]


def main(settings: Settings) -> None:
    asyncio.run(run(settings))


if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_format, process="scheduler")
    main(settings)
