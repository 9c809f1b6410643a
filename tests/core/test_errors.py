"""Every exception of Spendgate has a sentence for people."""

from core.errors import NotFound, SpendgateError, Unreachable


def test_an_error_says_its_message() -> None:
    assert str(NotFound("There is no brand nike.")) == "There is no brand nike."


def test_an_error_without_a_message_says_what_its_class_is_about() -> None:
    for error in (SpendgateError, Unreachable):
        assert str(error()) == error.__doc__
