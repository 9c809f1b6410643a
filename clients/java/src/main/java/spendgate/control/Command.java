package spendgate.control;

import java.time.Instant;
import java.util.List;

/**
 * A command of campaign-control: what a consumer needs of it.
 *
 * @param externalId the id of the campaign on its platform, or null where the catalog has none
 * @param reasons why it is paused, sorted; empty for a resume. New reasons may come: show them as they are
 * @param resumesAt for people, or null. Machines wait for the command
 * @param brandPartition the partition whose worker decides on the brand, as control-heartbeat counts them
 */
public record Command(
        String commandId,
        Action action,
        String campaignId,
        String externalId,
        String brandId,
        long epoch,
        long sequence,
        List<String> reasons,
        Instant decidedAt,
        Instant resumesAt,
        int brandPartition) {

    public boolean mayRun() {
        return action == Action.RESUME;
    }

    /** Below 0, 0 or above 0: only a higher (epoch, sequence) is applied. */
    public int compareOrder(Command other) {
        return epoch != other.epoch ? Long.compare(epoch, other.epoch) : Long.compare(sequence, other.sequence);
    }
}
