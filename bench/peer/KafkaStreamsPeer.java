import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The work of {@link Work} on Kafka Streams' processor API, with `exactly_once_v2` and a changelog of every store.
 *
 * <p>Arguments: application id, brokers, memory or rocksdb, spend topic, catalog topic, commands topic, count, state
 * folder, file for the totals.
 */
public final class KafkaStreamsPeer {
  private final AtomicLong read = new AtomicLong();
  private final CountDownLatch done = new CountDownLatch(1);
  private final String[] arguments;
  private final long wanted;

  private KafkaStreamsPeer(String[] arguments) {
    this.arguments = arguments;
    this.wanted = Long.parseLong(arguments[6]);
  }

  public static void main(String[] arguments) throws InterruptedException, IOException {
    new KafkaStreamsPeer(arguments).run();
  }

  private void run() throws InterruptedException, IOException {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(store("brands", Serdes.String()).withCachingEnabled());
    builder.addStateStore(store("campaigns", Serdes.String()).withCachingEnabled());
    builder.addStateStore(store("catalog", Serdes.String()));
    // Each id is written once, so a cache would only be one more place to put it.
    builder.addStateStore(store("ids", Serdes.Integer()));
    builder.stream(List.of(arguments[3], arguments[4]), Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .process(Decide::new, "brands", "campaigns", "catalog", "ids")
        .to(arguments[5], Produced.with(Serdes.String(), Serdes.String()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings());
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
    done.await();
    writeTotals(streams);
    streams.close(Duration.ofSeconds(30));
  }

  private <K> StoreBuilder<KeyValueStore<K, byte[]>> store(String name, Serde<K> key) {
    KeyValueBytesStoreSupplier supplier =
        arguments[2].equals("memory") ? Stores.inMemoryKeyValueStore(name) : Stores.persistentKeyValueStore(name);
    return Stores.keyValueStoreBuilder(supplier, key, Serdes.ByteArray());
  }

  private void writeTotals(KafkaStreams streams) throws IOException {
    try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(arguments[8])))) {
      for (String name : List.of("brands", "campaigns")) {
        var type = QueryableStoreTypes.<String, byte[]>keyValueStore();
        try (var all = streams.store(StoreQueryParameters.fromNameAndType(name, type)).all()) {
          all.forEachRemaining(
              entry -> {
                long[] it = longs(entry.value);
                boolean brand = name.equals("brands");
                out.println(entry.key + "\t" + it[brand ? 2 : 1] + "\t" + it[brand ? 5 : 2]);
              });
        }
      }
    }
  }

  private final class Decide implements Processor<String, byte[], String, String> {
    private final Work work = new Work();
    private final Work.Window window = new Work.Window();
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, byte[]> brands;
    private KeyValueStore<String, byte[]> campaigns;
    private KeyValueStore<String, byte[]> catalog;
    private KeyValueStore<Integer, byte[]> ids;

    @Override
    public void init(ProcessorContext<String, String> context) {
      this.context = context;
      brands = context.getStateStore("brands");
      campaigns = context.getStateStore("campaigns");
      catalog = context.getStateStore("catalog");
      ids = context.getStateStore("ids");
      try (var all = catalog.all()) {
        all.forEachRemaining(entry -> work.document(entry.key, entry.value));
      }
      try (var all = ids.all()) {
        all.forEachRemaining(
            entry -> {
              ByteBuffer value = ByteBuffer.wrap(entry.value);
              window.restore(entry.key, value.getLong());
              window.added = Math.max(window.added, value.getLong());
            });
      }
    }

    @Override
    public void process(Record<String, byte[]> record) {
      if (context.recordMetadata().orElseThrow().topic().equals(arguments[4])) {
        catalog.put(record.key(), record.value());
        work.document(record.key(), record.value());
        return;
      }
      long count = read.incrementAndGet();
      if (count == 1 || count == wanted / 2 || count == wanted) {
        Work.mark(count);
      }
      spend(record.key(), Work.parse(record.value()), record.timestamp());
      if (count == wanted) {
        done.countDown();
      }
    }

    private void spend(String recordKey, Work.Spend spend, long at) {
      long micros = Work.micros(spend.amount());
      Work.Brand brand = work.brands.get(spend.brand_id());
      if (brand == null || !brand.currency().equals(spend.currency()) || !recordKey.equals(spend.brand_id())) {
        throw new IllegalStateException("an event that Spendgate would refuse: " + spend);
      }
      long hash = Work.hash(spend.brand_id(), spend.event_id());
      if (window.contains(hash)) {
        return;
      }
      int slot = window.add(hash);
      ids.put(slot, ByteBuffer.allocate(16).putLong(hash).putLong(window.added).array());
      long[] ofBrand = Work.addToBrand(longs(brands.get(spend.brand_id())), brand, at, micros);
      brands.put(spend.brand_id(), bytes(ofBrand));
      String key = spend.brand_id() + "/" + spend.campaign_id();
      long[] campaign = Work.addToCampaign(longs(campaigns.get(key)), ofBrand[0], at, micros);
      if (work.crosses(key, campaign)) {
        context.forward(new Record<>(spend.campaign_id(), Work.pause(spend, at, campaign[1]), at));
      }
      campaigns.put(key, bytes(campaign));
    }
  }

  private static long[] longs(byte[] value) {
    if (value == null) {
      return null;
    }
    long[] longs = new long[value.length / 8];
    ByteBuffer.wrap(value).asLongBuffer().get(longs);
    return longs;
  }

  private static byte[] bytes(long[] longs) {
    ByteBuffer value = ByteBuffer.allocate(longs.length * 8);
    value.asLongBuffer().put(longs);
    return value.array();
  }

  private Properties settings() {
    Properties settings = new Properties();
    settings.put("application.id", arguments[0]);
    settings.put("bootstrap.servers", arguments[1]);
    settings.put("processing.guarantee", "exactly_once_v2");
    settings.put("state.dir", arguments[7]);
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("commit.interval.ms", "500");
    settings.put("replication.factor", "1");
    settings.put("statestore.cache.max.bytes", String.valueOf(256 << 20));
    settings.put("max.poll.records", "5000");
    settings.put("consumer.max.partition.fetch.bytes", 8 << 20);
    settings.put("producer.linger.ms", "20");
    settings.put("producer.batch.size", 256 << 10);
    return settings;
  }
}
