import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;

/** What is done with one event, whatever engine keeps the state: the same for Kafka Streams and for Flink. */
final class Work {
  /** So many ids of a partition are kept, as Spendgate does. */
  static final int WINDOW = 1_000_000;

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Spend(String event_id, String brand_id, String campaign_id, String amount, String currency) {}

  record Brand(ZoneId zone, String currency) {}

  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** A number or a boolean is no amount and no name, and nothing may follow the event. */
  private static final ObjectReader READER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .withCoercionConfig(
              LogicalType.Textual,
              it -> {
                it.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail);
                it.setCoercion(CoercionInputShape.Float, CoercionAction.Fail);
                it.setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail);
              })
          .build()
          .readerFor(Spend.class);

  /** The catalog: brands by id; budgets of a day in micros by brand/campaign, where there is one. */
  final Map<String, Brand> brands = new HashMap<>();

  final Map<String, Long> budgets = new HashMap<>();

  static Spend parse(byte[] value) {
    try {
      return READER.readValue(value);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Exact, or an exception. */
  static long micros(String amount) {
    return new BigDecimal(amount).movePointRight(6).longValueExact();
  }

  void document(String key, byte[] value) {
    try {
      JsonNode document = MAPPER.readTree(value);
      if (key.indexOf('/') < 0) {
        ZoneId zone = ZoneId.of(document.get("zones").get(0).get("time_zone").asText());
        brands.put(key, new Brand(zone, document.get("currency").asText().intern()));
      } else if (document.hasNonNull("daily_budget")) {
        budgets.put(key, micros(document.get("daily_budget").asText()));
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** FNV-1a with a last mixing, over brand and id: two brands may use the same id. */
  static long hash(String brand, String id) {
    long hash = 0xcbf29ce484222325L;
    for (byte it : brand.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ it) * 0x100000001b3L;
    }
    hash *= 0x100000001b3L;
    for (byte it : id.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ it) * 0x100000001b3L;
    }
    hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
    hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
    hash ^= hash >>> 33;
    return hash == 0 ? 1 : hash;
  }

  /** A brand: start and end of its day, spend of the day, start and end of its month, spend of the month. */
  static long[] addToBrand(long[] state, Brand brand, long at, long micros) {
    long[] next = state == null ? new long[6] : state;
    if (at >= next[1]) {
      LocalDate day = Instant.ofEpochMilli(at).atZone(brand.zone()).toLocalDate();
      next[0] = start(day, brand.zone());
      next[1] = start(day.plusDays(1), brand.zone());
      next[2] = 0;
      if (at >= next[4]) {
        next[3] = start(day.withDayOfMonth(1), brand.zone());
        next[4] = start(day.withDayOfMonth(1).plusMonths(1), brand.zone());
        next[5] = 0;
      }
    }
    if (at >= next[0]) {
      next[2] += micros;
    }
    if (at >= next[3]) {
      next[5] += micros;
    }
    return next;
  }

  /** A campaign: start of its day, spend of the day, spend in all, 1 if paused. */
  static long[] addToCampaign(long[] state, long dayStart, long at, long micros) {
    long[] next = state == null ? new long[4] : state;
    if (next[0] < dayStart) {
      next[0] = dayStart;
      next[1] = 0;
      next[3] = 0;
    }
    if (at >= dayStart) {
      next[1] += micros;
    }
    next[2] += micros;
    return next;
  }

  /** True once a day: the spend of the campaign's day has come to its budget. */
  boolean crosses(String key, long[] campaign) {
    Long budget = budgets.get(key);
    if (budget == null || campaign[3] == 1 || campaign[1] < budget) {
      return false;
    }
    campaign[3] = 1;
    return true;
  }

  static String pause(Spend spend, long at, long micros) {
    return "{\"action\":\"pause\",\"brand_id\":\"" + spend.brand_id() + "\",\"campaign_id\":\"" + spend.campaign_id()
        + "\",\"decided_at\":" + at + ",\"spent_micros\":" + micros + ",\"event_id\":\"" + spend.event_id() + "\"}";
  }

  /** Count, nanoseconds of the wall clock, nanoseconds of processor time: what is measured. */
  static synchronized void mark(long count) {
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    System.out.println("moment " + count + " " + System.nanoTime() + " " + system.getProcessCpuTime());
  }

  private static long start(LocalDate day, ZoneId zone) {
    return day.atStartOfDay(zone).toInstant().toEpochMilli();
  }

  /** The last ids of a partition in the order in which they came, and a set of them (open addressing, 0 is empty). */
  static final class Window {
    private static final int MASK = (1 << 21) - 1;

    final long[] ring = new long[WINDOW];
    long added;
    private final long[] table = new long[MASK + 1];

    boolean contains(long hash) {
      for (int at = (int) hash & MASK; table[at] != 0; at = (at + 1) & MASK) {
        if (table[at] == hash) {
          return true;
        }
      }
      return false;
    }

    /** The slot that the id takes, from which the oldest one goes. */
    int add(long hash) {
      int slot = (int) (added++ % WINDOW);
      if (ring[slot] != 0) {
        remove(ring[slot]);
      }
      ring[slot] = hash;
      insert(hash);
      return slot;
    }

    void restore(int slot, long hash) {
      ring[slot] = hash;
      insert(hash);
    }

    private void insert(long hash) {
      int at = (int) hash & MASK;
      while (table[at] != 0) {
        at = (at + 1) & MASK;
      }
      table[at] = hash;
    }

    private void remove(long hash) {
      int at = (int) hash & MASK;
      while (table[at] != hash) {
        at = (at + 1) & MASK;
      }
      int hole = at;
      table[hole] = 0;
      for (at = (at + 1) & MASK; table[at] != 0; at = (at + 1) & MASK) {
        int home = (int) table[at] & MASK;
        if (((at - home) & MASK) >= ((at - hole) & MASK)) {
          table[hole] = table[at];
          table[at] = 0;
          hole = at;
        }
      }
    }
  }
}
