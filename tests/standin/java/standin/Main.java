package standin;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Starts the stand-in; -Dmigration=only migrates its database and ends, =first starts it then. */
public final class Main {
    public static void main(String[] args) {
        Path application = Path.of(System.getProperty("application.path")).toAbsolutePath();
        try {
            Release release = Release.load();
            Log log = new Log(application.resolve("logs").resolve(release.logName()));
            String migration = System.getProperty("migration", "none");
            if (migration.equals("only")) {
                migrate(application, release, log);
            } else {
                serve(application, release, log, migration.equals("first"));
            }
        } catch (Exception error) {
            // The framework leaves server.pid behind here, and so do we.
            System.out.println("Failed to start: " + error.getMessage());
            System.exit(1);
        }
    }

    private static void serve(Path application, Release release, Log log, boolean migrateFirst)
            throws Exception {
        writePid(application.resolve("server.pid"));
        Files.createDirectories(application.resolve("tmp/uploads"));
        try {
            log.info("Starting " + application);
            Settings settings = Settings.load(application.resolve("conf/application.conf"));
            Database database = new Database(settings, log);
            Migrations migrations = new Migrations(database, release);
            if (migrateFirst) {
                migrations.run(log);
            }
            String trouble = migrations.trouble();
            if (trouble != null) {
                log.error(trouble, null);
            }
            Web web = new Web(settings, release, database, log, trouble);
            if (release.fault() == Release.Fault.LOGS_ERRORS) {
                logErrors(log);
            }
            String name = settings.get("application.name", "spse");
            log.info("Application '" + name + "' is now started !");
            web.start();
        } catch (Exception error) {
            log.error("Failed to start", error);
            throw error;
        }
    }

    private static void migrate(Path application, Release release, Log log) throws Exception {
        Settings settings = Settings.load(application.resolve("conf/application.conf"));
        try (Database database = new Database(settings, log)) {
            new Migrations(database, release).run(log);
            System.out.println("Migration SPSE " + release.version() + " selesai");
        } catch (Exception error) {
            log.error("Migration gagal", error);
            System.out.println("Migration gagal: " + error.getMessage());
            System.exit(1);
        }
    }

    private static void writePid(Path file) throws IOException {
        if (Files.exists(file)) {
            throw new IOException("The server.pid already exists. Is the server already running?");
        }
        Files.writeString(file, Long.toString(ProcessHandle.current().pid()));
    }

    private static void logErrors(Log log) {
        log.error("Error during job execution (jobs.SinkronisasiSikapJob)",
            new IllegalStateException("Tidak dapat membaca konfigurasi sikap.url"));
        log.error("Cannot load plugin spse.JadwalPlugin",
            new ClassNotFoundException("spse.JadwalPlugin"));
    }

    private Main() {}
}
