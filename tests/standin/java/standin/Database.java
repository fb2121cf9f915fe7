package standin;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Connections that stay open while the application runs, as those of a pool do. */
final class Database implements AutoCloseable {
    interface Work<T> {
        T on(Connection connection) throws SQLException, IOException;
    }

    private static final int CONNECTIONS = 3;
    private static final int OLDEST_MAJOR = 11;
    private final BlockingQueue<Connection> idle = new LinkedBlockingQueue<>();
    private final Properties settings;

    Database(Settings settings, Log log) throws IOException, SQLException {
        this.settings = settings.database();
        try {
            for (int i = 0; i < CONNECTIONS; i++) {
                idle.add(open());
            }
        } catch (SQLException error) {
            String said = error.getMessage();
            log.error("Database [default] Cannot connected to the database : " + said, null);
            throw error;
        }
        DatabaseMetaData facts = idle.element().getMetaData();
        log.info("using database DBMS " + facts.getDatabaseProductName() + " versi "
            + facts.getDatabaseProductVersion());
        if (facts.getDatabaseMajorVersion() < OLDEST_MAJOR) {
            throw new SQLException("Database Postgres Minimum Versi " + OLDEST_MAJOR);
        }
        log.info("Connected to " + this.settings.getProperty("url") + " for default");
    }

    /** Do the work in one transaction: all of it, or after an error nothing. */
    <T> T inTransaction(Work<T> work) throws SQLException, IOException {
        return use(connection -> {
            connection.setAutoCommit(false);
            try {
                T result = work.on(connection);
                connection.commit();
                return result;
            } catch (SQLException | IOException | RuntimeException error) {
                connection.rollback();
                throw error;
            } finally {
                connection.setAutoCommit(true);
            }
        });
    }

    /** Do the work with every statement a transaction of its own. */
    <T> T use(Work<T> work) throws SQLException, IOException {
        Connection connection = take();
        try {
            return work.on(connection);
        } finally {
            idle.add(connection);
        }
    }

    @Override
    public void close() throws SQLException {
        for (Connection connection : idle) {
            connection.close();
        }
    }

    private Connection take() throws SQLException {
        Connection connection;
        try {
            connection = idle.poll(30, TimeUnit.SECONDS);
        } catch (InterruptedException error) {
            throw new SQLException(error);
        }
        if (connection == null) {
            throw new SQLException("Connection is not available, request timed out after 30000ms.");
        }
        if (connection.isValid(5)) {
            return connection;
        }
        try {
            return open();
        } catch (SQLException error) {
            idle.add(connection);
            throw error;
        }
    }

    private Connection open() throws SQLException {
        Properties login = new Properties();
        login.put("user", settings.getProperty("user"));
        login.put("password", settings.getProperty("password"));
        login.put("connectTimeout", "10");
        return DriverManager.getConnection(settings.getProperty("url"), login);
    }
}
