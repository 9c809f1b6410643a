package spendgate.control;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Every campaign's last command, kept up to date by {@link #poll}: follows the topics with kafka-clients, feeds the fold
 * and sends acknowledgements. All thinking is in {@link ControlState}. One thread polls; any may ask {@link #mayRun}.
 */
public final class ControlReader implements AutoCloseable {
    private static final String CONTROL = "campaign-control";
    private static final String HEARTBEAT = "control-heartbeat";
    private static final String ACKS = "control-acks";
    private static final Duration ASK_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration ENDS_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    private final String name;
    private final String prefix;
    private final Map<String, Object> config;
    private final ControlState state;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final List<TopicPartition> control;
    private final AtomicLong failedAcknowledgements = new AtomicLong();
    private KafkaProducer<byte[], byte[]> producer;

    /** What a reader is told once. */
    public static final class Options {
        private final String brokers;
        private final String consumer;
        private final Policy policy;
        private String topicPrefix = "";
        private boolean heartbeats = true;
        private Map<String, Object> config = Map.of();

        /**
         * @param consumer names you in acknowledgements
         */
        public Options(String brokers, String consumer, Policy policy) {
            if (!Records.isId(consumer)) {
                throw new IllegalArgumentException("consumer " + consumer + ": 1-64 of A-Z a-z 0-9 . _ : -");
            }
            this.brokers = brokers;
            this.consumer = consumer;
            this.policy = policy;
        }

        public Options topicPrefix(String prefix) {
            topicPrefix = prefix;
            return this;
        }

        /** False for a Spendgate that writes none: then nothing is ever silent. */
        public Options heartbeats(boolean written) {
            heartbeats = written;
            return this;
        }

        /** What kafka-clients needs besides, such as TLS and SASL. */
        public Options config(Map<String, Object> config) {
            this.config = Map.copyOf(config);
            return this;
        }
    }

    /** Throws KafkaException when the broker does not answer or a topic is missing. */
    public ControlReader(Options options) {
        name = options.consumer;
        prefix = options.topicPrefix;
        config = new HashMap<>(options.config);
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.brokers);
        state = new ControlState(options.policy, options.heartbeats);
        Map<String, Object> reading = new HashMap<>(config);
        reading.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        reading.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        reading.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        reading.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        try {
            control = partitions(CONTROL);
            List<TopicPartition> live = options.heartbeats ? partitions(HEARTBEAT) : List.of();
            List<TopicPartition> all = new ArrayList<>(control);
            all.addAll(live);
            consumer.assign(all);
            consumer.seekToBeginning(control);
            if (!live.isEmpty()) { // an empty list would mean all partitions
                consumer.seekToEnd(live);
                live.forEach(partition -> consumer.position(partition, ASK_TIMEOUT));
            }
        } catch (KafkaException error) {
            consumer.close();
            throw error;
        }
    }

    /** Read all that is on the topic; TimeoutException when that takes longer. */
    public List<Change> catchUp(Duration timeout) throws TimeoutException {
        Duration deadline = now().plus(timeout);
        List<Change> changes = new ArrayList<>();
        while (!isCaughtUp()) {
            Duration left = deadline.minus(now());
            if (left.isZero() || left.isNegative()) {
                throw new TimeoutException(prefix + CONTROL + " was not read to its end; offsets still to read, by"
                        + " partition: " + behind());
            }
            changes.addAll(poll(left.compareTo(Duration.ofSeconds(1)) < 0 ? left : Duration.ofSeconds(1)));
        }
        return changes;
    }

    /** Read what has come, waiting up to so long for it: the commands to carry out, in their order. */
    public List<Change> poll(Duration timeout) {
        if (wantsEnds()) {
            askEnds();
        }
        List<Change> changes = new ArrayList<>();
        var records = consumer.poll(timeout);
        Map<Integer, Long> positions = positions();
        synchronized (state) {
            for (ConsumerRecord<byte[], byte[]> record : records) {
                read(record).ifPresent(changes::add);
            }
            positions.forEach(state::moveTo);
        }
        return changes;
    }

    public Verdict mayRun(String campaignId) {
        synchronized (state) {
            return state.mayRun(campaignId, now());
        }
    }

    /** The ids of all campaigns of which a command is held. */
    public SortedSet<String> campaigns() {
        synchronized (state) {
            return state.campaigns();
        }
    }

    public boolean isCaughtUp() {
        synchronized (state) {
            return state.isCaughtUp();
        }
    }

    public long unreadableRecords() {
        synchronized (state) {
            return state.unreadableRecords();
        }
    }

    public long failedAcknowledgements() {
        return failedAcknowledgements.get();
    }

    /** Tell Spendgate that the command was carried out. Sent in the background; losing one is no harm. */
    public void acknowledge(Command command) {
        acknowledge(command, Outcome.APPLIED, null, Instant.now());
    }

    /** Tell Spendgate what became of the command; {@code detail} says, for people, why it failed. */
    public void acknowledge(Command command, Outcome outcome, String detail, Instant appliedAt) {
        byte[] key = command.campaignId().getBytes(StandardCharsets.UTF_8);
        byte[] value = Records.acknowledgement(command, name, appliedAt, outcome, detail);
        try {
            producer().send(new ProducerRecord<>(prefix + ACKS, key, value), (metadata, error) -> {
                if (error != null) {
                    failedAcknowledgements.incrementAndGet();
                }
            });
        } catch (KafkaException error) {
            failedAcknowledgements.incrementAndGet();
        }
    }

    /** Send what is left of the acknowledgements, and leave. */
    @Override
    public synchronized void close() {
        if (producer != null) {
            producer.close(CLOSE_TIMEOUT);
        }
        consumer.close();
    }

    private synchronized KafkaProducer<byte[], byte[]> producer() {
        if (producer == null) {
            Map<String, Object> sending = new HashMap<>(config);
            sending.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 1000);
            producer = new KafkaProducer<>(sending, new ByteArraySerializer(), new ByteArraySerializer());
        }
        return producer;
    }

    private List<TopicPartition> partitions(String topic) {
        List<PartitionInfo> found = consumer.partitionsFor(prefix + topic, ASK_TIMEOUT);
        if (found == null || found.isEmpty()) {
            throw new UnknownTopicOrPartitionException("the topic " + prefix + topic + " is not there");
        }
        return found.stream().map(it -> new TopicPartition(it.topic(), it.partition())).toList();
    }

    private void askEnds() {
        Map<TopicPartition, Long> answer;
        try {
            answer = consumer.endOffsets(control, ENDS_TIMEOUT);
        } catch (RetriableException error) {
            return; // asked again by the next poll
        }
        Map<Integer, Long> ends = new HashMap<>();
        answer.forEach((partition, end) -> ends.put(partition.partition(), end));
        synchronized (state) {
            state.tellEnds(ends, now());
        }
    }

    /** Where the client goes on reading: behind transaction markers too, which it gives to nobody. */
    private Map<Integer, Long> positions() {
        Map<Integer, Long> positions = new HashMap<>();
        try {
            for (TopicPartition partition : control) {
                positions.put(partition.partition(), consumer.position(partition, Duration.ZERO));
            }
        } catch (RetriableException error) {
            return Map.of(); // nothing was read yet
        }
        return positions;
    }

    private Optional<Change> read(ConsumerRecord<byte[], byte[]> record) {
        if (record.topic().equals(prefix + CONTROL)) {
            return state.readCommand(record.partition(), record.offset(), record.key(), record.value());
        }
        state.readHeartbeat(record.value(), now());
        return Optional.empty();
    }

    private boolean wantsEnds() {
        synchronized (state) {
            return state.wantsEnds();
        }
    }

    private Map<Integer, Long> behind() {
        synchronized (state) {
            return state.behind();
        }
    }

    private static Duration now() {
        return Duration.ofNanos(System.nanoTime());
    }
}
