package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameTest {
  private final Arena memory = Arena.ofConfined();

  @AfterEach
  void freeMemory() {
    memory.close();
  }

  @Test
  void readsAddressesAsTheyStandOnTheWire() {
    Frame frame = new FrameArena(memory, 1, 1024).allocate(14);
    byte[] header = HexFormat.of().parseHex("02deadbeef01" + "ff8081828384" + "0800");
    MemorySegment.copy(MemorySegment.ofArray(header), 0, frame.memory(), frame.offset(), 14);
    assertThat(new MacAddress(frame.destination())).hasToString("02:de:ad:be:ef:01");
    assertThat(new MacAddress(frame.source())).hasToString("ff:80:81:82:83:84");
  }

  @Test
  void givesEveryFrameItsHeadroom() {
    FrameArena arena = new FrameArena(memory, 8, 4096);
    Frame first = arena.allocate(100);
    Frame second = arena.allocate(1);
    assertThat(first.offset()).isGreaterThanOrEqualTo(FrameArena.HEADROOM);
    assertThat(second.offset() - FrameArena.HEADROOM)
        .isGreaterThanOrEqualTo(first.offset() + first.length());
  }

  @Test
  void saysWhenAFrameDoesNotFit() {
    FrameArena arena = new FrameArena(memory, 2, 1024);
    assertThat(arena.fits(1024 - FrameArena.HEADROOM)).isTrue();
    assertThat(arena.fits(1025 - FrameArena.HEADROOM)).isFalse();
    arena.allocate(60);
    arena.allocate(60);
    assertThat(arena.fits(0)).isFalse();
    assertThatThrownBy(() -> arena.allocate(0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("2 of 2 frames");
  }

  @Test
  void startsEachFrameWithoutTheOffloadWorkOfTheLastRound() {
    FrameArena arena = new FrameArena(memory, 1, 1024);
    Frame frame = arena.allocate(60);
    frame.setChecksum(ChecksumState.BLANK);
    frame.setGso(GsoType.TCPV6, 1200);
    arena.clear();
    Frame next = arena.allocate(61);
    assertThat(next.checksum()).isEqualTo(ChecksumState.COMPLETE);
    assertThat(next.gso()).isEqualTo(GsoType.NONE);
    assertThat(next.gsoSize()).isZero();
    assertThat(next.length()).isEqualTo(61);
  }

  /// Whoever asks again reads what was judged, until somebody says that it has changed.
  @Test
  void carriesItsHeaders() {
    FrameArena arena = new FrameArena(memory, 1, 1024);
    Frame frame = udp(arena);
    Headers headers = frame.headers();
    assertThat(headers.transport()).isEqualTo(Headers.Transport.UDP);
    assertThat(headers.transportOffset()).isEqualTo(34);
    frame.putU8(23, Headers.PROTOCOL_TCP);
    assertThat(frame.headers().transport()).isEqualTo(Headers.Transport.UDP);
    frame.forgetHeaders();
    assertThat(frame.headers().transport()).isEqualTo(Headers.Transport.TCP);
    arena.clear();
    assertThat(udp(arena).headers().transport()).isEqualTo(Headers.Transport.UDP);
  }

  /// What is said of a frame decides what its headers say.
  @Test
  void parsesAnewWhenItGetsShorterOrIsToBeSegmented() {
    Frame frame = udp(new FrameArena(memory, 1, 1024));
    assertThat(frame.headers().ipEnd()).isEqualTo(60);
    frame.truncate(59);
    assertThat(frame.headers().isMalformed()).isTrue();
    frame.putU16(16, 0);
    frame.forgetHeaders();
    assertThat(frame.headers().ip()).isEqualTo(Headers.Ip.NONE);
    frame.setGso(GsoType.TCPV4, 1000);
    assertThat(frame.headers().ipEnd()).isEqualTo(59);
    frame.setGso(GsoType.NONE, 0);
    assertThat(frame.headers().ip()).isEqualTo(Headers.Ip.NONE);
  }

  private static Frame udp(FrameArena arena) {
    Frame frame = arena.allocate(60);
    frame.octets().fill((byte) 0);
    frame.putU16(12, Headers.ETHERTYPE_IPV4);
    frame.putU16(14, 0x4500);
    frame.putU16(16, 46);
    frame.putU8(23, Headers.PROTOCOL_UDP);
    frame.putU16(38, 26);
    frame.putU8(46, 0x50);
    return frame;
  }

  @Test
  void readsWordsInTheOrderOfTheNetwork() {
    Frame frame = new FrameArena(memory, 1, 1024).allocate(20);
    frame.putI32(3, 0x0102_0304);
    frame.putI32(7, 0xf506_0708);
    assertThat(frame.i64(3)).isEqualTo(0x0102_0304_f506_0708L);
    assertThatThrownBy(() -> frame.i64(13)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void onlyGetsShorter() {
    Frame frame = new FrameArena(memory, 1, 1024).allocate(60);
    frame.truncate(14);
    assertThat(frame.length()).isEqualTo(14);
    assertThatThrownBy(() -> frame.truncate(15)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> frame.truncate(-1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void countsTheOctetsOfABatch() {
    FrameArena arena = new FrameArena(memory, 2, 1024);
    FrameBatch batch = new FrameBatch(2);
    batch.add(arena.allocate(60));
    batch.add(arena.allocate(70));
    assertThat(batch.octets()).isEqualTo(130);
    assertThat(batch.isFull()).isTrue();
    batch.clear();
    assertThat(batch.isEmpty()).isTrue();
    assertThat(batch.octets()).isZero();
    assertThatThrownBy(() -> batch.get(0)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aBatchIsFullWithItsLastFrame() {
    FrameArena arena = new FrameArena(memory, 2, 1024);
    FrameBatch batch = new FrameBatch(2);
    assertThat(batch.isEmpty()).isTrue();
    batch.add(arena.allocate(60));
    assertThat(batch.isEmpty()).isFalse();
    assertThat(batch.isFull()).isFalse();
    assertThat(batch.size()).isEqualTo(1);
    Frame second = arena.allocate(60);
    batch.add(second);
    assertThat(batch.isFull()).isTrue();
    assertThat(batch.get(1)).isSameAs(second);
    assertThat(second.index()).isEqualTo(1);
    assertThat(arena.get(1)).isSameAs(second);
    assertThatThrownBy(() -> arena.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  /// Cache lines are not shared, and not wasted either.
  @Test
  void alignsEachFrameToACacheLine() {
    FrameArena arena = new FrameArena(memory, 4, 4096);
    long first = arena.allocate(64).offset();
    long second = arena.allocate(65).offset();
    assertThat(second - first).isEqualTo(64 + FrameArena.HEADROOM);
    long third = arena.allocate(500).offset();
    assertThat(third - second).isEqualTo(128 + FrameArena.HEADROOM);
    arena.trimLast(128);
    assertThat(arena.allocate(1).offset() - third).isEqualTo(128 + FrameArena.HEADROOM);
  }

  @Test
  void keepsWhatItIsToldOfItsOffloadWork() {
    Frame frame = new FrameArena(memory, 1, 1024).allocate(60);
    frame.setChecksum(ChecksumState.VALIDATED);
    frame.setGso(GsoType.TCPV6, 1200);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
    assertThat(frame.gso()).isEqualTo(GsoType.TCPV6);
    assertThat(frame.gsoSize()).isEqualTo(1200);
    frame.octets().fill((byte) 2);
    assertThat(frame)
        .hasToString(
            "02:02:02:02:02:02 > 02:02:02:02:02:02, 60 octets, checksum VALIDATED, gso TCPV6 1200");
  }

  @Test
  void readsBackWhatIsWritten() {
    Frame frame = new FrameArena(memory, 1, 1024).allocate(60);
    frame.octets().fill((byte) 0);
    frame.putI32(20, 0x81020304);
    frame.putU8(24, 0xfe);
    assertThat(frame.i32(20)).isEqualTo(0x81020304);
    assertThat(frame.u16(20)).isEqualTo(0x8102);
    assertThat(frame.u8(24)).isEqualTo(0xfe);
    assertThat(frame.u8(25)).isZero();
  }

  @Test
  void readsAndWritesAddressesAsText() {
    assertThat(MacAddress.parse("00:16:3E:00:0a:ff")).hasToString("00:16:3e:00:0a:ff");
    assertThat(MacAddress.parse("ff:ff:ff:ff:ff:ff").value()).isEqualTo(MacAddress.BROADCAST);
    assertThat(MacAddress.isGroup(MacAddress.parse("01:00:5e:00:00:01").value())).isTrue();
    assertThat(MacAddress.isGroup(MacAddress.parse("00:16:3e:00:00:01").value())).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00:16:3e:00:00",
        "00:16:3e:00:00:01:02",
        "00-16-3e-00-00-01",
        "00:16:3e:00:00:0g",
        "00163e00000100000",
        "+0:16:3e:00:00:01"
      })
  void refusesWhatIsNoAddress(String text) {
    assertThatThrownBy(() -> MacAddress.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }
}
