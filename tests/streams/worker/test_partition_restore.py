"""What a restore does with its process. Needs no services."""

import gc

import pytest

from streams.worker.partition_restore import _uncollected


def test_garbage_is_collected_again_after_a_restore_that_fails_too() -> None:
    with pytest.raises(ValueError, match="part"):
        _restore()
    assert gc.isenabled()


def _restore() -> None:
    with _uncollected():
        assert not gc.isenabled()
        raise ValueError("not the record of a partition")
