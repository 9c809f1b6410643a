"""The genuine Kafka command-line tools, by the names that they have in Kafka's `bin`."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from local.class_archive import archive_options
from local.jars import Progress, kafka_jars
from local.java import QUICK_START, java_command
from local.service_errors import UnknownTool

LOGGING = Path(__file__).with_name("log4j2-tools.properties")


class Brokers(Enum):
    """How a tool is given the brokers' addresses."""

    OPTION = "--bootstrap-server, before everything else"
    COMMAND_OPTION = "--bootstrap-server, after the tool's own command"
    LIST = "--broker-list"
    NOT_ASKED = "it reads files, or takes another address"


class Tool(NamedTuple):
    main_class: str
    brokers: Brokers = Brokers.OPTION


def tool_command(
    name: str,
    arguments: Sequence[str],
    brokers: str,
    progress: Progress | None = None,
    *,
    properties: str | None = None,
    token_url: str | None = None,
) -> list[str]:
    """The command line of a tool, with the brokers filled in unless the arguments name some, and with the file of
    `properties` by which a client enters a secured cluster, likewise; Java asks for tokens only at a `token_url` that
    its command line allows."""
    tool = TOOLS.get(name.removesuffix(".sh"))
    if tool is None:
        raise UnknownTool(name, sorted(TOOLS))
    jars = kafka_jars(progress)
    options = [QUICK_START, *archive_options(jars), f"-Dlog4j2.configurationFile={LOGGING.as_uri()}"]
    if token_url is not None:
        options.append(f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={token_url}")
    filled = [*_brokers(tool, arguments, brokers), *_properties(tool, arguments, properties)]
    at = 1 if tool.brokers is Brokers.COMMAND_OPTION else 0
    return [*java_command(tool.main_class, jars, options), *arguments[:at], *filled, *arguments[at:]]


def _brokers(tool: Tool, arguments: Sequence[str], brokers: str) -> list[str]:
    if tool.brokers is Brokers.NOT_ASKED or any(argument.startswith(ADDRESS_OPTIONS) for argument in arguments):
        return []
    return ["--broker-list" if tool.brokers is Brokers.LIST else "--bootstrap-server", brokers]


def _properties(tool: Tool, arguments: Sequence[str], properties: str | None) -> list[str]:
    """The option that names the client's properties. A tool with --broker-list has none: it cannot enter a secured
    cluster."""
    if properties is None or tool.brokers in (Brokers.LIST, Brokers.NOT_ASKED):
        return []
    taken = (*PROPERTIES_OPTIONS, "--config", "-c") if tool.brokers is Brokers.COMMAND_OPTION else PROPERTIES_OPTIONS
    return [] if any(argument.startswith(taken) for argument in arguments) else ["--command-config", properties]


ADDRESS_OPTIONS = ("--bootstrap-server", "--bootstrap-controller", "--broker-list")
#: Options of present and former releases that name a file of client properties.
PROPERTIES_OPTIONS = (
    "--command-config",
    "--consumer.config",
    "--consumer-config",
    "--producer.config",
    "--admin.config",
    "--config-file",
)
PACKAGE = "org.apache.kafka.tools"
TOOLS = {
    "kafka-acls": Tool(f"{PACKAGE}.AclCommand"),
    "kafka-broker-api-versions": Tool(f"{PACKAGE}.BrokerApiVersionsCommand"),
    "kafka-client-metrics": Tool(f"{PACKAGE}.ClientMetricsCommand"),
    "kafka-cluster": Tool(f"{PACKAGE}.ClusterTool", Brokers.COMMAND_OPTION),
    "kafka-configs": Tool("kafka.admin.ConfigCommand"),
    "kafka-console-consumer": Tool(f"{PACKAGE}.consumer.ConsoleConsumer"),
    "kafka-console-producer": Tool(f"{PACKAGE}.ConsoleProducer"),
    "kafka-console-share-consumer": Tool(f"{PACKAGE}.consumer.ConsoleShareConsumer"),
    "kafka-consumer-groups": Tool(f"{PACKAGE}.consumer.group.ConsumerGroupCommand"),
    "kafka-consumer-perf-test": Tool(f"{PACKAGE}.ConsumerPerformance"),
    "kafka-delegation-tokens": Tool(f"{PACKAGE}.DelegationTokenCommand"),
    "kafka-delete-records": Tool(f"{PACKAGE}.DeleteRecordsCommand"),
    "kafka-dump-log": Tool(f"{PACKAGE}.DumpLogSegments", Brokers.NOT_ASKED),
    "kafka-e2e-latency": Tool(f"{PACKAGE}.EndToEndLatency"),
    "kafka-features": Tool(f"{PACKAGE}.FeatureCommand"),
    "kafka-get-offsets": Tool(f"{PACKAGE}.GetOffsetShell"),
    "kafka-groups": Tool(f"{PACKAGE}.GroupsCommand"),
    "kafka-jmx": Tool(f"{PACKAGE}.JmxTool", Brokers.NOT_ASKED),
    "kafka-leader-election": Tool(f"{PACKAGE}.LeaderElectionCommand"),
    "kafka-log-dirs": Tool(f"{PACKAGE}.LogDirsCommand"),
    "kafka-metadata-quorum": Tool(f"{PACKAGE}.MetadataQuorumCommand"),
    "kafka-producer-perf-test": Tool(f"{PACKAGE}.ProducerPerformance"),
    "kafka-reassign-partitions": Tool(f"{PACKAGE}.reassign.ReassignPartitionsCommand"),
    "kafka-replica-verification": Tool(f"{PACKAGE}.ReplicaVerificationTool", Brokers.LIST),
    "kafka-share-consumer-perf-test": Tool(f"{PACKAGE}.ShareConsumerPerformance"),
    "kafka-share-groups": Tool(f"{PACKAGE}.consumer.group.ShareGroupCommand"),
    "kafka-storage": Tool("kafka.tools.StorageTool", Brokers.NOT_ASKED),
    "kafka-streams-application-reset": Tool(f"{PACKAGE}.StreamsResetter"),
    "kafka-streams-groups": Tool(f"{PACKAGE}.streams.StreamsGroupCommand"),
    "kafka-topics": Tool(f"{PACKAGE}.TopicCommand"),
    "kafka-transactions": Tool(f"{PACKAGE}.TransactionsCommand"),
    "kafka-verifiable-consumer": Tool(f"{PACKAGE}.VerifiableConsumer"),
    "kafka-verifiable-producer": Tool(f"{PACKAGE}.VerifiableProducer"),
}
