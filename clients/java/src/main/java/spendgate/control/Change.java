package spendgate.control;

/**
 * A command that was applied: it is higher than the one held before.
 *
 * @param isHistory it was on the topic before the reader started, so that nobody can tell when it was applied first
 */
public record Change(Command command, boolean isHistory) {}
