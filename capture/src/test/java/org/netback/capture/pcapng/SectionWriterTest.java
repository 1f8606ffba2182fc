package org.netback.capture.pcapng;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.netback.packet.MacAddress;
import org.netback.properties.Property;

/// The octets of each kind of block, as draft-ietf-opsawg-pcapng has them, and the writer's bounds.
class SectionWriterTest {
  private static final int SNAP_LENGTH = 0x800;
  private static final SectionHeader NOBODY = new SectionHeader("", "", "", "");
  private static final InterfaceDescription PORT =
      InterfaceDescription.ofPort(SNAP_LENGTH, "v", "", Optional.empty(), 0, "");
  private static final MemorySegment DATA =
      MemorySegment.ofArray(HexFormat.of().parseHex("99a1a2a3a4a5a6a7a8"));
  private static final long TIME = 0x18e9_1efd_632f_4d15L;

  private final PacketOptions options = new PacketOptions();
  private final SectionWriter writer =
      new SectionWriter(MemorySegment.ofArray(new byte[4096]), SNAP_LENGTH);

  private static String hex(SectionWriter writer) {
    ByteBuffer view = writer.written();
    byte[] octets = new byte[view.remaining()];
    view.get(octets);
    return HexFormat.of().formatHex(octets);
  }

  private String block() {
    String hex = hex(writer);
    writer.clear();
    return hex;
  }

  /// The times of the packets and statistics in the buffer, which it empties.
  private List<Long> times() {
    List<Long> times = new ArrayList<>();
    MemorySegment blocks = MemorySegment.ofBuffer(writer.written());
    for (long at = 0; at < blocks.byteSize(); at += PacketBlock.length(blocks, at)) {
      times.add(PacketBlock.time(blocks, at));
    }
    writer.clear();
    return times;
  }

  private void begin() {
    assertThat(writer.begin(NOBODY)).isTrue();
    assertThat(writer.add(PORT)).isTrue();
    writer.clear();
  }

  private static String join(String... parts) {
    return String.join("", parts).replace(" ", "");
  }

