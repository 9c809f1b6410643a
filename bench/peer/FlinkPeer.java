import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.IntStream;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The work of {@link Work} on Flink, in one JVM: a source, a function by brand and a sink that are chained, checkpoints
 * every so many milliseconds (`-Dcheckpoint.interval`) and commands in transactions that commit with them.
 *
 * <p>Arguments: name, brokers, hashmap or rocksdb, spend topic, catalog topic, commands topic, count, state folder, file
 * for the totals, partitions.
 */
public final class FlinkPeer {
  private static final PrimitiveArrayTypeInfo<long[]> LONGS = PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO;

  /** An event as it is handed on. It is never serialized, because all is chained. */
  public static final class Event {
    public int partition;
    public long at;
    public String key;
    public byte[] value;
  }

  private FlinkPeer() {}

  public static void main(String[] arguments) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("state.backend.type", arguments[2]);
    configuration.setString("execution.checkpointing.incremental", arguments[2].equals("rocksdb") ? "true" : "false");
    configuration.setString("execution.checkpointing.dir", Path.of(arguments[7]).toUri().toString());
    configuration.setString("execution.checkpointing.storage", "filesystem");
    configuration.setString("pipeline.object-reuse", "true");
    configuration.setString("taskmanager.memory.managed.size", "512m");
    // One that was restarted would count its events again.
    configuration.setString("restart-strategy.type", "none");
    configuration.setString("rest.port", "0");
    configuration.setString("rest.bind-port", "0");
    StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
    flink.setRuntimeMode(RuntimeExecutionMode.STREAMING);
    long interval = Long.getLong("checkpoint.interval");
    flink.enableCheckpointing(interval);
    flink.getCheckpointConfig().setMinPauseBetweenCheckpoints(interval / 2);
    DataStream<Event> events =
        flink.fromSource(source(arguments), WatermarkStrategy.noWatermarks(), "spend", TypeInformation.of(Event.class));
    DataStreamUtils.reinterpretAsKeyedStream(events, event -> event.key, Types.STRING)
        .transform("decide", Types.STRING, new DecideOperator(new Decide(arguments)))
        .sinkTo(sink(arguments));
    flink.execute(arguments[0]);
  }

  private static KafkaSource<Event> source(String[] arguments) {
    return KafkaSource.<Event>builder()
        .setBootstrapServers(arguments[1])
        .setTopics(arguments[3])
        .setGroupId(arguments[0])
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setBounded(OffsetsInitializer.latest())
        .setProperty("isolation.level", "read_committed")
        .setProperty("max.poll.records", "5000")
        .setProperty("max.partition.fetch.bytes", String.valueOf(8 << 20))
        .setDeserializer(new Read())
        .build();
  }

  private static KafkaSink<String> sink(String[] arguments) {
    return KafkaSink.<String>builder()
        .setBootstrapServers(arguments[1])
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(arguments[0])
        .setProperty("transaction.timeout.ms", "600000")
        .setRecordSerializer(
            KafkaRecordSerializationSchema.<String>builder()
                .setTopic(arguments[5])
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
        .build();
  }

  private static final class Read implements KafkaRecordDeserializationSchema<Event> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Event> out) {
      Event event = new Event();
      event.partition = record.partition();
      event.at = record.timestamp();
      event.key = new String(record.key(), StandardCharsets.UTF_8);
      event.value = record.value();
      out.collect(event);
    }

    @Override
    public TypeInformation<Event> getProducedType() {
      return TypeInformation.of(Event.class);
    }
  }

  /** Writes the totals at the end of the topic. A function alone sees the state of one brand, and no end. */
  private static final class DecideOperator extends KeyedProcessOperator<String, Event, String> {
    private final Decide decide;

    DecideOperator(Decide decide) {
      super(decide);
      this.decide = decide;
    }

    @Override
    public void finish() throws Exception {
      decide.writeTotals(getKeyedStateBackend());
      super.finish();
    }
  }

  /** Totals are state of the brand, the ids of the partitions state of the operator: all are in each checkpoint. */
  private static final class Decide extends KeyedProcessFunction<String, Event, String> implements CheckpointedFunction {
    private static final ValueStateDescriptor<long[]> BRAND = new ValueStateDescriptor<>("brand", LONGS);

    private final String[] arguments;
    private final long wanted;
    private transient Work work;
    private transient Map<Integer, Work.Window> windows;
    private transient ListState<long[]> kept;
    private transient ValueState<long[]> brands;
    private transient MapState<String, long[]> campaigns;
    private transient long read;

    Decide(String[] arguments) {
      this.arguments = arguments;
      this.wanted = Long.parseLong(arguments[6]);
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      kept = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("ids", LONGS));
      windows = new HashMap<>();
      for (long[] it : kept.get()) {
        Work.Window window = window((int) it[0]);
        window.added = it[1];
        for (int slot = 0; slot < it.length - 2; slot++) {
          window.restore(slot, it[slot + 2]);
        }
      }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      kept.clear();
      for (Map.Entry<Integer, Work.Window> entry : windows.entrySet()) {
        Work.Window window = entry.getValue();
        int size = (int) Math.min(window.added, Work.WINDOW);
        long[] copy = new long[size + 2];
        copy[0] = entry.getKey();
        copy[1] = window.added;
        System.arraycopy(window.ring, 0, copy, 2, size);
        kept.add(copy);
      }
    }

    @Override
    public void open(OpenContext context) {
      brands = getRuntimeContext().getState(BRAND);
      campaigns = getRuntimeContext().getMapState(new MapStateDescriptor<>("campaigns", Types.STRING, LONGS));
      work = new Work();
      readCatalog();
    }

    @Override
    public void processElement(Event event, Context context, Collector<String> out) throws Exception {
      read++;
      if (read == 1 || read == wanted / 2 || read == wanted) {
        Work.mark(read);
      }
      Work.Spend spend = Work.parse(event.value);
      long micros = Work.micros(spend.amount());
      Work.Brand brand = work.brands.get(spend.brand_id());
      if (brand == null || !brand.currency().equals(spend.currency()) || !event.key.equals(spend.brand_id())) {
        throw new IllegalStateException("an event that Spendgate would refuse: " + spend);
      }
      Work.Window window = window(event.partition);
      long hash = Work.hash(spend.brand_id(), spend.event_id());
      if (window.contains(hash)) {
        return;
      }
      window.add(hash);
      long[] before = brands.value();
      long[] ofBrand = Work.addToBrand(before == null ? null : before.clone(), brand, event.at, micros);
      brands.update(ofBrand);
      long[] campaign = campaigns.get(spend.campaign_id());
      campaign = Work.addToCampaign(campaign == null ? null : campaign.clone(), ofBrand[0], event.at, micros);
      if (work.crosses(spend.brand_id() + "/" + spend.campaign_id(), campaign)) {
        out.collect(Work.pause(spend, event.at, campaign[1]));
      }
      campaigns.put(spend.campaign_id(), campaign);
    }

    void writeTotals(KeyedStateBackend<String> states) throws Exception {
      try (PrintWriter totals = new PrintWriter(Files.newBufferedWriter(Path.of(arguments[8])))) {
        states.applyToAllKeys(
            VoidNamespace.INSTANCE,
            VoidNamespaceSerializer.INSTANCE,
            BRAND,
            (brand, state) -> {
              long[] total = state.value();
              totals.println(brand + "\t" + total[2] + "\t" + total[5]);
              for (Map.Entry<String, long[]> it : campaigns.entries()) {
                totals.println(brand + "/" + it.getKey() + "\t" + it.getValue()[1] + "\t" + it.getValue()[2]);
              }
            });
      }
    }

    private Work.Window window(int partition) {
      return windows.computeIfAbsent(partition, it -> new Work.Window());
    }

    /** Once, when it starts: a change of the catalog would need a second stream that is broadcast. */
    private void readCatalog() {
      Properties properties = new Properties();
      properties.put("bootstrap.servers", arguments[1]);
      try (var consumer =
          new KafkaConsumer<String, byte[]>(properties, new StringDeserializer(), new ByteArrayDeserializer())) {
        List<TopicPartition> all =
            IntStream.range(0, Integer.parseInt(arguments[9])).mapToObj(it -> new TopicPartition(arguments[4], it)).toList();
        consumer.assign(all);
        consumer.seekToBeginning(all);
        Map<TopicPartition, Long> ends = consumer.endOffsets(all);
        while (all.stream().anyMatch(it -> consumer.position(it) < ends.get(it))) {
          consumer.poll(Duration.ofMillis(200)).forEach(it -> work.document(it.key(), it.value()));
        }
      }
    }
  }
}
