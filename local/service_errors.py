"""Errors of the embedded services; each message says what to do."""

from pathlib import Path

from core.errors import ExitCode, SpendgateError


class LocalServiceError(SpendgateError):
    """An embedded service cannot be used."""


class CacheUnusable(LocalServiceError):
    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The cache folder {folder} cannot be used ({reason}): set XDG_CACHE_HOME to a writable folder."
        )


class DownloadFailed(LocalServiceError):
    def __init__(self, artifact: str, reason: str) -> None:
        super().__init__(
            f"Kafka's {artifact} could not be downloaded ({reason}): check the network and its proxy, "
            "then start again; what was fetched is kept."
        )


class ChecksumMismatch(LocalServiceError):
    def __init__(self, artifact: str, expected: str, actual: str) -> None:
        super().__init__(
            f"Kafka's {artifact} was refused, its SHA-256 is {actual} and must be {expected}: "
            "the repository or a proxy delivers another file; try again or from another network."
        )


class PortBusy(LocalServiceError):
    exit_code = ExitCode.REFUSED

    def __init__(self, service: str, port: int) -> None:
        super().__init__(
            f"Port {port} for {service} is taken by another program: stop that program, "
            "or choose another port (0 = any free one)."
        )


class DataFolderInUse(LocalServiceError):
    exit_code = ExitCode.REFUSED

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another running spendgate: stop it, or choose another data folder.")


class DataFolderUnsecured(LocalServiceError):
    exit_code = ExitCode.REFUSED

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The Kafka in {folder} was made without passwords: choose another data folder for --secured, "
            "and bring the spend over with `spendgate replay --from-ledger`."
        )


class DataFolderUnusable(LocalServiceError):
    exit_code = ExitCode.REFUSED

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} cannot be used ({reason}): choose another data folder.")


class ServiceDidNotStart(LocalServiceError):
    def __init__(self, service: str, log: Path, last_log_line: str) -> None:
        super().__init__(f"{service} did not start: {last_log_line or 'it said nothing'} (its log is {log}).")


class UnknownTool(LocalServiceError):
    exit_code = ExitCode.NOT_FOUND

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no Kafka tool named {name}; known are {', '.join(known)}.")
