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
            LocalDateTime now = LocalDateTime.now();
            long number;
            long tender;
            try (PreparedStatement query = connection.prepareStatement(
                    "SELECT nextval('public.seq_dok_penawaran'), lls_id FROM public.peserta WHERE psr_id = ?")) {
                query.setInt(1, bidder);
                try (ResultSet row = query.executeQuery()) {
                    if (!row.next()) {
                        throw new FileNotFoundException("peserta " + bidder);
                    }
                    number = row.getLong(1);
                    tender = row.getLong(2);
                }
            }
            Path folder = storage.resolve("dok_penawaran").resolve(now.format(MONTH)).resolve("" + tender);
            Files.createDirectories(folder);
            Path part = folder.resolve(String.format("%07d.part", number));
            String sha256 = write(part, content);
            Path file = folder.resolve(String.format("%07d-%s.rhs", number, sha256.substring(0, 8)));
            Files.move(part, file);
            insert(connection.prepareStatement(insertion()), number, bidder, title, file, now, sha256);
            return number;
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

    private String insertion() {
        return release.keepsSha256()
            ? "INSERT INTO public.dok_penawaran (dok_id, psr_id, dok_judul, dok_file, dok_ukuran, dok_tgljam,"
                + " dok_sha256) VALUES (?, ?, ?, ?, ?, ?, ?)"
            : "INSERT INTO public.dok_penawaran (dok_id, psr_id, dok_judul, dok_file, dok_ukuran, dok_tgljam)"
                + " VALUES (?, ?, ?, ?, ?, ?)";
    }

    private void insert(PreparedStatement statement, long number, int bidder, String title, Path file,
            LocalDateTime now, String sha256) throws SQLException, IOException {
        try (statement) {
            statement.setLong(1, number);
            statement.setInt(2, bidder);
            statement.setString(3, title);
            statement.setString(4, storage.getParent().relativize(file).toString());
            statement.setLong(5, Files.size(file));
            statement.setTimestamp(6, Timestamp.valueOf(now));
            if (release.keepsSha256()) {
                statement.setString(7, sha256);
            }
            statement.executeUpdate();
        } catch (SQLException error) {
            Files.deleteIfExists(file);
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
