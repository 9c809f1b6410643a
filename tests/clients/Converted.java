import java.io.FileReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;

/** Prints what a Kafka Connect with the settings of a file makes of a message: SETTINGS MESSAGE. */
final class Converted {
    private static final String PREFIX = "value.converter.";

    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.load(new FileReader(arguments[0]));
        Map<String, String> own = new HashMap<>();
        settings.stringPropertyNames().stream()
                .filter(name -> name.startsWith(PREFIX))
                .forEach(name -> own.put(name.substring(PREFIX.length()), settings.getProperty(name)));
        try (JsonConverter converter = new JsonConverter()) {
            converter.configure(own, false);
            SchemaAndValue told = converter.toConnectData("topic", Files.readAllBytes(Path.of(arguments[1])));
            System.out.println(told.value().getClass().getSimpleName() + " " + told.value());
        }
    }
}
