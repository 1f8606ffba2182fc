package org.netback.hashing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;

final class ToeplitzTest {
  private static Frame frame(byte[] octets) {
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 256).allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  private static int fast(byte[] key, byte[] buffer) {
    return new Toeplitz(HashKey.of(key)).part(0, frame(buffer), 0, buffer.length);
  }

  private static byte[] buffer(String source, String target, int sourcePort, int targetPort)
      throws UnknownHostException {
    byte[] from = InetAddress.getByName(source).getAddress();
    byte[] to = InetAddress.getByName(target).getAddress();
    return ByteBuffer.allocate(2 * from.length + 4)
        .put(from)
        .put(to)
        .putShort((short) sourcePort)
        .putShort((short) targetPort)
        .array();
  }

  /// "Verifying the RSS hash calculation" in Microsoft's driver documentation.
  @ParameterizedTest
  @CsvSource({
    "161.142.100.80, 1766, 66.9.149.187, 2794, 323e8fc2, 51ccc178",
    "65.69.140.83, 4739, 199.92.111.2, 14230, d718262a, c626b0ea",
    "12.22.207.184, 38024, 24.19.198.95, 12898, d2d0a5de, 5c2b394a",
    "209.142.163.6, 2217, 38.27.205.30, 48228, 82989176, afc7327f",
    "202.188.127.2, 1303, 153.39.163.191, 44251, 5d1809c5, 10e828a2",
    "3ffe:2501:200:3::1, 1766, 3ffe:2501:200:1fff::7, 2794, 2cc18cd5, 40207d3d",
    "ff02::1, 4739, 3ffe:501:8::260:97ff:fe40:efab, 14230, 0f0c461c, dde51bbf",
    "fe80::200:f8ff:fe21:67cf, 38024, 3ffe:1900:4545:3:200:f8ff:fe21:67cf, 44251, 4b61e985,"
        + " 02d1feef"
  })
  void agreesWithMicrosoftsVectors(
      String target, int targetPort, String source, int sourcePort, String ofIp, String ofTcp)
      throws UnknownHostException {
    byte[] buffer = buffer(source, target, sourcePort, targetPort);
    byte[] addresses = Arrays.copyOf(buffer, buffer.length - 4);
    byte[] key = BitByBit.MICROSOFT_KEY;
    assertThat(fast(key, buffer)).isEqualTo(Integer.parseUnsignedInt(ofTcp, 16));
    assertThat(fast(key, addresses)).isEqualTo(Integer.parseUnsignedInt(ofIp, 16));
    assertThat(BitByBit.hash(key, buffer)).isEqualTo(Integer.parseUnsignedInt(ofTcp, 16));
    assertThat(BitByBit.hash(key, addresses)).isEqualTo(Integer.parseUnsignedInt(ofIp, 16));
  }

  @Test
  void agreesWithTheDefinitionForAnyKeyAndInput() {
    Property.holds(
        300,
        sample -> {
          byte[] key = sample.octets(0, 40);
          byte[] longest = sample.octets(36, 36);
          for (int length = 4; length <= 36; length += 4) {
            byte[] buffer = Arrays.copyOf(longest, length);
            assertThat(fast(key, buffer)).isEqualTo(BitByBit.hash(key, buffer));
          }
        });
  }

  @Test
  void addsItsPartsInAnyOrder() {
    Property.holds(
        100,
        sample -> {
          byte[] key = sample.octets(40, 40);
          byte[] buffer = sample.octets(36, 36);
          Toeplitz toeplitz = new Toeplitz(HashKey.of(key));
          Frame frame = frame(buffer);
          assertThat(
                  toeplitz.part(32, frame, 32, 4)
                      ^ toeplitz.part(0, frame, 0, 8)
                      ^ toeplitz.part(8, frame, 8, 24))
              .isEqualTo(toeplitz.part(0, frame, 0, 36));
        });
  }

  @Test
  void hashesToZeroWithAnEmptyKey() {
    byte[] ones = new byte[36];
    Arrays.fill(ones, (byte) -1);
    assertThat(fast(new byte[0], ones)).isZero();
  }

  @Test
  void fillsAShortKeyWithZeros() {
    byte[] input = new byte[36];
    for (int i = 0; i < input.length; i++) {
      input[i] = (byte) (i * 73 + 1);
    }
    for (int length = 0; length < HashKey.MAX_LENGTH; length++) {
      byte[] key = Arrays.copyOf(BitByBit.MICROSOFT_KEY, length);
      byte[] filled = Arrays.copyOf(key, HashKey.MAX_LENGTH);
      assertThat(fast(key, input)).isEqualTo(fast(filled, input));
    }
  }

  @Test
  void takesNoKeyLongerThanItsInputsNeed() {
    assertThatThrownBy(() -> HashKey.of(new byte[41])).hasMessageContaining("41");
  }
}
