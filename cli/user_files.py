"""The files that a user names on the command line. Whatever is wrong with one is said in one sentence."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from cli import output
from core.errors import NotFound, RefusedValue, SpendgateError

if TYPE_CHECKING:
    from operations.snapshots.external_id import AnyRefusal

__all__ = ["STDIN", "opened", "report_refused_line"]

STDIN: Final = "-"


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of the file, of stdin for `-`. Raises NotFound or RefusedValue where it cannot be read."""
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(file).open("rb"))
        except (OSError, ValueError) as error:
            raise _unreadable(file, error) from error
        yield stream


def report_refused_line(number: int, refusal: "AnyRefusal") -> None:
    """Report a line of the file that is not taken: on stdout with --json, else on stderr."""
    if output.is_json():
        output.line({"line": number, "reason": refusal.reason.value, "message": refusal.message}, "")
    else:
        output.note(f"line {number}: {refusal.message}")


def _unreadable(file: str, error: OSError | ValueError) -> SpendgateError:
    name = repr(file[-80:])
    match error:
        case FileNotFoundError():
            return NotFound(f"There is no file {name}.")
        case IsADirectoryError():
            return RefusedValue(f"{name} is a folder: name a file in it.")
        case PermissionError():
            return RefusedValue(f"This user may not read the file {name}.")
        case OSError():
            return RefusedValue(f"The file {name} cannot be read: {error.strerror}.")
    return RefusedValue(f"{name} cannot be the name of a file: {error}.")  # such as one with a NUL
