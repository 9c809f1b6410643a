package spendgate.control;

import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Follows the commands, carries them out (here: prints them) and acknowledges them. Arguments: BROKERS [TOPIC_PREFIX]. */
public final class Example {
    private final Map<String, String> shown = new HashMap<>();

    public static void main(String[] args) throws Exception {
        var options = new ControlReader.Options(args[0], "example-java", Policy.CLOSED)
                .topicPrefix(args.length > 1 ? args[1] : "");
        try (ControlReader reader = new ControlReader(options)) {
            reader.catchUp(Duration.ofSeconds(30));
            System.out.println("caught up");
            new Example().follow(reader);
        }
    }

    private void follow(ControlReader reader) {
        while (true) {
            reader.campaigns().forEach(campaignId -> show(campaignId, reader.mayRun(campaignId)));
            for (Change change : reader.poll(Duration.ofMillis(500))) {
                show(change.command().campaignId(), reader.mayRun(change.command().campaignId()));
                if (!change.isHistory()) {
                    reader.acknowledge(change.command());
                }
            }
        }
    }

    private void show(String campaignId, Verdict verdict) {
        String line = (verdict.mayRun() ? "runs" : "stops") + " reasons=" + verdict.reasons() + " doubts="
                + verdict.doubts();
        if (!line.equals(shown.put(campaignId, line))) {
            System.out.println(campaignId + " " + line.toLowerCase(Locale.ROOT));
        }
    }
}
