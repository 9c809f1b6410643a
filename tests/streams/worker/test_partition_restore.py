"""What a restore does with its process. Needs no services."""

import gc
from weakref import ref

import pytest

from streams.worker.partition_restore import _uncollected


class _Held:
    """An object that refers to itself, as garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_collected_again_after_a_restore_that_fails_too() -> None:
    with pytest.raises(ValueError, match="part"):
        _restore()
    assert gc.isenabled()


def test_what_a_restore_has_made_is_not_looked_at_by_the_next_small_collections() -> None:
    with _uncollected():
        made = [_Held() for _ in range(100)]
        oldest = {id(it) for it in made}
    assert oldest.isdisjoint(id(it) for generation in (0, 1) for it in gc.get_objects(generation))
    assert oldest <= {id(it) for it in gc.get_objects(2)}


def test_what_a_restore_has_made_is_collected_once_it_is_garbage() -> None:
    with _uncollected():
        made = _Held()
    seen = ref(made)
    del made
    gc.collect()
    assert seen() is None


def _restore() -> None:
    with _uncollected():
        assert not gc.isenabled()
        raise ValueError("not the record of a partition")
