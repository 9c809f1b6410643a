"""The order of commands that are read again at a start."""

from msgspec.structs import replace

from console.live.commands import Told, order_told
from tests.console.live.test_hub import told


def _at(moment: str, sequence: int) -> Told:
    one = told(sequence)
    return one._replace(command=replace(one.command, decided_at=moment))


def test_the_later_of_two_commands_of_one_second_is_the_newer_one() -> None:
    first, second, third = (
        _at("2025-09-08T12:00:00Z", 1),
        _at("2025-09-08T12:00:00.125Z", 2),
        _at("2025-09-08T12:00:00.125Z", 3),
    )
    assert sorted([third, second, first], key=order_told) == [first, second, third]
