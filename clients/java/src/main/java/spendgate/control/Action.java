package spendgate.control;

/** What a command tells a campaign to do. */
public enum Action {
    PAUSE,
    RESUME
}
