package spendgate.control;

/** Not what docs/contract.md, "Topics", describes. The message names the field; the next record is read. */
public final class UnreadableRecordException extends Exception {
    private static final long serialVersionUID = 1;

    UnreadableRecordException(String message) {
        super(message);
    }
}
