package spendgate.control;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The pure fold of campaign-control and control-heartbeat, the last command of every campaign: no I/O, no clock. Not for
 * several threads at once; {@code now} is the time since any fixed moment and never runs back.
 */
public final class ControlState {
    /** After so long without a heartbeat whose commands were read, nobody is known to decide on a partition's brands. */
    public static final Duration SILENCE = Duration.ofSeconds(5);

    private final Policy policy;
    private final boolean heartbeats;
    private final Map<String, Command> commands = new HashMap<>();
    private final Set<String> doubtful = new HashSet<>();
    private final Map<Integer, Long> positions = new HashMap<>();
    /** Heartbeats whose commands were not read yet: of each partition the oldest and the newest. */
    private final Map<Integer, List<Ahead>> ahead = new HashMap<>();
    private final Map<Integer, Duration> heardAt = new HashMap<>();
    private final Map<Integer, Instant> decidedUpTo = new HashMap<>();
    private Map<Integer, Long> historyEnds = Map.of();
    private Map<Integer, Long> ends = Map.of();
    private Duration endsToldAt = Duration.ZERO;
    private long unreadableRecords;
    private String lastError;

    /**
     * @param heartbeats false for a Spendgate that writes none: then nothing is ever silent
     */
    public ControlState(Policy policy, boolean heartbeats) {
        this.policy = policy;
        this.heartbeats = heartbeats;
    }

    /** Apply a record of campaign-control; the change it made, if any. A tombstone makes a campaign unknown. */
    public Optional<Change> readCommand(int partition, long offset, byte[] key, byte[] value) {
        moveTo(partition, offset + 1);
        if (value == null) {
            campaignOf(key).ifPresent(this::forget);
            return Optional.empty();
        }
        Command command;
        try {
            command = Records.parseCommand(key, value);
        } catch (UnreadableRecordException error) {
            noteUnreadable(error);
            campaignOf(key).ifPresent(doubtful::add);
            return Optional.empty();
        }
        Command held = commands.get(command.campaignId());
        int order = held == null ? 1 : command.compareOrder(held);
        if (order >= 0) {
            doubtful.remove(command.campaignId());
        }
        if (order <= 0) {
            return Optional.empty();
        }
        commands.put(command.campaignId(), command);
        return Optional.of(new Change(command, offset < historyEnds.getOrDefault(partition, offset + 1)));
    }

    /**
     * Take a heartbeat that was written while the reader was reading: one from before tells nothing of now. It counts
     * from its coming, but not before every command that it speaks of was read.
     */
    public void readHeartbeat(byte[] value, Duration now) {
        if (value == null) {
            return;
        }
        Heartbeat heartbeat;
        try {
            heartbeat = Records.parseHeartbeat(value);
        } catch (UnreadableRecordException error) {
            noteUnreadable(error);
            return;
        }
        Duration heard = heardAt.getOrDefault(heartbeat.partition(), endsToldAt);
        Duration since = heard.compareTo(endsToldAt) > 0 ? heard : endsToldAt;
        if (now.minus(since).compareTo(SILENCE) > 0) {
            ends = Map.of(); // what was decided meanwhile may still have to be read
        }
        List<Ahead> waiting = ahead.computeIfAbsent(heartbeat.partition(), partition -> new ArrayList<>());
        if (waiting.size() > 1) {
            waiting.remove(1);
        }
        waiting.add(new Ahead(heartbeat, now));
        countHeartbeats();
    }

    /** The reader will read {@code position} next. It may lie behind records that readers do not see. */
    public void moveTo(int partition, long position) {
        positions.put(partition, position);
        countHeartbeats();
    }

    /** The end offsets of all partitions of campaign-control, as a read_committed reader is told them. */
    public void tellEnds(Map<Integer, Long> ends, Duration now) {
        if (historyEnds.isEmpty()) {
            historyEnds = Map.copyOf(ends);
        }
        this.ends = Map.copyOf(ends);
        endsToldAt = now;
    }

