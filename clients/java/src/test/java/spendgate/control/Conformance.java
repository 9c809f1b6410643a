package spendgate.control;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Plays the logs of clients/conformance through the library: prints, as JSON, what each step of each log comes to. */
public final class Conformance {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ControlState state;
    private final String consumer;

    private Conformance(JsonNode log) {
        Policy policy = Policy.valueOf(log.get("policy").textValue().toUpperCase(Locale.ROOT));
        state = new ControlState(policy, log.get("heartbeats").booleanValue());
        consumer = log.get("consumer").textValue();
    }

    public static void main(String[] args) throws IOException {
        ObjectNode told = JSON.createObjectNode();
        for (String name : args) {
            Path path = Path.of(name);
            JsonNode log = JSON.readTree(Files.readAllBytes(path));
            Conformance player = new Conformance(log);
            ArrayNode steps = told.putArray(path.getFileName().toString().replace(".json", ""));
            for (JsonNode step : log.get("steps")) {
                steps.add(player.play(step));
            }
        }
        System.out.println(told);
    }

    private ObjectNode play(JsonNode step) throws IOException {
        Duration now = Duration.ofMillis(Math.round(step.get("now").doubleValue() * 1000));
        if (step.has("ends")) {
            Map<Integer, Long> ends = new HashMap<>();
            step.get("ends").properties().forEach(it -> ends.put(Integer.valueOf(it.getKey()), it.getValue().longValue()));
            state.tellEnds(ends, now);
        }
        List<Command> applied = new ArrayList<>();
        for (JsonNode entry : step.get("log")) {
            read(entry, now).filter(it -> !it.isHistory()).ifPresent(it -> applied.add(it.command()));
        }
        return observe(step, applied, now);
    }

    /** An aborted record is not delivered to a read_committed reader; of a marker it has the position alone. */
    private Optional<Change> read(JsonNode entry, Duration now) {
        int partition = entry.path("partition").intValue();
        long offset = entry.path("offset").longValue();
        if (!entry.has("partition")) {
            state.readHeartbeat(data(entry, "heartbeat"), now);
        } else if (entry.has("marker")) {
            state.moveTo(partition, offset + 1);
        } else if (!entry.path("aborted").booleanValue()) {
            return state.readCommand(partition, offset, key(entry), data(entry, "value"));
        }
        return Optional.empty();
    }

    private static byte[] key(JsonNode entry) {
        if (entry.has("key_base64")) {
            return Base64.getDecoder().decode(entry.get("key_base64").textValue());
        }
        return entry.get("key").isNull() ? null : entry.get("key").textValue().getBytes(StandardCharsets.UTF_8);
    }

    /** JSON as the log has it, or the bytes of its text or base64; null is a tombstone. */
    private static byte[] data(JsonNode entry, String name) {
        if (entry.has("base64")) {
            return Base64.getDecoder().decode(entry.get("base64").textValue());
        }
        if (entry.has("text")) {
            return entry.get("text").textValue().getBytes(StandardCharsets.UTF_8);
        }
        return entry.get(name).isNull() ? null : entry.get(name).toString().getBytes(StandardCharsets.UTF_8);
    }

    private ObjectNode observe(JsonNode step, List<Command> applied, Duration now) throws IOException {
        JsonNode expected = step.get("expect");
        ObjectNode told = JSON.createObjectNode()
                .put("caught_up", state.isCaughtUp())
                .put("wants_ends", state.wantsEnds())
                .put("unreadable_records", state.unreadableRecords());
        ArrayNode silent = told.putArray("silent");
        ObjectNode decided = told.putObject("decided_up_to");
        expected.get("decided_up_to").fieldNames().forEachRemaining(number -> {
            int partition = Integer.parseInt(number);
            if (state.isSilent(partition, now)) {
                silent.add(number);
            }
            decided.put(number, state.decidedUpTo(partition).map(Records::showMoment).orElse(null));
        });
        ArrayNode acks = told.putArray("acks");
        for (Command command : applied) {
            acks.add(acknowledge(command, step));
        }
        ObjectNode campaigns = told.putObject("campaigns");
        expected.get("campaigns").fieldNames().forEachRemaining(it -> campaigns.set(it, show(state.mayRun(it, now))));
        return told;
    }

    private JsonNode acknowledge(Command command, JsonNode step) throws IOException {
        String detail = step.path("fails").path(command.commandId()).textValue();
        Outcome outcome = detail == null ? Outcome.APPLIED : Outcome.FAILED;
        Instant appliedAt = Instant.parse(step.get("moment").textValue());
        return JSON.readTree(Records.acknowledgement(command, consumer, appliedAt, outcome, detail));
    }

    private static ObjectNode show(Verdict verdict) {
        ObjectNode told = JSON.createObjectNode().put("may_run", verdict.mayRun());
        told.set("reasons", JSON.valueToTree(verdict.reasons()));
        told.put("resumes_at", verdict.resumesAt() == null ? null : Records.showMoment(verdict.resumesAt()));
        ArrayNode doubts = told.putArray("doubts");
        verdict.doubts().forEach(doubt -> doubts.add(doubt.name().toLowerCase(Locale.ROOT)));
        return told.put("command_id", verdict.command() == null ? null : verdict.command().commandId());
    }
}
