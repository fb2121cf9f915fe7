package standin;

import java.io.IOException;
import java.io.Reader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** conf/application.conf: the keys that the stand-in knows, read as Play 1.x reads them. */
final class Settings {
    // As the framework's: no percent-encoding, and no @ in a password.
    private static final Pattern DATABASE = Pattern.compile(
        "^postgres:(//)?((?<user>[a-zA-Z0-9_]+)(:(?<password>[^@]+))?@)?"
            + "((?<host>[^/]+)/)?(?<name>[^\\s]+)$");
    private final Properties values;

    private Settings(Properties values) {
        this.values = values;
    }

    static Settings load(Path file) throws IOException {
        Properties values = new Properties();
        try (Reader text = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            values.load(text);
        }
        return new Settings(values);
    }

    String get(String key, String otherwise) {
        return values.getProperty(key, otherwise).strip();
    }

    /** The path before every page, such as /eproc4; empty for the root. */
    String httpPath() {
        return get("http.path", "").replaceAll("/+$", "");
    }

    /** All addresses of the machine unless http.address says otherwise, as the framework does. */
    InetSocketAddress httpAddress() {
        int port = Integer.parseInt(get("http.port", "9000"));
        String address = get("http.address", "");
        return address.isEmpty()
            ? new InetSocketAddress(port)
            : new InetSocketAddress(address, port);
    }

    Path storage() {
        return Path.of(get("attachments.path", "/home/file/file_prod"));
    }

    /** Keys of JDBC: url, user and password. */
    Properties database() throws IOException {
        if (!get("securedb", "").isEmpty()) {
            throw new IOException("securedb is not known here: use db in conf/application.conf");
        }
        Properties found = new Properties();
        found.put("url", get("db.url", ""));
        found.put("user", get("db.user", ""));
        found.put("password", get("db.pass", ""));
        Matcher shortForm = DATABASE.matcher(get("db", ""));
        if (shortForm.matches()) {
            String host = shortForm.group("host") == null ? "localhost" : shortForm.group("host");
            found.put("url", "jdbc:postgresql://" + host + "/" + shortForm.group("name"));
            putIfThere(found, "user", shortForm.group("user"));
            putIfThere(found, "password", shortForm.group("password"));
        }
        if (found.getProperty("url").isEmpty()) {
            throw new IOException("conf/application.conf has no usable db");
        }
        return found;
    }

    private static void putIfThere(Properties into, String key, String value) {
        if (value != null) {
            into.put(key, value);
        }
    }
}