    /** The reader has to ask for the end offsets: at its start, and after a silence. */
    public boolean wantsEnds() {
        return ends.isEmpty();
    }

    /** How many offsets are left to read, of each partition that has some. */
    public SortedMap<Integer, Long> behind() {
        SortedMap<Integer, Long> lags = new TreeMap<>();
        ends.forEach((partition, end) -> {
            long lag = end - positions.getOrDefault(partition, 0L);
            if (lag > 0) {
                lags.put(partition, lag);
            }
        });
        return lags;
    }

    /** All was read that was on the topic when the end offsets were asked for. */
    public boolean isCaughtUp() {
        return !ends.isEmpty() && behind().isEmpty();
    }

    public Verdict mayRun(String campaignId, Duration now) {
        Command command = commands.get(campaignId);
        List<Doubt> doubts = doubts(campaignId, command, now);
        boolean told = command == null ? policy == Policy.OPEN : command.mayRun();
        return new Verdict(
                told && (doubts.isEmpty() || policy == Policy.OPEN),
                command == null ? List.of() : command.reasons(),
                command == null ? null : command.resumesAt(),
                doubts,
                command);
    }

    /** Whether nobody is known to decide on the brands of a partition. */
    public boolean isSilent(int partition, Duration now) {
        Duration heard = heardAt.get(partition);
        return heartbeats && (heard == null || now.minus(heard).compareTo(SILENCE) > 0);
    }

    /** Every command of what arrived before was read; empty until a heartbeat came and its commands were read. */
    public Optional<Instant> decidedUpTo(int partition) {
        return Optional.ofNullable(decidedUpTo.get(partition));
    }

    /** The ids of all campaigns of which a command is held. */
    public SortedSet<String> campaigns() {
        return new TreeSet<>(commands.keySet());
    }

    public long unreadableRecords() {
        return unreadableRecords;
    }

    /** What was wrong with the last record that could not be read. */
    public Optional<String> lastError() {
        return Optional.ofNullable(lastError);
    }

    /** The newest of each partition whose commands were read meanwhile; those before it are of no more use. */
    private void countHeartbeats() {
        ahead.forEach((partition, waiting) -> {
            for (int last = waiting.size() - 1; last >= 0; last--) {
                Ahead newest = waiting.get(last);
                if (hasRead(newest.heartbeat().controlOffsets())) {
                    heardAt.put(partition, newest.cameAt());
                    decidedUpTo.put(partition, newest.heartbeat().decidedUpTo());
                    waiting.subList(0, last + 1).clear();
                    break;
                }
            }
        });
        ahead.values().removeIf(List::isEmpty);
    }

    private boolean hasRead(List<Long> offsets) {
        for (int partition = 0; partition < offsets.size(); partition++) {
            if (positions.getOrDefault(partition, 0L) < offsets.get(partition)) {
                return false;
            }
        }
        return true;
    }

    private List<Doubt> doubts(String campaignId, Command command, Duration now) {
        List<Doubt> doubts = new ArrayList<>();
        if (!isCaughtUp()) {
            doubts.add(Doubt.CATCHING_UP);
        }
        if (command == null) {
            doubts.add(Doubt.UNKNOWN_CAMPAIGN);
        }
        if (doubtful.contains(campaignId)) {
            doubts.add(Doubt.UNREADABLE);
        }
        if (command != null && isSilent(command.brandPartition(), now)) {
            doubts.add(Doubt.SILENT);
        }
        return List.copyOf(doubts);
    }

    private void forget(String campaignId) {
        commands.remove(campaignId);
        doubtful.remove(campaignId);
    }

    private void noteUnreadable(UnreadableRecordException error) {
        unreadableRecords++;
        lastError = error.getMessage();
    }

    private static Optional<String> campaignOf(byte[] key) {
        return Optional.ofNullable(key)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .filter(Records::isId);
    }

    private record Ahead(Heartbeat heartbeat, Duration cameAt) {}
}
