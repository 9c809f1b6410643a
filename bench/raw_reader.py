"""The peer: aiokafka's `getmany`, doing nothing with what it reads. Prints its seconds, and those of the processor."""

import asyncio
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition


async def read(brokers: str, topic: str, partitions: int, count: int) -> tuple[float, float]:
    """Seconds from the first records to the last, of the clock and of the processor."""
    async with AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed") as consumer:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        read, first_at, cpu = 0, 0.0, 0.0
        while read < count:
            polled = await consumer.getmany(timeout_ms=1000, max_records=5000)
            read += sum(len(records) for records in polled.values())
            if read and not first_at:
                first_at, cpu = time.monotonic(), time.process_time()
        return time.monotonic() - first_at, time.process_time() - cpu


if __name__ == "__main__":
    uvloop.install()
    print(*asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
