"""The writes of one flush: changed state, commands, alerts, spend that snapshots made, reroutes and dead letters."""

from collections import Counter
from collections.abc import Mapping
from operator import itemgetter

from core.partitioner import partition_of
from core.state import PartitionState
from core.state_changes import take_changes
from streams.dead_letters.outbox import Outbox, OutgoingRecord
from streams.kafka.codec import encode
from streams.kafka.topics import Topic
from streams.settings import Settings
from streams.worker import worker_metrics
from streams.worker.writes import Write

__all__ = ["take_writes"]


def take_writes(
    state: PartitionState,
    outbox: Outbox,
    positions: Mapping[Topic, int],
    topic_ids: dict[str, str],
    settings: Settings,
) -> list[Write]:
    """Take everything that decisions changed and emitted since the last call; state and outbox forget it.

    `positions` are the offsets up to which the state has applied each input, `topic_ids` the broker's ids by name
    without prefix.
    """
    partition = state.partition
    state_topic, control_topic = settings.topic(Topic.CONTROLLER_STATE), settings.topic(Topic.CAMPAIGN_CONTROL)
    alerts_topic = settings.topic(Topic.BUDGET_ALERTS)
    changes = take_changes(state, topic_ids, {topic.value: offset for topic, offset in positions.items()})
    writes = [Write(state_topic, partition, key, value) for key, value in changes]
    for action, count in Counter(command.action for command in state.commands).items():
        worker_metrics.COMMANDS.labels(action).inc(count)
    commands = [(partition_of(command.campaign_id, settings.partitions), command) for command in state.commands]
    commands.sort(key=itemgetter(0))  # the client is given records of one partition by one call, for half of the CPU
    for target, command in commands:
        headers = outbox.trace_headers(command.cause)
        writes.append(Write(control_topic, target, command.campaign_id.encode(), encode(command), headers))
    state.commands.clear()
    for (kind, alert_state), count in Counter((alert.kind, alert.state) for alert in state.alerts).items():
        worker_metrics.ALERTS.labels(kind, alert_state).inc(count)
    for alert in state.alerts:
        writes.append(Write(alerts_topic, partition, alert.brand_id.encode(), encode(alert)))
    state.alerts.clear()
    for event, arrival in state.spend_events:
        outbox.spend(partition, event.brand_id, encode(event), arrival)
    state.spend_events.clear()
    writes.extend(_write(record, settings) for record in outbox.take())
    return writes


def _write(record: OutgoingRecord, settings: Settings) -> Write:
    fallback = _write(record.fallback, settings) if record.fallback else None
    name = settings.topic(record.topic)
    return Write(name, record.partition, record.key, record.value, record.headers, fallback)
