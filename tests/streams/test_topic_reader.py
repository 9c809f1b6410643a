"""The order in which records of several partitions are handed out."""

from aiokafka import ConsumerRecord

from streams.topic_reader import merged


def test_a_partition_keeps_its_order_also_where_its_times_go_back() -> None:
    """The clock of whoever wrote it may have been set back, or another machine took the partition over."""
    first = [record(0, 0, 50), record(0, 1, 10), record(0, 2, 60)]
    second = [record(1, 0, 20), record(1, 1, 55)]
    found = merged([first, second])
    assert [it for it in found if it.partition == 0] == first
    assert [it for it in found if it.partition == 1] == second


def test_of_several_partitions_the_oldest_goes_first() -> None:
    found = merged([[record(0, 0, 10), record(0, 1, 40)], [record(1, 0, 20), record(1, 1, 30)]])
    assert [it.timestamp for it in found] == [10, 20, 30, 40]


def record(partition: int, offset: int, timestamp: int) -> ConsumerRecord:
    return ConsumerRecord("controller-state", partition, offset, timestamp, 0, b"key", b"value", None, 3, 5, ())
