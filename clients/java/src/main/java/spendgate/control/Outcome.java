package spendgate.control;

/** What became of a command. */
public enum Outcome {
    APPLIED,
    FAILED
}
