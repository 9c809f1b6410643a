"""The order of commands that are read again at a start."""

from msgspec.structs import replace

from console.live.command_feed import ReceivedCommand, in_order
from tests.console.live.test_broadcaster import received


def _at(moment: str, sequence: int) -> ReceivedCommand:
    one = received(sequence)
    return one._replace(command=replace(one.command, decided_at=moment))


def test_the_later_of_two_commands_of_one_second_is_the_newer_one() -> None:
    first, second, third = (
        _at("2025-09-08T12:00:00Z", 1),
        _at("2025-09-08T12:00:00.125Z", 2),
        _at("2025-09-08T12:00:00.125Z", 3),
    )
    assert sorted([third, second, first], key=in_order) == [first, second, third]
