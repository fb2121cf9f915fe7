package standin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;

/**
 * The pages below http.path: the home page, /login, and documents.
 *
 * POST /dokumen?psr=NUMBER&judul=TITLE with the file as body answers with the document's number;
 * GET /dokumen/NUMBER gives the file back.
 */
final class Web {
    private final HttpServer server;
    private final Settings settings;
    private final Release release;
    private final Database database;
    private final Documents documents;
    private final Log log;
    private final String trouble;

    Web(Settings settings, Release release, Database database, Log log, String trouble)
            throws IOException {
        this.settings = settings;
        this.release = release;
        this.database = database;
        this.documents = new Documents(database, release, settings.storage());
        this.log = log;
        this.trouble = trouble;
        server = listen(settings, log);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", this::answer);
    }

    private static HttpServer listen(Settings settings, Log log) throws IOException {
        try {
            return HttpServer.create(settings.httpAddress(), 100);
        } catch (BindException error) {
            log.error("Could not bind on port " + settings.httpAddress().getPort(), error);
            throw error;
        }
    }

    void start() {
        server.start();
        log.info("Listening for HTTP on port " + server.getAddress().getPort() + " ...");
    }

    private void answer(HttpExchange exchange) throws IOException {
        String request = exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
        try (exchange) {
            try {
                if (misbehaves(exchange)) {
                    return;
                }
                if (trouble != null) {
                    throw new IllegalStateException(trouble);
                }
                route(exchange, request.replaceAll("/+$", ""));
            } catch (FileNotFoundException error) {
                send(exchange, 404, Pages.notFound(request));
            } catch (NumberFormatException error) {
                send(exchange, 400, Pages.notFound(request));
            } catch (SQLException | IOException | RuntimeException error) {
                String id = Long.toString(System.nanoTime(), 36);
                log.error("@" + id + "\nInternal Server Error (500) for request " + request, error);
                send(exchange, 500, Pages.internalError(id));
            }
        }
    }

    private void route(HttpExchange exchange, String request) throws SQLException, IOException {
        String home = settings.httpPath();
        // HEAD is answered as GET is, less the content.
        String page = request.replaceFirst("^HEAD ", "GET ");
        if (page.equals("GET " + home)) {
            send(exchange, 200, Pages.home(release.version(), readTenders()));
        } else if (page.equals("GET " + home + "/login")) {
            readTenders();
            send(exchange, 200, Pages.login(release.version(), home));
        } else if (request.equals("POST " + home + "/dokumen")) {
            upload(exchange);
        } else if (request.startsWith("GET " + home + "/dokumen/")) {
            download(exchange, Long.parseLong(request.substring(request.lastIndexOf('/') + 1)));
        } else {
            throw new FileNotFoundException(request);
        }
    }

    private void upload(HttpExchange exchange) throws SQLException, IOException {
        Map<String, String> query = parse(exchange.getRequestURI().getRawQuery());
        int bidder = Integer.parseInt(query.getOrDefault("psr", ""));
        String title = query.getOrDefault("judul", "Surat Penawaran");
        long number = documents.add(bidder, title, exchange.getRequestBody());
        log.info("Dokumen penawaran " + number + " diterima");
        send(exchange, 200, number + "\n");
    }

    private void download(HttpExchange exchange, long number) throws SQLException, IOException {
        Path file = documents.find(number);
        if (!Files.isRegularFile(file)) {
            throw new FileNotFoundException(file.toString());
        }
        exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
        long size = Files.size(file);
        exchange.sendResponseHeaders(200, size == 0 ? -1 : size);
        try (OutputStream out = exchange.getResponseBody()) {
            Files.copy(file, out);
        }
    }

    private Map<String, String> readTenders() throws SQLException, IOException {
        return database.use(connection -> {
            Map<String, String> found = new HashMap<>();
            try (Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery(release.homeQuery())) {
                while (rows.next()) {
                    found.put(rows.getString(1), rows.getString(2));
                }
            }
            return found;
        });
    }

    /** Whether the fault of this release has dealt with the request, badly. */
    private boolean misbehaves(HttpExchange exchange) throws IOException {
        switch (release.fault()) {
            case HANGS:
                try {
                    Thread.sleep(Long.MAX_VALUE);
                } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                }
                return true;
            case ANSWERS_504:
                send(exchange, 504, "Gateway Timeout\n");
                return true;
            default:
                return false;
        }
    }

    private static Map<String, String> parse(String query) {
        Map<String, String> found = new HashMap<>();
        for (String pair : (query == null ? "" : query).split("&")) {
            String[] both = pair.split("=", 2);
            String value = both.length > 1 ? both[1] : "";
            found.put(both[0], URLDecoder.decode(value, StandardCharsets.UTF_8));
        }
        return found;
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        String type = text.startsWith("<") ? "text/html" : "text/plain";
        exchange.getResponseHeaders().set("Content-Type", type + "; charset=utf-8");
        boolean head = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, head ? -1 : content.length);
        if (!head) {
            exchange.getResponseBody().write(content);
        }
    }
}
