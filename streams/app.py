"""The app for Faust's own command line: `faust -A streams.app agents`, `tables`, `send`, `worker`."""

from streams.logs import configure_logs
from streams.settings import Settings
from streams.worker.app import ControllerApp, create_app
from streams.worker.run import check_cluster, prepare_process

__all__ = ["FaustApp"]


class FaustApp(ControllerApp):
    """An app that `faust worker` starts with the checks and servers of `spendgate worker`. Other commands do not start
    it."""

    async def on_first_start(self) -> None:
        await check_cluster(self.settings)
        prepare_process(self)
        await super().on_first_start()


def __getattr__(name: str) -> ControllerApp:
    """Make `app` on first access, so that importing this module needs no complete environment."""
    if name == "app":
        settings = Settings().of_process("worker")
        # Here, because a worker of Faust redirects standard output before it starts the app.
        configure_logs(settings.log_format, process="worker")
        return create_app(settings, FaustApp)
    raise AttributeError(name)
