package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

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

  @Property
  void equalsTheTextbookSumForAnyOctets(@ForAll @Size(max = 3000) byte[] octets) {
    assertThat(sum(octets)).isEqualTo(naiveSum(octets));
  }

  @Property
  void doesNotDependOnTheAddress(
      @ForAll @Size(max = 200) byte[] octets, @ForAll @IntRange(max = 9) int shift) {
    byte[] shifted = new byte[octets.length + shift + 5];
    Arrays.fill(shifted, (byte) 0xa5);
    System.arraycopy(octets, 0, shifted, shift, octets.length);
    assertThat(InternetChecksum.sum(MemorySegment.ofArray(shifted), shift, octets.length))
        .isEqualTo(naiveSum(octets));
  }

  @Property
  void sumOfPartsIsTheSumOfTheWhole(
      @ForAll @Size(min = 1, max = 300) byte[] octets, @ForAll @IntRange(max = 299) int cut) {
    int at = cut % octets.length;
    int first = sum(Arrays.copyOf(octets, at));
    int second = sum(Arrays.copyOfRange(octets, at, octets.length));
    assertThat(InternetChecksum.combine(first, at, second) % 0xffff)
        .isEqualTo(naiveSum(octets) % 0xffff);
  }

  @Property
  void incrementalUpdateEqualsTheFullChecksum(
      @ForAll @Size(min = 20, max = 20) byte[] header,
      @ForAll @IntRange(max = 9) int word,
      @ForAll @IntRange(max = 0xffff) int value) {
    header[0] = 0x45;
    int before = InternetChecksum.finish(sum(header));
    int old = (header[2 * word] & 0xff) << 8 | header[2 * word + 1] & 0xff;
    header[2 * word] = (byte) (value >> 8);
    header[2 * word + 1] = (byte) value;
    int full = InternetChecksum.finish(sum(header));
    // Both zeros of the ones' complement mean the same.
    assertThat(InternetChecksum.update(before, old, value) % 0xffff).isEqualTo(full % 0xffff);
  }
}
