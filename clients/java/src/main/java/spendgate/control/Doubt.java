package spendgate.control;

/** Why the last command that was read may not be the last word. */
public enum Doubt {
    CATCHING_UP,
    UNKNOWN_CAMPAIGN,
    /** A record with the campaign's key could not be read, and nothing after it has made up for it. */
    UNREADABLE,
    /**
     * Nobody has decided on the brand for {@link ControlState#SILENCE}, or ever since the reader started; or what was
     * decided lies for so long behind another transaction that is open, where no reader gets it.
     */
    SILENT
}
