package standin;

import java.util.Map;
import java.util.TreeMap;

/** What people see. */
final class Pages {
    static String home(String version, Map<String, String> tenders) {
        StringBuilder rows = new StringBuilder();
        for (Map.Entry<String, String> one : new TreeMap<>(tenders).entrySet()) {
            String note = one.getValue() == null ? "" : one.getValue();
            rows.append("<tr><td>").append(escape(one.getKey())).append("</td><td>")
                .append(escape(note)).append("</td></tr>\n");
        }
        return page(version,
            "<h1>Layanan Pengadaan Secara Elektronik</h1>\n<table>\n" + rows + "</table>\n");
    }

    static String login(String version, String home) {
        return page(version, "<h1>Login</h1>\n"
            + "<form method=\"post\" action=\"" + escape(home) + "/login\">\n"
            + "<label>User ID <input name=\"userid\"></label>\n"
            + "<label>Password <input name=\"password\" type=\"password\"></label>\n"
            + "<button>Login</button>\n</form>\n");
    }

    static String notFound(String request) {
        return "<!DOCTYPE html>\n<title>Not found</title>\n<h1>" + escape(request) + "</h1>\n";
    }

    static String internalError(String id) {
        return "<!DOCTYPE html>\n<title>Application error</title>\n"
            + "<h1>Oops, an error occured</h1>\n"
            + "<p>This exception has been logged with id <strong>" + id + "</strong></p>\n";
    }

    private static String page(String version, String body) {
        return "<!DOCTYPE html>\n<html lang=\"id\">\n"
            + "<title>SPSE - Sistem Pengadaan Secara Elektronik</title>\n"
            + body
            + "<footer>SPSE v" + escape(version)
            + " - Lembaga Kebijakan Pengadaan Barang/Jasa Pemerintah</footer>\n</html>\n";
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            .replace("\"", "&quot;");
    }

    private Pages() {}
}
