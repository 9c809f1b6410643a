package spendgate.control;

import java.time.Instant;
import java.util.List;

/**
 * A worker decides on this partition. Commands of all that arrived before {@code decidedUpTo} are on campaign-control
 * below {@code controlOffsets}, by partition of that topic; a worker of an older release says none.
 */
public record Heartbeat(int partition, Instant decidedUpTo, List<Long> controlOffsets) {}
