import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Properties;
import java.util.TreeMap;

/** What Java reads in the file named by each line of its input: KEY.VALUE in base64, or "!". */
class ReadProperties {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            String text = Files.readString(Path.of(file));
            Properties properties = new Properties();
            try {
                properties.load(new StringReader(text));
            } catch (IllegalArgumentException malformed) {
                System.out.println("!");
                continue;
            }
            StringBuilder line = new StringBuilder();
            for (var each : new TreeMap<Object, Object>(properties).entrySet()) {
                line.append(encode(each.getKey())).append('.').append(encode(each.getValue()));
                line.append(' ');
            }
            System.out.println(line);
        }
    }

    private static String encode(Object text) throws Exception {
        return Base64.getEncoder().withoutPadding().encodeToString(text.toString().getBytes("UTF-16BE"));
    }
}
