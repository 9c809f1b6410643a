package spendgate.control;

import java.time.Instant;

/** A worker decides on this partition, and everything that arrived before {@code decidedUpTo} is told. */
public record Heartbeat(int partition, Instant decidedUpTo) {}
