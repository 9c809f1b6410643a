"""The peer: aiokafka's `getmany`, doing nothing with what it reads. Prints its seconds."""

import asyncio
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition


async def read(brokers: str, topic: str, partitions: int, count: int) -> float:
    """Seconds from the first records to the last."""
    async with AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed") as consumer:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        read, first_at = 0, 0.0
        while read < count:
            polled = await consumer.getmany(timeout_ms=1000, max_records=5000)
            read += sum(len(records) for records in polled.values())
            first_at = first_at or (time.monotonic() if read else 0.0)
        return time.monotonic() - first_at


if __name__ == "__main__":
    uvloop.install()
    print(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
