package spendgate.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** What campaign-control, control-heartbeat and control-acks carry, read strictly. Unknown fields are ignored. */
public final class Records {
    private static final int SCHEMA = 1;
    /** Every language counts exactly up to here, also those whose only number is the double. */
    private static final long LARGEST_INTEGER = (1L << 53) - 1;

    private static final Pattern ID = Pattern.compile("[A-Za-z0-9._:-]{1,64}");
    private static final Pattern MOMENT = Pattern.compile(
            "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?Z");
    private static final DateTimeFormatter WHOLE_SECONDS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final DateTimeFormatter MILLISECONDS =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private Records() {}

    /** The command in a record of campaign-control. */
    public static Command parseCommand(byte[] key, byte[] value) throws UnreadableRecordException {
        JsonNode fields = fields(value);
        JsonNode schema = fields.path("schema");
        if (!schema.isNumber() || schema.doubleValue() != SCHEMA) {
            throw new UnreadableRecordException("schema is not " + SCHEMA + ": this library is too old for it");
        }
        Command command = new Command(
                text(fields, "command_id"),
                action(fields),
                id(fields, "campaign_id"),
                isGiven(fields, "external_id") ? text(fields, "external_id") : null,
                id(fields, "brand_id"),
                integer(fields, "epoch", 1),
                integer(fields, "sequence", 1),
                reasons(fields),
                moment(fields, "decided_at"),
                isGiven(fields, "resumes_at") ? moment(fields, "resumes_at") : null,
                partition(fields.path("cause")));
        check(command, key);
        return command;
    }

    /** The heartbeat in a record of control-heartbeat. */
    public static Heartbeat parseHeartbeat(byte[] value) throws UnreadableRecordException {
        JsonNode fields = fields(value);
        return new Heartbeat(partition(fields), moment(fields, "decided_up_to"), offsets(fields, "control_offsets"));
    }

    /**
     * The value of a record of control-acks; its key is the campaign's id.
     *
     * @param detail says, for people, why it failed; or null
     */
    public static byte[] acknowledgement(
            Command command, String consumer, Instant appliedAt, Outcome outcome, String detail) {
        var value = JSON.createObjectNode()
                .put("command_id", command.commandId())
                .put("campaign_id", command.campaignId())
                .put("applied_at", showMoment(appliedAt))
                .put("consumer", consumer)
                .put("outcome", outcome.name().toLowerCase(Locale.ROOT))
                .put("detail", detail);
        return value.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** RFC 3339 in UTC with three fraction digits, or none on a whole second. */
    public static String showMoment(Instant moment) {
        return (moment.toEpochMilli() % 1000 == 0 ? WHOLE_SECONDS : MILLISECONDS).format(moment);
    }

    static boolean isId(String text) {
        return ID.matcher(text).matches();
    }

    private static void check(Command command, byte[] key) throws UnreadableRecordException {
        String expected = command.campaignId() + ":" + command.epoch() + ":" + command.sequence();
        if (!command.commandId().equals(expected)) {
            throw new UnreadableRecordException("command_id is not campaign_id:epoch:sequence");
        }
        if (!Arrays.equals(key, command.campaignId().getBytes(StandardCharsets.UTF_8))) {
            throw new UnreadableRecordException("the record's key is not its campaign_id");
        }
        if (command.mayRun() != command.reasons().isEmpty()) {
            throw new UnreadableRecordException("reasons do not fit the action: a pause has some, a resume none");
        }
    }

    private static JsonNode fields(byte[] value) throws UnreadableRecordException {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString();
            JsonNode fields = JSON.readTree(text);
            if (fields.isObject()) {
                return fields;
            }
        } catch (CharacterCodingException | JsonProcessingException error) {
            throw new UnreadableRecordException("not JSON in UTF-8");
        }
        throw new UnreadableRecordException("not a JSON object");
    }

    private static boolean isGiven(JsonNode fields, String name) {
        return !fields.path(name).isMissingNode() && !fields.path(name).isNull();
    }

    private static String text(JsonNode fields, String name) throws UnreadableRecordException {
        if (!fields.path(name).isTextual()) {
            throw new UnreadableRecordException(name + " is not a string");
        }
        return fields.path(name).textValue();
    }

    private static String id(JsonNode fields, String name) throws UnreadableRecordException {
        String text = text(fields, name);
        if (!isId(text)) {
            throw new UnreadableRecordException(name + " is not an id");
        }
        return text;
    }

    private static Action action(JsonNode fields) throws UnreadableRecordException {
        return switch (text(fields, "action")) {
            case "pause" -> Action.PAUSE;
            case "resume" -> Action.RESUME;
            default -> throw new UnreadableRecordException("action is neither pause nor resume");
        };
    }

    private static int partition(JsonNode fields) throws UnreadableRecordException {
        long partition = integer(fields, "partition", 0);
        if (partition > Integer.MAX_VALUE) {
            throw new UnreadableRecordException("partition is out of range");
        }
        return (int) partition;
    }

    private static List<Long> offsets(JsonNode fields, String name) throws UnreadableRecordException {
        List<Long> offsets = new ArrayList<>();
        if (isGiven(fields, name) && !fields.path(name).isArray()) {
            throw new UnreadableRecordException(name + " is not a list of integers");
        }
        for (JsonNode offset : fields.path(name)) {
            offsets.add(integer(name, offset, 0));
        }
        return List.copyOf(offsets);
    }

    private static long integer(JsonNode fields, String name, long least) throws UnreadableRecordException {
        return integer(name, fields.path(name), least);
    }

    private static long integer(String name, JsonNode field, long least) throws UnreadableRecordException {
        double value = field.isNumber() ? field.doubleValue() : Double.NaN;
        if (!(value >= least && value <= LARGEST_INTEGER) || value != Math.rint(value)) {
            throw new UnreadableRecordException(name + " is not an integer from " + least + " to " + LARGEST_INTEGER);
        }
        return (long) value;
    }

    private static List<String> reasons(JsonNode fields) throws UnreadableRecordException {
        JsonNode field = fields.path("reasons");
        List<String> reasons = new ArrayList<>();
        for (JsonNode reason : field) {
            if (reason.isTextual()) {
                reasons.add(reason.textValue());
            }
        }
        if (!field.isArray() || reasons.size() != field.size()) {
            throw new UnreadableRecordException("reasons is not a list of strings");
        }
        return List.copyOf(reasons);
    }

    private static Instant moment(JsonNode fields, String name) throws UnreadableRecordException {
        String value = text(fields, name);
        try {
            if (MOMENT.matcher(value).matches()) {
                return Instant.parse(value);
            }
        } catch (DateTimeException error) {
            // told below
        }
        throw new UnreadableRecordException(name + " is not a moment such as 2025-09-08T09:00:00.125Z");
    }
}
