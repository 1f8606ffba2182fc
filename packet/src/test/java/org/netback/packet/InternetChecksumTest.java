package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

class InternetChecksumTest {
  /// The textbook way: word by word, the carry put back each time.
  private static int naiveSum(byte[] octets) {
    int sum = 0;
    for (int i = 0; i < octets.length; i += 2) {
      int high = octets[i] & 0xff;
      int low = i + 1 < octets.length ? octets[i + 1] & 0xff : 0;
      sum += high << 8 | low;
      if (sum > 0xffff) {
        sum -= 0xffff;
      }
    }
    return sum;
  }

  private static int sum(byte[] octets) {
    return InternetChecksum.sum(MemorySegment.ofArray(octets), 0, octets.length);
  }

  @Test
  void sumsTheExampleOfRfc1071() {
    assertThat(sum(HexFormat.of().parseHex("0001f203f4f5f6f7"))).isEqualTo(0xddf2);
  }

  @Test
  void finishesTheUsualExampleOfAnIpv4Header() {
    byte[] header = HexFormat.of().parseHex("45000073000040004011" + "0000" + "c0a80001c0a800c7");
    assertThat(InternetChecksum.finish(sum(header))).isEqualTo(0xb861);
  }

  @Test
  void updatesTheExampleOfRfc1624() {
    assertThat(InternetChecksum.update(0xdd2f, 0x5555, 0x3285)).isEqualTo(0x0000);
  }

  @Test
  void sumOfNothingIsZero() {
    assertThat(sum(new byte[0])).isZero();
  }

  /// Ints that add up to 0x1_0000_ffff_ffff, so that a carry is left after the third folding.
  @Test
  void carriesAsOftenAsALongSumNeeds() {
    byte[] octets = new byte[4 * 0x10002];
    Arrays.fill(octets, (byte) 0xff);
    ByteBuffer.wrap(octets).order(ByteOrder.nativeOrder()).putInt(octets.length - 4, 0x0001_0000);
    assertThat(sum(octets)).isEqualTo(naiveSum(octets));
  }

  @Test
  void addsWordsThatWereAddedUpBeforehand() {
    assertThat(InternetChecksum.add(0xfffe, 1)).isEqualTo(0xffff);
    assertThat(InternetChecksum.add(0xfffe, 2)).isEqualTo(1);
    assertThat(InternetChecksum.add(5, 0x7fff_0000_0000L)).isEqualTo(0x8004);
  }

  @Test
  void sumsOctetsOfAFrame() {
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 256).allocate(20);
    frame.octets().fill((byte) 0);
    frame.putU16(5, 0x0102);
    frame.putU16(7, 0x0304);
    frame.putU8(9, 0x05);
    assertThat(InternetChecksum.sum(frame, 5, 5)).isEqualTo(0x0102 + 0x0304 + 0x0500);
  }

  @Test
  void equalsTheTextbookSumForAnyOctets() {
    Property.holds(
        1000,
        sample -> {
          byte[] octets = sample.octets(0, 3000);
          assertThat(sum(octets)).isEqualTo(naiveSum(octets));
        });
  }

  @Test
  void doesNotDependOnTheAddress() {
    Property.holds(
        1000,
        sample -> {
          byte[] octets = sample.octets(0, 200);
          int shift = sample.between(0, 9);
          byte[] shifted = new byte[octets.length + shift + 5];
          Arrays.fill(shifted, (byte) 0xa5);
          System.arraycopy(octets, 0, shifted, shift, octets.length);
          assertThat(InternetChecksum.sum(MemorySegment.ofArray(shifted), shift, octets.length))
              .isEqualTo(naiveSum(octets));
        });
  }

  @Test
  void sumOfPartsIsTheSumOfTheWhole() {
    Property.holds(
        1000,
        sample -> {
          byte[] octets = sample.octets(1, 300);
          int at = sample.between(0, octets.length - 1);
          int first = sum(Arrays.copyOf(octets, at));
          int second = sum(Arrays.copyOfRange(octets, at, octets.length));
          assertThat(InternetChecksum.combine(first, at, second) % 0xffff)
              .isEqualTo(naiveSum(octets) % 0xffff);
        });
  }

  @Test
  void incrementalUpdateEqualsTheFullChecksum() {
    Property.holds(
        1000,
        sample -> {
          byte[] header = sample.octets(20, 20);
          int word = sample.between(0, 9);
          int value = sample.between(0, 0xffff);
          header[0] = 0x45;
          int before = InternetChecksum.finish(sum(header));
          int old = (header[2 * word] & 0xff) << 8 | header[2 * word + 1] & 0xff;
          header[2 * word] = (byte) (value >> 8);
          header[2 * word + 1] = (byte) value;
          int full = InternetChecksum.finish(sum(header));
          // Both zeros of the ones' complement mean the same.
          assertThat(InternetChecksum.update(before, old, value) % 0xffff).isEqualTo(full % 0xffff);
        });
  }
}
