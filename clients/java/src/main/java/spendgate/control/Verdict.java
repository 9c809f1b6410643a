package spendgate.control;

import java.time.Instant;
import java.util.List;

/**
 * Whether a campaign may run, and why. Without doubts, {@code mayRun} is what {@code command} says.
 *
 * @param resumesAt null when time alone does not help, or nothing is known
 * @param command null when the campaign is unknown
 */
public record Verdict(
        boolean mayRun, List<String> reasons, Instant resumesAt, List<Doubt> doubts, Command command) {}
