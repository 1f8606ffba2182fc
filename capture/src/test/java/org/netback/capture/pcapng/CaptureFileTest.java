package org.netback.capture.pcapng;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.netback.packet.MacAddress;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// The reader on whatever the writer lays, on any part of it, and on any octets at all.
class CaptureFileTest {
  private static final int SNAP_LENGTH = 300;
  private static final long MAX_TIME = Long.MAX_VALUE / 1_000_000_000 * 1_000_000_000 - 1;

  /// Blocks as a writer gets them and as a reader gives them, in one form.
  private final List<String> expected = new ArrayList<>();

  private final PacketOptions options = new PacketOptions();
  private long last;

  private static CaptureReader reader(byte[] octets) {
    return new CaptureReader(new ByteArrayInputStream(octets));
  }

  private static String shown(Block block) {
    if (block instanceof CapturedPacket packet) {
      return "packet %d %d %s of %d: %08x %s %s %s %s %s %s"
          .formatted(
              packet.interfaceId(),
              packet.time(),
              HexFormat.of().formatHex(packet.data().toArray(ValueLayout.JAVA_BYTE)),
              packet.originalLength(),
              packet.flags(),
              packet.hash().map(HexFormat.of()::formatHex),
              packet.dropCount(),
              packet.packetId(),
              packet.queue(),
              packet.verdict().map(HexFormat.of()::formatHex),
              packet.comments());
    }
    return block.toString();
  }

  private static List<String> read(CaptureReader reader) throws IOException {
    List<String> blocks = new ArrayList<>();
    for (Optional<Block> next = reader.next(); next.isPresent(); next = reader.next()) {
      blocks.add(shown(next.get()));
    }
    return blocks;
  }

  private static String text(Sample sample) {
    return sample.text(12, "abc \u00fc\u4e16/");
  }

  private static SectionHeader anyHeader(Sample sample) {
    return new SectionHeader(text(sample), text(sample), text(sample), text(sample));
  }

  private static InterfaceDescription anyPort(Sample sample) {
    return InterfaceDescription.ofPort(
        SNAP_LENGTH,
        text(sample),
        text(sample),
        sample.anyBoolean() ? Optional.of(anyMac(sample)) : Optional.empty(),
        sample.anyLong(),
        text(sample));
  }

  private static MacAddress anyMac(Sample sample) {
    return new MacAddress(sample.anyLong() >>> 16);
  }

