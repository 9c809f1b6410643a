"""Everything that can go wrong with the embedded services; each message says what to do."""

from pathlib import Path


class LocalServiceError(Exception):
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
    def __init__(self, service: str, port: int) -> None:
        super().__init__(
            f"Port {port} for {service} is taken by another program: stop that program, "
            "or choose another port (0 = any free one)."
        )


class DataFolderInUse(LocalServiceError):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another running spendgate: stop it, or choose another data folder.")


class DataFolderUnusable(LocalServiceError):
    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} cannot be used ({reason}): choose another data folder.")


class ServiceDidNotStart(LocalServiceError):
    def __init__(self, service: str, log: Path, last_words: str) -> None:
        super().__init__(f"{service} did not start: {last_words or 'it said nothing'} (its log is {log}).")


class UnknownTool(LocalServiceError):
    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no Kafka tool named {name}; known are {', '.join(known)}.")
