package spendgate.control;

/** What a campaign does while there is a doubt. */
public enum Policy {
    /** Go on as last told; a campaign of which nothing was told runs. */
    OPEN,
    /** Stop. */
    CLOSED
}