  private static NameRecord anyName(Sample sample) {
    String name = "n" + text(sample);
    try {
      return switch (sample.between(0, 2)) {
        case 0 -> new NameRecord.OfMac(anyMac(sample), name);
        case 1 -> new NameRecord.OfIp(InetAddress.getByAddress(sample.octets(4, 4)), name);
        default -> {
          byte[] address = sample.octets(16, 16);
          address[0] = (byte) 0xfe; // not an IPv4 address in disguise
          yield new NameRecord.OfIp(InetAddress.getByAddress(address), name);
        }
      };
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private long anyTime(Sample sample) {
    return Math.min(sample.anyLong() >>> 1, MAX_TIME);
  }

  private InterfaceStatistics anyStatistics(Sample sample, int interfaces) {
    return new InterfaceStatistics(
        sample.between(0, interfaces - 1),
        anyTime(sample),
        sample.anyBoolean() ? anyTime(sample) : InterfaceStatistics.UNKNOWN,
        sample.anyBoolean() ? anyTime(sample) : InterfaceStatistics.UNKNOWN,
        sample.anyLong(),
        sample.anyLong(),
        sample.anyLong(),
        sample.between(-1, 5),
        sample.between(-1, 5));
  }

  private boolean packet(SectionWriter writer, Sample sample) {
    byte[] data = sample.octets(0, SNAP_LENGTH);
    int id = sample.between(0, writer.interfaces() - 1);
    long time = anyTime(sample);
    int original =
        (int)
            Math.min(Integer.MAX_VALUE, (long) data.length + sample.between(0, Integer.MAX_VALUE));
    int flags = sample.anyInt();
    options.clear().flags(flags);
    Optional<String> hash = Optional.empty();
    if (sample.anyBoolean()) {
      int toeplitz = sample.anyInt();
      hash = Optional.of("05%08x".formatted(toeplitz));
      options.hash(toeplitz);
    }
    String drops = "OptionalLong.empty";
    String id64 = drops;
    if (sample.anyBoolean()) {
      long count = sample.anyLong() | 1;
      drops = "OptionalLong[" + count + "]";
      options.dropCount(count);
    }
    if (sample.anyBoolean()) {
      long number = sample.anyLong();
      id64 = "OptionalLong[" + number + "]";
      options.packetId(number);
    }
    String queue = "OptionalInt.empty";
    if (sample.anyBoolean()) {
      int number = sample.anyInt();
      queue = "OptionalInt[" + number + "]";
      options.queue(number);
    }
    String comment = text(sample);
    byte[] verdict = sample.octets(0, 5);
    int[] octets = new int[verdict.length];
    Arrays.setAll(octets, i -> verdict[i]);
    options.note(PacketNote.of(comment, octets));
    if (!writer.packet(id, time, MemorySegment.ofArray(data), 0, data.length, original, options)) {
      return false;
    }
    last = Math.max(last, time);
    expected.add(
        "packet %d %d %s of %d: %08x %s %s %s %s %s %s"
            .formatted(
                id,
                last,
                HexFormat.of().formatHex(data),
                original,
                flags,
                hash,
                drops,
                id64,
                queue,
                verdict.length == 0
                    ? Optional.empty()
                    : Optional.of("00" + HexFormat.of().formatHex(verdict)),
                comment.isEmpty() ? List.of() : List.of(comment)));
    return true;
  }

  private boolean statistics(SectionWriter writer, Sample sample) {
    InterfaceStatistics each = anyStatistics(sample, writer.interfaces());
    if (!writer.add(each)) {
      return false;
    }
    last = Math.max(last, each.time());
    expected.add(
        new InterfaceStatistics(
                each.interfaceId(),
                last,
                each.start(),
                each.end(),
                each.received(),
                each.dropped(),
                each.filterAccepted(),
                each.osDropped(),
                each.delivered())
            .toString());
    return true;
  }

  private boolean block(SectionWriter writer, Sample sample) {
    int kind = writer.interfaces() == 0 ? 0 : sample.between(0, 5);
    return switch (kind) {
      case 0 -> {
        InterfaceDescription port = anyPort(sample);
        yield writer.add(port) && expected.add(port.toString());
      }
      case 1 -> {
        NameResolution names = new NameResolution(sample.list(0, 4, () -> anyName(sample)));
        yield writer.add(names) && expected.add(names.toString());
      }
      case 2 -> statistics(writer, sample);
      default -> packet(writer, sample);
    };
  }

  /// A file of any blocks; what is in it is [#expected].
  private byte[] anyFile(Sample sample) {
    expected.clear();
    last = 0;
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    SectionWriter writer =
        new SectionWriter(MemorySegment.ofArray(new byte[sample.between(900, 2000)]), SNAP_LENGTH);
    SectionHeader header = anyHeader(sample);
    assertThat(writer.begin(header)).isTrue();
    expected.add(header.toString());
    for (int i = sample.between(0, 12); i > 0; i--) {
      if (!block(writer, sample) || sample.anyBoolean()) {
        flush(writer, file);
      }
    }
    flush(writer, file);
    return file.toByteArray();
  }

  private static void flush(SectionWriter writer, ByteArrayOutputStream file) {
    ByteBuffer view = writer.written();
    byte[] octets = new byte[view.remaining()];
    view.get(octets);
    file.writeBytes(octets);
    writer.clear();
  }

  @Test
  void readsWhatWasWritten() {
    Property.holds(
        2000,
        sample -> {
          CaptureReader reader = reader(anyFile(sample));
          assertThat(read(reader)).isEqualTo(expected);
          assertThat(reader.truncation()).isEmpty();
        });
  }

  @Test
  void readsAnyPartOfAFileUpToItsLastWholeBlock() throws IOException {
    SampleCapture sample = SampleCapture.make();
    byte[] octets = sample.octets();
    List<String> all = read(reader(octets));
    assertThat(all).hasSameSizeAs(sample.ends);
    int whole = 0;
    for (int cut = 0; cut <= octets.length; cut++) {
      if (whole < sample.ends.size() && cut == sample.ends.get(whole)) {
        whole++;
      }
      CaptureReader reader = reader(Arrays.copyOf(octets, cut));
      assertThat(read(reader)).isEqualTo(all.subList(0, whole));
      int start = whole == 0 ? 0 : sample.ends.get(whole - 1);
      assertThat(reader.truncation())
          .isEqualTo(
              cut == start && cut > 0
                  ? Optional.empty()
                  : Optional.of(new Truncation(start, cut - start)));
    }
    assertThat(whole).isEqualTo(all.size());
  }

  @Test
  void readsAnyPartOfAPcapFileUpToItsLastWholePacket() throws IOException {
    FileOctets file = new FileOctets(ByteOrder.LITTLE_ENDIAN).pcap(0xa1b2_3c4dL, 1);
    List<Integer> ends = new ArrayList<>(List.of(file.size()));
    for (int i = 0; i < 5; i++) {
      file.int32(i).int32(i).int32(i).int32(60).hex("00".repeat(i));
      ends.add(file.size());
    }
    byte[] octets = file.toArray();
    for (int cut = 0; cut <= octets.length; cut++) {
      int end = cut;
      CaptureReader reader = reader(Arrays.copyOf(octets, cut));
      assertThat(read(reader)).hasSize((int) ends.stream().filter(each -> each <= end).count());
      assertThat(reader.truncation().isEmpty()).isEqualTo(ends.contains(cut));
    }
  }

  /// Reads to the end or to the reader's own error, and looks at everything of each block.
  private static void readAnything(byte[] octets) throws IOException {
    CaptureReader reader = reader(octets);
    try {
      for (Optional<Block> next = reader.next(); next.isPresent(); next = reader.next()) {
        if (next.get() instanceof CapturedPacket packet) {
          assertThat(packet.originalLength()).isGreaterThanOrEqualTo(packet.data().byteSize());
          assertThat(packet.frameLength()).isBetween(0, (int) packet.data().byteSize());
        }
        assertThat(shown(next.get())).isNotNull();
      }
    } catch (CaptureFormatException e) {
      assertThat(e.offset()).isBetween(0L, (long) octets.length);
      assertThat(reader.next()).isEmpty();
    }
  }

  @Test
  void noOctetsDoHarm() {
    Property.holds(
        3000,
        sample -> {
          byte[] octets = sample.octets(0, 200);
          readAnything(octets);
          for (byte[] start :
              List.of(
                  new FileOctets(ByteOrder.BIG_ENDIAN).section().port().toArray(),
                  new FileOctets(ByteOrder.LITTLE_ENDIAN).section().port().toArray(),
                  new FileOctets(ByteOrder.LITTLE_ENDIAN).pcap(0xa1b2_c3d4L, 1).toArray())) {
            byte[] file = Arrays.copyOf(start, start.length + octets.length);
            System.arraycopy(octets, 0, file, start.length, octets.length);
            readAnything(file);
          }
        });
  }

  /// A whole block with any body, of each kind.
  @Test
  void noBodyOfABlockDoesHarm() {
    Property.holds(
        5000,
        sample -> {
          ByteOrder order = sample.anyBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
          FileOctets file = new FileOctets(order).section().port();
          for (int i = sample.between(1, 3); i > 0; i--) {
            String body = HexFormat.of().formatHex(sample.octets(0, 80));
            file.block(sample.between(0, 7), file.body().hex(body).padded());
          }
          readAnything(file.toArray());
        });
  }

  @Test
  void noChangeOfAFileDoesHarm() {
    Property.holds(
        3000,
        sample -> {
          byte[] octets = anyFile(sample);
          for (int i = sample.between(1, 8); i > 0; i--) {
            octets[sample.between(0, octets.length - 1)] = sample.anyByte();
          }
          readAnything(octets);
        });
  }

  /// A file that claims much costs what it has, not what it claims.
  @Test
  void memoryIsBoundedByWhatTheFileHas() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().threadId();
    Property.holds(
        300,
        sample -> {
          FileOctets file = new FileOctets(ByteOrder.LITTLE_ENDIAN).section().port();
          int filler = sample.between(0, 5000);
          file.octets(file.body().hex(sample.oneOf("00", "01", "41").repeat(filler))).padded();
          file.int32(sample.between(0, 6)).int32(CaptureReader.MAX_BLOCK).int32(0);
          byte[] octets = file.toArray();
          long before = threads.getThreadAllocatedBytes(self);
          try (CaptureReader reader = reader(octets)) {
            while (reader.next().isPresent()) {
              // to the end
            }
          } catch (CaptureFormatException e) {
            assertThat(e).hasMessageStartingWith("octet ");
          }
          assertThat(threads.getThreadAllocatedBytes(self) - before).isLessThan(1 << 19);
        });
  }

  /// Names and options of the shortest kind, as many as fit into the longest block.
  @Test
  void theLongestBlocksCostAMultipleOfTheirLength() throws IOException {
    FileOctets names = new FileOctets(ByteOrder.LITTLE_ENDIAN);
    FileOctets tags = new FileOctets(ByteOrder.LITTLE_ENDIAN);
    byte[] name = names.body().option(1, names.body().hex("0a0000016100")).toArray();
    FileOctets allNames = names.body();
    FileOctets allTags = tags.body();
    for (int i = 0; i < 60_000; i++) {
      allNames.hex(HexFormat.of().formatHex(name));
    }
    for (int i = 0; i < 4_000_000; i++) {
      allTags.int32(1);
    }
    assertThat(read(names.section().block(4, allNames).reader())).hasSize(2);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().threadId();
    CaptureReader reader = tags.section().port().packet(0, 1, "01", 1, allTags).reader();
    long before = threads.getThreadAllocatedBytes(self);
    assertThat(reader.nextPacket()).isPresent();
    assertThat(threads.getThreadAllocatedBytes(self) - before)
        .isLessThan(6L * CaptureReader.MAX_BLOCK);
    byte[] many = names.body().octets(allNames).octets(allNames).toArray();
    FileOctets over = new FileOctets(ByteOrder.LITTLE_ENDIAN).section();
    over.block(4, over.body().hex(HexFormat.of().formatHex(many)));
    CaptureReader refused = over.reader();
    assertThat(refused.next()).isPresent();
    assertThatThrownBy(refused::next)
        .isInstanceOf(CaptureFormatException.class)
        .hasMessageEndingWith("more than 65536 names in one block");
  }
}
