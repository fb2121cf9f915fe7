package standin;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;

/** Lines as by the pattern {@code %d{ddMMyy HH:mm:ss} %-5p ~ %m%n}; a new file after 10 MB. */
final class Log {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("ddMMyy HH:mm:ss");
    private static final long LARGEST_BYTES = 10_000_000;
    private final Path file;

    Log(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        this.file = file;
    }

    void info(String text) {
        write("INFO ", text);
    }

    void error(String text, Throwable error) {
        if (error == null) {
            write("ERROR", text);
            return;
        }
        StringWriter trace = new StringWriter();
        error.printStackTrace(new PrintWriter(trace));
        write("ERROR", text + "\n" + trace.toString().stripTrailing());
    }

    private synchronized void write(String level, String text) {
        String line = LocalDateTime.now().format(TIME) + " " + level + " ~ " + text + "\n";
        try {
            if (Files.exists(file) && Files.size(file) > LARGEST_BYTES) {
                Path older = file.resolveSibling(file.getFileName() + ".1");
                Files.move(file, older, StandardCopyOption.REPLACE_EXISTING);
            }
            Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException trouble) {
            System.out.println(line + trouble);
        }
    }
}
