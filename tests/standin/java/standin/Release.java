package standin;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Properties;

/** What makes one release differ from another: spse.properties and migrations/ of spse.jar. */
final class Release {
    enum Fault { NONE, HANGS, ANSWERS_504, LOGS_ERRORS }

    private final Properties values;

    private Release(Properties values) {
        this.values = values;
    }

    static Release load() throws IOException {
        Properties values = new Properties();
        try (Reader text = new InputStreamReader(open("spse.properties"), StandardCharsets.UTF_8)) {
            values.load(text);
        }
        return new Release(values);
    }

    String version() {
        return values.getProperty("version");
    }

    String logName() {
        return "spse" + version() + ".log";
    }

    Fault fault() {
        String name = values.getProperty("fault").replace('-', '_');
        return Fault.valueOf(name.toUpperCase(Locale.ROOT));
    }

    /** Two columns, a tender's name and its note, as the tables of this release have them. */
    String homeQuery() {
        return values.getProperty("home.query");
    }

    boolean keepsSha256() {
        return Boolean.parseBoolean(values.getProperty("keeps.sha256"));
    }

    /** Names of the migrations from the first release to this one, in their order. */
    List<String> migrations() {
        return List.of(values.getProperty("migrations").split(" "));
    }

    List<String> statements(String migration) throws IOException {
        try (InputStream content = open("migrations/" + migration + ".sql")) {
            String text = new String(content.readAllBytes(), StandardCharsets.UTF_8);
            return List.of(text.strip().split(";[ \t]*(\n|$)"));
        }
    }

    private static InputStream open(String name) throws IOException {
        InputStream content = Release.class.getResourceAsStream("/" + name);
        if (content == null) {
            throw new IOException("spse.jar has no " + name);
        }
        return content;
    }
}