  @Test
  void sectionHeader() {
    assertThat(writer.begin(new SectionHeader("h", "os", "app", "comm"))).isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "0a0d0d0a 40000000 4d3c2b1a 0100 0000 ffffffffffffffff",
                "0100 0400 636f6d6d",
                "0200 0100 68000000",
                "0300 0200 6f730000",
                "0400 0300 61707000",
                "0000 0000 40000000"));
  }

  @Test
  void sectionHeaderWithoutOptions() {
    assertThat(writer.begin(NOBODY)).isTrue();
    assertThat(block())
        .isEqualTo(join("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"));
  }

  @Test
  void interfaceDescription() {
    begin();
    assertThat(
            writer.add(
                InterfaceDescription.ofPort(
                    SNAP_LENGTH,
                    "vif1.0",
                    "g",
                    Optional.of(MacAddress.parse("00:16:3e:01:02:03")),
                    1_000_000_000L,
                    "tcp")))
        .isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "01000000 5c000000 0100 0000 00080000",
                "0200 0600 766966312e30 0000",
                "0300 0100 67 000000",
                "0600 0600 00163e010203 0000",
                "0800 0800 00ca9a3b00000000",
                "0900 0100 09 000000",
                "0b00 0400 00 746370",
                "0d00 0100 00 000000",
                "0000 0000 5c000000"));
    assertThat(writer.interfaces()).isEqualTo(2);
  }

  @Test
  void packetWithoutOptions() {
    begin();
    assertThat(writer.packet(0, TIME, DATA, 1, 5, 60, options.clear())).isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "06000000 28000000 00000000 fd1ee918 154d2f63 05000000 3c000000",
                "a1a2a3a4a5 000000 28000000"));
  }

  @Test
  void packetWithAllOptions() {
    begin();
    options
        .clear()
        .flags(PacketFlags.INBOUND | PacketFlags.MULTICAST)
        .hash(0x51cc_c178)
        .dropCount(7)
        .packetId(0x0102_0304_0506_0708L)
        .queue(0)
        .note(PacketNote.of("dropped", 1, 0xfe));
    assertThat(writer.packet(0, TIME, DATA, 1, 4, 4, options)).isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "06000000 70000000 00000000 fd1ee918 154d2f63 04000000 04000000 a1a2a3a4",
                "0200 0400 09000000",
                "0300 0500 05 51ccc178 000000",
                "0400 0800 0700000000000000",
                "0500 0800 0807060504030201",
                "0600 0400 00000000",
                "0700 0300 00 01fe 00",
                "0100 0700 64726f70706564 00",
                "0000 0000 70000000"));
  }

  @Test
  void whatIsClearedIsLeftOut() {
    begin();
    options.flags(1).hash(1).dropCount(1).packetId(1).queue(1).note(PacketNote.of("x", 1)).clear();
    assertThat(writer.packet(0, TIME, DATA, 1, 4, 4, options)).isTrue();
    assertThat(writer.length()).isEqualTo(36);
    writer.clear();
    assertThat(writer.packet(0, TIME, DATA, 1, 4, 4, options.packetId(0))).isTrue();
    assertThat(block()).endsWith(join("0500 0800 0000000000000000 0000 0000 34000000"));
  }

  @Test
  void nameResolution() throws UnknownHostException {
    begin();
    assertThat(
            writer.add(
                new NameResolution(
                    List.of(
                        new NameRecord.OfMac(MacAddress.parse("00:16:3e:01:02:03"), "a"),
                        new NameRecord.OfIp(InetAddress.getByName("10.0.0.1"), "bc"),
                        new NameRecord.OfIp(InetAddress.getByName("fe80::1"), "def")))))
        .isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "04000000 40000000",
                "0300 0800 00163e010203 61 00",
                "0100 0700 0a000001 6263 00 00",
                "0200 1400 fe800000000000000000000000000001 646566 00",
                "0000 0000 40000000"));
  }

  @Test
  void interfaceStatistics() {
    begin();
    assertThat(writer.add(new InterfaceStatistics(0, TIME, TIME - 5, TIME, 1, 2, 3, 4, 5)))
        .isTrue();
    assertThat(block())
        .isEqualTo(
            join(
                "05000000 70000000 00000000 fd1ee918 154d2f63",
                "0200 0800 fd1ee918 104d2f63",
                "0300 0800 fd1ee918 154d2f63",
                "0400 0800 0100000000000000",
                "0500 0800 0200000000000000",
                "0600 0800 0300000000000000",
                "0700 0800 0400000000000000",
                "0800 0800 0500000000000000",
                "0000 0000 70000000"));
    long no = InterfaceStatistics.UNKNOWN;
    assertThat(writer.add(new InterfaceStatistics(0, TIME, no, no, no, no, no, no, no))).isTrue();
    assertThat(block()).isEqualTo(join("05000000 18000000 00000000 fd1ee918 154d2f63 18000000"));
  }

  @Test
  void timesNeverGoBackWithinAFile() {
    begin();
    assertThat(writer.packet(0, 100, DATA, 0, 4, 4, options)).isTrue();
    assertThat(writer.packet(0, 99, DATA, 0, 4, 4, options)).isTrue();
    assertThat(writer.add(new InterfaceStatistics(0, 98, 1, 2, 3, 4, 5, 6, 7))).isTrue();
    MemorySegment laid = MemorySegment.ofArray(new byte[64]);
    PacketBlock.write(laid, 4, 0, 97, DATA, 0, 4, 4, options);
    assertThat(PacketBlock.time(laid, 4)).isEqualTo(97);
    assertThat(writer.packet(laid, 4)).isTrue();
    PacketBlock.setTime(laid, 4, 101);
    assertThat(writer.packet(laid, 4)).isTrue();
    assertThat(writer.packet(0, 96, DATA, 0, 4, 4, options)).isTrue();
    assertThat(times()).containsExactly(100L, 100L, 100L, 100L, 101L, 101L);
    begin();
    assertThat(writer.packet(0, 3, DATA, 0, 4, 4, options)).isTrue();
    assertThat(times()).containsExactly(3L);
  }

  @Test
  void aPacketThatWasLaidElsewhereIsTheSame() {
    begin();
    Property.holds(
        200,
        sample -> {
          byte[] data = sample.octets(0, 100);
          MemorySegment memory = MemorySegment.ofArray(data);
          PacketNote note = PacketNote.of(sample.text(20, "abc"));
          options.clear().queue(sample.anyInt()).flags(sample.anyInt()).note(note);
          long time = sample.anyLong() >>> 1;
          MemorySegment laid = MemorySegment.ofArray(new byte[300]);
          laid.fill((byte) 0x55);
          int at = sample.between(0, 7);
          int length = PacketBlock.length(data.length, options);
          assertThat(length).isLessThanOrEqualTo(PacketBlock.maxLength(data.length, note));
          PacketBlock.write(laid, at, 0, time, memory, 0, data.length, data.length, options);
          assertThat(PacketBlock.length(laid, at)).isEqualTo(length);
          assertThat(PacketBlock.time(laid, at)).isEqualTo(time);
          begin();
          assertThat(writer.packet(0, time, memory, 0, data.length, data.length, options)).isTrue();
          String one = hex(writer);
          begin();
          assertThat(writer.packet(laid, at)).isTrue();
          assertThat(hex(writer)).isEqualTo(one).hasSize(2 * length);
          assertThat(laid.asSlice(at + length).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
              .containsOnly(0x55);
        });
  }

  @Test
  void changesNothingWhereThereIsNoRoom() {
    SectionWriter small = new SectionWriter(MemorySegment.ofArray(new byte[100]), SNAP_LENGTH);
    assertThat(small.begin(NOBODY)).isTrue();
    assertThat(small.add(PORT)).isTrue();
    assertThat(small.length()).isEqualTo(28 + 48);
    String before = hex(small);
    MemorySegment laid = MemorySegment.ofArray(new byte[64]);
    PacketBlock.write(laid, 0, 0, 97, DATA, 0, 4, 4, options);
    assertThat(small.packet(0, 5, DATA, 0, 4, 4, options)).isFalse();
    assertThat(small.packet(laid, 0)).isFalse();
    assertThat(small.add(PORT)).isFalse();
    assertThat(small.begin(NOBODY)).isFalse();
    assertThat(small.add(new InterfaceStatistics(0, 200, 1, -1, 3, -1, -1, -1, -1))).isFalse();
    assertThat(small.add(new NameResolution(List.of(new NameRecord.OfMac(new MacAddress(1), "n")))))
        .isFalse();
    assertThat(hex(small)).isEqualTo(before);
    assertThat(small.interfaces()).isEqualTo(1);
    small.clear();
    assertThat(small.packet(0, 5, DATA, 0, 4, 4, options)).isTrue();
    assertThat(hex(small)).contains(join("00000000 00000000 05000000 04000000"));
  }

  @Test
  void fillsItsBufferToTheLastOctet() {
    begin();
    for (int i = 0; i < 4096 / 64; i++) {
      assertThat(
              writer.packet(
                  0,
                  TIME,
                  DATA,
                  0,
                  4,
                  4,
                  options.clear().packetId(1).flags(3).note(PacketNote.of(""))))
          .isTrue();
      assertThat(writer.length()).isEqualTo(60 * (i + 1));
    }
    assertThat(
            writer.packet(
                0, TIME, MemorySegment.ofArray(new byte[300]), 0, 224, 224, options.clear()))
        .isTrue();
    assertThat(writer.length()).isEqualTo(4096);
    assertThat(writer.packet(0, TIME, DATA, 0, 0, 0, options.clear())).isFalse();
  }

  @Test
  void refusesWhatCannotBeInAFile() {
    assertThatIllegalStateException().isThrownBy(() -> writer.add(PORT));
    assertThatIllegalStateException().isThrownBy(() -> writer.add(new NameResolution(List.of())));
    begin();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.packet(1, TIME, DATA, 0, 4, 4, options))
        .withMessage("interface 1 of 1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.packet(-1, TIME, DATA, 0, 4, 4, options));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.packet(0, TIME, DATA, 0, 5, 4, options))
        .withMessage("5 octets of 4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.packet(0, TIME, DATA, 0, -1, 4, options));
    MemorySegment large = MemorySegment.ofArray(new byte[10_000]);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.packet(0, TIME, large, 0, SNAP_LENGTH + 1, 4000, options))
        .withMessage("2049 octets captured of at most 2048");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.add(new InterfaceStatistics(1, TIME, 1, 1, 1, 1, 1, 1, 1)));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                writer.add(
                    InterfaceDescription.ofPort(
                        SNAP_LENGTH - 1, "v", "", Optional.empty(), 0, "")));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> writer.begin(new SectionHeader("", "", "", "c".repeat(5000))))
        .withMessageContaining("for a buffer of 4096");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SectionWriter(DATA, SectionWriter.MAX_CAPTURED + 1));
    assertThatIllegalArgumentException().isThrownBy(() -> new SectionWriter(DATA, 0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NameResolution(List.of(new NameRecord.OfMac(new MacAddress(1), ""))));
    assertThat(writer.length()).isZero();
  }

  @Test
  void cutsTextsThatAreTooLongAtACharacter() {
    String umlauts = "\u00fc".repeat(40_000);
    SectionWriter large = new SectionWriter(MemorySegment.ofArray(new byte[1 << 20]), SNAP_LENGTH);
    assertThat(large.begin(new SectionHeader("", "", "a\0b", umlauts))).isTrue();
    assertThat(hex(large))
        .startsWith(join("0a0d0d0a 2c000100 4d3c2b1a 0100 0000 ffffffffffffffff 0100feff c3bcc3bc"))
        .endsWith(join("c3bc 0000 0400 0200 6162 0000 0000 0000 2c000100"));
  }

  @Test
  void allocatesNothingPerPacket() {
    try (Arena arena = Arena.ofConfined()) {
      SectionWriter fast = new SectionWriter(arena.allocate(1 << 16), SNAP_LENGTH);
      assertThat(fast.begin(NOBODY)).isTrue();
      assertThat(fast.add(PORT)).isTrue();
      MemorySegment frame = arena.allocate(1514);
      MemorySegment laid = arena.allocate(2000);
      PacketNote note = PacketNote.of("dropped, BACKLOG_FULL", 1, 2);
      CaptureClock clock = CaptureClock.system();
      long[] octets = new long[1];
      Runnable packet =
          () -> {
            options
                .clear()
                .flags(PacketFlags.INBOUND)
                .hash(5)
                .dropCount(1)
                .packetId(7)
                .queue(1)
                .note(note);
            if (!fast.packet(0, clock.nanos(), frame, 0, 1501, 1514, options)) {
              octets[0] += fast.written().remaining();
              fast.clear();
            }
            PacketBlock.write(laid, 0, 0, clock.nanos(), frame, 0, 60, 1514, options);
            if (!fast.packet(laid, 0)) {
              fast.clear();
            }
          };
      for (int i = 0; i < 20_000; i++) {
        packet.run();
      }
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long self = Thread.currentThread().threadId();
      long before = threads.getThreadAllocatedBytes(self);
      long nothing = threads.getThreadAllocatedBytes(self) - before;
      before = threads.getThreadAllocatedBytes(self);
      for (int i = 0; i < 20_000; i++) {
        packet.run();
      }
      long allocated = threads.getThreadAllocatedBytes(self) - before - nothing;
      // 40,000 packets; a compilation that is swapped in may cost a few octets once.
      assertThat(allocated).isLessThan(1000);
      assertThat(octets[0]).isGreaterThan(1 << 20);
    }
  }
}
