package standin;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Changes of the tables from release to release, remembered in public.spse_migrasi.
 *
 * Every statement is a transaction of its own, so one that fails leaves the database changed in
 * part: the row of its migration then has no mig_selesai.
 */
final class Migrations {
    private static final String BASE = "dasar";
    private final Database database;
    private final Release release;

    Migrations(Database database, Release release) {
        this.database = database;
        this.release = release;
    }

    /** What keeps this release from working with the database; null if nothing does. */
    String trouble() throws SQLException, IOException {
        Map<String, Boolean> done = database.use(Migrations::read);
        for (Map.Entry<String, Boolean> one : done.entrySet()) {
            String name = one.getKey();
            if (!one.getValue()) {
                return "Migration " + name + " belum selesai: pulihkan database dari backup";
            }
            if (!release.migrations().contains(name)) {
                return "Database lebih baru daripada aplikasi " + release.version() + ": " + name;
            }
        }
        for (String migration : release.migrations()) {
            if (!done.containsKey(migration)) {
                return "Database belum di-migration: " + migration + ", jalankan ./spse4 migration";
            }
        }
        return null;
    }

    /** Run what is not done yet; on an error stop where it happened. */
    void run(Log log) throws SQLException, IOException {
        database.use(connection -> {
            createTable(connection);
            Map<String, Boolean> done = read(connection);
            if (done.containsValue(false)) {
                throw new SQLException(trouble());
            }
            for (String migration : release.migrations()) {
                if (!done.containsKey(migration)) {
                    runOne(connection, migration);
                    log.info("Migration " + migration + " selesai");
                }
            }
            return null;
        });
    }

    private void runOne(Connection connection, String name) throws SQLException, IOException {
        mark(connection, name, "INSERT INTO public.spse_migrasi (mig_nama, mig_versi, mig_mulai)"
            + " VALUES (?, '" + release.version() + "', now())");
        // A database of an older SPSE has its tables already.
        boolean adopted = name.equals(BASE) && exists(connection, "public.paket");
        try (Statement statement = connection.createStatement()) {
            for (String sql : adopted ? List.<String>of() : release.statements(name)) {
                statement.execute(sql);
            }
        } catch (SQLException error) {
            throw new SQLException(name + ": " + error.getMessage(), error);
        }
        mark(connection, name,
            "UPDATE public.spse_migrasi SET mig_selesai = now() WHERE mig_nama = ?");
    }

    private static void createTable(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("""
                CREATE TABLE IF NOT EXISTS public.spse_migrasi (
                    mig_nama text PRIMARY KEY,
                    mig_versi text NOT NULL,
                    mig_mulai timestamp NOT NULL,
                    mig_selesai timestamp
                )""");
        }
    }

    private static void mark(Connection connection, String name, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, name);
            statement.executeUpdate();
        }
    }

    private static boolean exists(Connection connection, String table) throws SQLException {
        String query = "SELECT to_regclass('" + table + "')::text";
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            return row.next() && row.getString(1) != null;
        }
    }

    /** Name of each migration that was begun, and whether it ended. */
    private static Map<String, Boolean> read(Connection connection) throws SQLException {
        Map<String, Boolean> found = new LinkedHashMap<>();
        if (!exists(connection, "public.spse_migrasi")) {
            return found;
        }
        String query = "SELECT mig_nama, mig_selesai IS NOT NULL FROM public.spse_migrasi"
            + " ORDER BY mig_mulai";
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                found.put(rows.getString(1), rows.getBoolean(2));
            }
        }
        return found;
    }
}
