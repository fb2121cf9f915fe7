package standin;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;

/** Bid documents: a file below file_prod, and a row of dok_penawaran that names it. */
final class Documents {
    private static final DateTimeFormatter MONTH = DateTimeFormatter.ofPattern("yyyy/MM");
    private static final String NEXT =
        "SELECT nextval('public.seq_dok_penawaran'), lls_id FROM public.peserta WHERE psr_id = ?";
    private static final String INSERT = """
        INSERT INTO public.dok_penawaran
            (dok_id, psr_id, dok_judul, dok_file, dok_ukuran, dok_tgljam)
            VALUES (?, ?, ?, ?, ?, ?)""";
    private static final String INSERT_WITH_SHA256 = """
        INSERT INTO public.dok_penawaran
            (dok_id, psr_id, dok_judul, dok_file, dok_ukuran, dok_tgljam, dok_sha256)
            VALUES (?, ?, ?, ?, ?, ?, ?)""";

    private record Kept(Path file, LocalDateTime at, String sha256) {}

    private final Database database;
    private final Release release;
    private final Path storage;

    Documents(Database database, Release release, Path storage) {
        this.database = database;
        this.release = release;
        this.storage = storage;
    }

    /** Keep the content and return its number.  The row comes last: every row has its file. */
    long add(int bidder, String title, InputStream content) throws SQLException, IOException {
        return database.inTransaction(connection -> {
            try (PreparedStatement query = connection.prepareStatement(NEXT)) {
                query.setInt(1, bidder);
                try (ResultSet row = query.executeQuery()) {
                    if (!row.next()) {
                        throw new FileNotFoundException("peserta " + bidder);
                    }
                    long number = row.getLong(1);
                    Kept kept = keep(number, row.getLong(2), content);
                    insert(connection, number, bidder, title, kept);
                    return number;
                }
            }
        });
    }

    /** Where a document is; its row says so. */
    Path find(long number) throws SQLException, IOException {
        return database.use(connection -> {
            try (PreparedStatement query = connection.prepareStatement(
                    "SELECT dok_file FROM public.dok_penawaran WHERE dok_id = ?")) {
                query.setLong(1, number);
                try (ResultSet row = query.executeQuery()) {
                    if (!row.next()) {
                        throw new FileNotFoundException("dokumen " + number);
                    }
                    return storage.resolveSibling(row.getString(1));
                }
            }
        });
    }

    private Kept keep(long number, long tender, InputStream content) throws IOException {
        LocalDateTime now = LocalDateTime.now();
        Path months = storage.resolve("dok_penawaran").resolve(now.format(MONTH));
        Path folder = Files.createDirectories(months.resolve(Long.toString(tender)));
        Path part = folder.resolve(String.format("%07d.part", number));
        String sha256 = write(part, content);
        String name = String.format("%07d-%s.rhs", number, sha256.substring(0, 8));
        return new Kept(Files.move(part, folder.resolve(name)), now, sha256);
    }

    private void insert(Connection connection, long number, int bidder, String title, Kept kept)
            throws SQLException, IOException {
        String query = release.keepsSha256() ? INSERT_WITH_SHA256 : INSERT;
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setLong(1, number);
            statement.setInt(2, bidder);
            statement.setString(3, title);
            statement.setString(4, storage.getParent().relativize(kept.file()).toString());
            statement.setLong(5, Files.size(kept.file()));
            statement.setTimestamp(6, Timestamp.valueOf(kept.at()));
            if (release.keepsSha256()) {
                statement.setString(7, kept.sha256());
            }
            statement.executeUpdate();
        } catch (SQLException error) {
            Files.deleteIfExists(kept.file());
            throw error;
        }
    }

    private static String write(Path file, InputStream content) throws IOException {
        MessageDigest sha256 = sha256();
        try (OutputStream out = Files.newOutputStream(file)) {
            new DigestInputStream(content, sha256).transferTo(out);
        } catch (IOException error) {
            Files.deleteIfExists(file);
            throw error;
        }
        try (FileChannel written = FileChannel.open(file, StandardOpenOption.WRITE)) {
            written.force(true);
        }
        return HexFormat.of().formatHex(sha256.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
