package org.netback.capture.pcapng;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Reads a capture file of the format pcapng or pcap, block by block. Only Ethernet is read.
///
/// A file may hold any octets. What is wrong with it is a [CaptureFormatException] that says where;
/// the only other exception is the stream's own `IOException`. The blocks before a fault were
/// given. A file that ends within a block ends there, and [#truncation()] says so.
///
/// Memory is bounded. The reader holds one block, of at most [#MAX_BLOCK] octets, and the
/// descriptions of a section's interfaces, of as many octets in all. Its buffer grows with what was
/// read, never with what the file claims. Of texts it reads at most 4096 octets.
///
/// One thread.
public final class CaptureReader implements AutoCloseable {
  /// The longest block that is read, in octets.
  public static final int MAX_BLOCK = 1 << 24;

  private static final ValueLayout.OfInt BIG =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final InputStream stream;
  private final FileInput in;
  private Optional<CaptureFormat> format = Optional.empty();
  private Optional<Truncation> truncation = Optional.empty();
  private boolean ended;

  /// @param stream closed by [#close()]; it needs no buffer of its own
  public CaptureReader(InputStream stream) {
    this.stream = stream;
    in = new FileInput(stream);
  }

  public static CaptureReader open(Path file) throws IOException {
    return new CaptureReader(Files.newInputStream(file));
  }

  /// The next block. In a file of the format pcap, the first is an [InterfaceDescription] and the
  /// others are packets.
  ///
  /// @return empty at the end of the file, and after anything was thrown
  public Optional<Block> next() throws IOException {
    if (ended) {
      return Optional.empty();
    }
    ended = true; // unless all goes well
    if (format.isEmpty()) {
      format = recognize();
    }
    Optional<Block> next = format.isEmpty() ? Optional.empty() : format.get().next();
    if (next.isEmpty() && (in.available() > 0 || in.offset() == 0)) {
      truncation = Optional.of(new Truncation(in.offset(), in.available()));
    }
    ended = next.isEmpty();
    return next;
  }

  /// The next packet; other blocks are passed over.
  public Optional<CapturedPacket> nextPacket() throws IOException {
    for (Optional<Block> next = next(); next.isPresent(); next = next()) {
      if (next.get() instanceof CapturedPacket packet) {
        return Optional.of(packet);
      }
    }
    return Optional.empty();
  }

  /// Whether the file ended within a block. Known once there is no next one.
  public Optional<Truncation> truncation() {
    return truncation;
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }

  /// Nothing if the file is shorter than the number by which formats are recognized.
  private Optional<CaptureFormat> recognize() throws IOException {
    if (!in.have(4)) {
      return Optional.empty();
    }
    int magic = in.lend(0, 4).get(BIG, 0);
    int swapped = Integer.reverseBytes(magic);
    if (magic == BlockType.SECTION_HEADER) {
      return Optional.of(new PcapngFormat(in));
    }
    for (int known : new int[] {PcapFormat.MAGIC_MICROSECONDS, PcapFormat.MAGIC_NANOSECONDS}) {
      if (magic == known || swapped == known) {
        ByteOrder order = magic == known ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        return Optional.of(new PcapFormat(in, order, known == PcapFormat.MAGIC_NANOSECONDS));
      }
    }
    throw new CaptureFormatException(
        0, "neither pcapng nor pcap: the file begins with 0x%08x".formatted(magic));
  }
}
