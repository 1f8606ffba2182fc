package org.netback.console;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/// The file that a console's output goes to. What has been written is in the kernel's hands when a
/// method returns.
///
/// A file that grows too large or too old is moved away: `guest-a.log` becomes `guest-a.log.1`,
/// that one `.2`, and the oldest is removed. A file that cannot be moved away grows on, and is
/// tried again every ten seconds. A file that something else has moved away is written to until
/// [#reopen()].
///
/// What cannot be written is lost. The file is tried again every ten seconds, and each failure is
/// told; when it can be written, a line in it says how many octets are missing.
///
/// Every method waits for the disk, for as long as that takes, except those that say otherwise.
/// Confined to one thread at a time ([LogFeed]).
final class ConsoleLog implements AutoCloseable {
  private static final Duration RETRY = Duration.ofSeconds(10);
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("'['yyyy-MM-dd HH:mm:ss'] '");

  private final LogSettings settings;
  private final Optional<Path> path;
  private final InstantSource clock;
  private final ZoneId zone;
  private final Consumer<String> complaint;
  private final EscapeFilter filter = new EscapeFilter();
  private Optional<FileChannel> file = Optional.empty();
  private Instant openedAt = Instant.EPOCH;
  private long size;
  private boolean atLineStart = true;
  private long lost;
  private Instant retryAt = Instant.MIN;
  private Instant rotateAt = Instant.MIN;
  private final AtomicLong lostEver = new AtomicLong();

  /// @param name the file's, without the ending
  /// @param complaint told what keeps the log from being written
  ConsoleLog(
      LogSettings settings,
      String name,
      InstantSource clock,
      ZoneId zone,
      Consumer<String> complaint) {
    this.settings = settings;
    this.path = settings.directory().map(directory -> directory.resolve(name + ".log"));
    this.clock = clock;
    this.zone = zone;
    this.complaint = complaint;
  }

  /// Where it is; empty if there is none. Any thread, at once.
  Optional<Path> path() {
    return path;
  }

  /// Octets that are in no file. Any thread, at once.
  long lost() {
    return lostEver.get();
  }

  /// Counts octets that never came here. Any thread, at once.
  void countLost(long octets) {
    lostEver.addAndGet(octets);
  }

  /// Tells whoever looks after the host that nothing could be written for so long that the guest
  /// waits, or octets are lost. Any thread, at once.
  void tellLate() {
    path.ifPresent(late -> complaint.accept(late + " hangs: it is waiting for its disk"));
  }

  /// Has a line in the file say that octets are missing which were counted.
  void tellMissing(long octets) {
    lost += octets;
    append(new byte[0], 0);
  }

  void write(byte[] octets, int length) {
    if (path.isEmpty()) {
      return;
    }
    byte[] text = new byte[length + 1];
    int kept = length;
    if (settings.filtered()) {
      kept = filter.filter(octets, length, text);
    } else {
      System.arraycopy(octets, 0, text, 0, length);
    }
    if (kept > 0) {
      append(text, kept);
    }
  }

  private void append(byte[] text, int length) {
    Instant now = clock.instant();
    try {
      rotateIfDue(now);
      if (!open(now)) {
        lose(length);
        return;
      }
      writeGap();
      ByteBuffer lines = settings.timestamps() ? stamped(text, length, now) : wrap(text, length);
      while (lines.hasRemaining()) {
        size += file.orElseThrow().write(lines);
      }
    } catch (IOException e) {
      lose(length);
      retryAt = now.plus(RETRY);
      shut();
      complaint.accept(path.orElseThrow() + " cannot be written: " + reason(e));
    }
  }

  private void lose(int length) {
    lost += length;
    countLost(length);
  }

  private void writeGap() throws IOException {
    if (lost > 0) {
      byte[] gap = ("[" + lost + " octets are missing here]\n").getBytes(StandardCharsets.US_ASCII);
      ByteBuffer line = ByteBuffer.wrap(gap);
      while (line.hasRemaining()) {
        size += file.orElseThrow().write(line);
      }
      lost = 0;
    }
  }

  private static ByteBuffer wrap(byte[] text, int length) {
    return ByteBuffer.wrap(text, 0, length);
  }

  /// With the time at the beginning of each line.
  private ByteBuffer stamped(byte[] text, int length, Instant now) {
    byte[] stamp = STAMP.format(now.atZone(zone)).getBytes(StandardCharsets.US_ASCII);
    int lines = 1;
    for (int i = 0; i < length; i++) {
      if (text[i] == '\n') {
        lines++;
      }
    }
    ByteBuffer out = ByteBuffer.allocate(length + lines * stamp.length);
    for (int i = 0; i < length; i++) {
      if (atLineStart) {
        out.put(stamp);
      }
      out.put(text[i]);
      atLineStart = text[i] == '\n';
    }
    return out.flip();
  }

  private boolean open(Instant now) throws IOException {
    if (file.isPresent()) {
      return true;
    }
    if (now.isBefore(retryAt)) {
      return false;
    }
    Path at = path.orElseThrow();
    Files.createDirectories(at.toAbsolutePath().getParent());
    FileChannel opened =
        FileChannel.open(
            at, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    file = Optional.of(opened);
    size = opened.size();
    openedAt = now;
    return true;
  }

  private void rotateIfDue(Instant now) {
    if (file.isEmpty() || now.isBefore(rotateAt)) {
      return;
    }
    boolean tooLarge = settings.maxOctets() > 0 && size >= settings.maxOctets();
    boolean tooOld =
        settings.maxAge().isPositive() && !now.isBefore(openedAt.plus(settings.maxAge()));
    if (tooLarge || tooOld) {
      shut();
      try {
        rotate(path.orElseThrow());
      } catch (IOException e) {
        rotateAt = now.plus(RETRY);
        complaint.accept(path.orElseThrow() + " cannot be moved away: " + reason(e));
      }
    }
  }

  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException _ -> "permission denied";
      case NotDirectoryException _ -> "a part of its path is no directory";
      case FileAlreadyExistsException there -> there.getFile() + " is no directory";
      case DirectoryNotEmptyException there -> there.getFile() + " is a directory";
      case FileSystemException other -> Objects.requireNonNullElse(other.getReason(), e.toString());
      default -> Objects.requireNonNullElse(e.getMessage(), e.toString());
    };
  }

  private void rotate(Path at) throws IOException {
    if (settings.kept() == 0) {
      Files.deleteIfExists(at);
      return;
    }
    for (int i = settings.kept(); i > 0; i--) {
      Path from = i == 1 ? at : numbered(at, i - 1);
      if (Files.exists(from)) {
        Files.move(from, numbered(at, i), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static Path numbered(Path at, int number) {
    return at.resolveSibling(at.getFileName() + "." + number);
  }

  /// Opens the file anew with the next output.
  void reopen() {
    retryAt = Instant.MIN;
    shut();
  }

  private void shut() {
    Optional<FileChannel> open = file;
    file = Optional.empty();
    if (open.isPresent()) {
      try {
        open.get().close();
      } catch (IOException e) {
        complaint.accept(path.orElseThrow() + " cannot be closed: " + reason(e));
      }
    }
  }

  @Override
  public void close() {
    shut();
  }
}
