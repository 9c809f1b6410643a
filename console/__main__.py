"""`python -m console` serves the API and the pages, as `spendgate api` does."""

from console.run import run
from streams.logs import configure_logs
from streams.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_format, process="api")
    run(settings)
