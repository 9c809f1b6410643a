import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/**
 * What a Kafka Streams programmer writes first for the same question: one total a brand, with a changelog, and a message
 * when a total passes a limit. It keeps no days, months, campaigns, schedules or event ids, and so does less.
 *
 * <p>Arguments: application id, brokers, processing guarantee, input topic, output topic, count, state folder.
 */
public final class KafkaStreamsPeer {
  private static final long LIMIT_MICROS = 900_000_000_000L;

  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spend(String event_id, String brand_id, String campaign_id, String amount) {}

  private final ObjectReader reader = new ObjectMapper().readerFor(Spend.class);
  private final AtomicLong read = new AtomicLong();
  private final CountDownLatch done = new CountDownLatch(1);
  private final long wanted;

  private KafkaStreamsPeer(long wanted) {
    this.wanted = wanted;
  }

  public static void main(String[] arguments) throws InterruptedException {
    new KafkaStreamsPeer(Long.parseLong(arguments[5])).run(arguments);
  }

  private void run(String[] arguments) throws InterruptedException {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(arguments[3], Consumed.with(Serdes.String(), Serdes.ByteArray()))
        .mapValues(this::micros)
        .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()))
        .aggregate(
            () -> 0L,
            (brand, micros, total) -> total + micros,
            Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("totals"))
                .withKeySerde(Serdes.String())
                .withValueSerde(Serdes.Long())
                .withCachingEnabled())
        .toStream()
        .filter((brand, total) -> total > LIMIT_MICROS)
        .to(arguments[4], Produced.with(Serdes.String(), Serdes.Long()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments));
    streams.start();
    done.await();
    streams.close(Duration.ofSeconds(10));
  }

  /** The moments of the first, the middle and the last event are what is measured. */
  private long micros(byte[] value) {
    long count = read.incrementAndGet();
    if (count == 1 || count == wanted / 2 || count == wanted) {
      System.out.println(count + " " + System.nanoTime());
    }
    if (count == wanted) {
      done.countDown();
    }
    try {
      return new BigDecimal(((Spend) reader.readValue(value)).amount()).movePointRight(6).longValueExact();
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static Properties settings(String[] arguments) {
    Properties settings = new Properties();
    settings.put("application.id", arguments[0]);
    settings.put("bootstrap.servers", arguments[1]);
    settings.put("processing.guarantee", arguments[2]);
    settings.put("state.dir", arguments[6]);
    settings.put("num.stream.threads", "1");
    settings.put("auto.offset.reset", "earliest");
    settings.put("commit.interval.ms", "500");
    settings.put("replication.factor", "1");
    settings.put("max.poll.records", "5000");
    settings.put("consumer.max.partition.fetch.bytes", 8 << 20);
    return settings;
  }
}
