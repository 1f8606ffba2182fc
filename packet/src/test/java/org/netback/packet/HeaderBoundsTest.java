package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The last octet of each header that still fits, and the first that does not. Behind each frame
/// lie octets that would be taken for headers.
class HeaderBoundsTest {
  private static final String MACS = "020000000002" + "020000000001";
  private static final String UDP = "03e8" + "07d0" + "0008" + "0000";
  private static final String TCP = "03e807d0" + "00000001" + "00000000" + "5010ffff" + "00000000";

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 1024);
  private final Headers headers = new Headers();

  private Frame frame(String hex) {
    byte[] octets = HexFormat.of().parseHex(hex);
    arena.clear();
    Frame frame = arena.allocate(octets.length);
    frame.memory().fill((byte) 0x83);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  private Headers parse(String hex) {
    return headers.parse(frame(hex));
  }

  /// @param options in hex, a multiple of four octets
  private static String ipv4(int protocol, String options, String payload) {
    int words = 5 + options.length() / 8;
    int total = 4 * words + payload.length() / 2;
    return MACS
        + "0800"
        + "%02x00%04x".formatted(0x40 + words, total)
        + "00000000"
        + "40%02x0000".formatted(protocol)
        + "0a000001"
        + "0a000002"
        + options
        + payload;
  }

  private static String ipv6(int next, String payload) {
    return MACS
        + "86dd"
        + "60000000"
        + "%04x%02x40".formatted(payload.length() / 2, next)
        + "fd000000000000000000000000000001"
        + "fd000000000000000000000000000002"
        + payload;
  }

  private void assertWhole(Headers.Ip ip, Headers.Transport transport) {
    assertThat(headers.isMalformed()).isFalse();
    assertThat(headers.ip()).isEqualTo(ip);
    assertThat(headers.transport()).isEqualTo(transport);
  }

  @Test
  void anEthernetHeaderAloneIsAFrame() {
    parse(MACS + "88b5");
    assertWhole(Headers.Ip.NONE, Headers.Transport.NONE);
    assertThat(headers.etherType()).isEqualTo(0x88b5);
    assertThat(headers.pseudoHeader(frame(MACS + "88b5"), 20)).isZero();
  }

  @ParameterizedTest
  @CsvSource({"8100000788b5,1", "810000078100000888b5,2"})
  void aTagIsReadWhereItsTypeStillFits(String tags, int count) {
    parse(MACS + tags);
    assertThat(headers.isMalformed()).isFalse();
    assertThat(headers.vlanTags()).isEqualTo(count);
    assertThat(headers.etherType()).isEqualTo(0x88b5);
    for (int missing = 1; missing <= 3; missing++) {
      String hex = MACS + tags;
      parse(hex.substring(0, hex.length() - 2 * missing));
      assertThat(headers.isMalformed()).isTrue();
      assertThat(headers.vlanTags()).isEqualTo(count - 1);
    }
  }

  @Test
  void headersWithoutPayloadAreWhole() {
    parse(ipv4(1, "", ""));
    assertWhole(Headers.Ip.V4, Headers.Transport.NONE);
    parse(ipv4(1, "01010101", ""));
    assertWhole(Headers.Ip.V4, Headers.Transport.NONE);
    parse(ipv4(6, "", TCP));
    assertWhole(Headers.Ip.V4, Headers.Transport.TCP);
    assertThat(headers.payloadLength()).isZero();
    parse(ipv4(17, "", UDP));
    assertWhole(Headers.Ip.V4, Headers.Transport.UDP);
    assertThat(headers.payloadLength()).isZero();
    assertThat(headers.checksumOffset()).isEqualTo(14 + 20 + 6);
    parse(ipv6(59, ""));
    assertWhole(Headers.Ip.V6, Headers.Transport.NONE);
    assertThat(headers.protocol()).isEqualTo(59);
    parse(ipv6(6, TCP));
    assertWhole(Headers.Ip.V6, Headers.Transport.TCP);
    parse(ipv6(17, UDP));
    assertWhole(Headers.Ip.V6, Headers.Transport.UDP);
  }

  @Test
  void anIpv4HeaderLongerThanItsPacketIsMalformed() {
    String hex = ipv4(1, "01010101", "").replace("46000018", "46000017");
    assertThat(parse(hex).isMalformed()).isTrue();
    assertThat(headers.ip()).isEqualTo(Headers.Ip.NONE);
  }

  /// What follows the options, or stands in an option's data, is no option.
  @ParameterizedTest
  @CsvSource({
    // no operation, end, loose and strict source route
    "83030400, true",
    "89030400, true",
    "01830304, true",
    "00830304, false",
    // an option of four octets with a source route in its data, and one behind it
    "0704830301010101, false",
    "0704000083030400, true",
    "0703008903040000, true",
    // a source route that begins in the last octet is none, and neither is what follows
    "01010183, false",
    "01010101, false",
    // the last option has no length, or one of zero
    "01010107, false",
    "07008303, false",
    "07018303, true"
  })
  void findsASourceRouteAmongTheOptions(String options, boolean rerouted) {
    parse(ipv4(17, options, "8303" + UDP.substring(4)));
    assertThat(headers.isRerouted()).isEqualTo(rerouted);
    assertWhole(Headers.Ip.V4, Headers.Transport.UDP);
  }

  @Test
  void aSourcePortIsNoSourceRoute() {
    parse(ipv4(17, "", "8303" + UDP.substring(4)));
    assertThat(headers.isRerouted()).isFalse();
  }

  @Test
  void anIpv6LengthOfZeroIsTheWholeOnlyOfAFrameToBeSegmented() {
    Frame frame = frame(ipv6(6, TCP + "0011223344556677"));
    frame.putU16(14 + 4, 0);
    headers.parse(frame);
    assertThat(headers.isMalformed()).isTrue();
    assertThat(headers.ipEnd()).isEqualTo(54);
    frame.setGso(GsoType.TCPV6, 4);
    headers.parse(frame);
    assertWhole(Headers.Ip.V6, Headers.Transport.TCP);
    assertThat(headers.payloadLength()).isEqualTo(8);
    frame.putU16(14 + 4, 24);
    assertThat(headers.parse(frame).payloadLength()).isEqualTo(4);
    frame.putU16(14 + 4, 29);
    assertThat(headers.parse(frame).isMalformed()).isTrue();
    assertThat(headers.ip()).isEqualTo(Headers.Ip.NONE);
  }

  @Test
  void anIpv4LengthOfAFrameToBeSegmentedCountsIfItIsThere() {
    Frame frame = frame(ipv4(6, "", TCP + "0011223344556677"));
    frame.setGso(GsoType.TCPV4, 4);
    frame.putU16(14 + 2, 44);
    assertThat(headers.parse(frame).payloadLength()).isEqualTo(4);
  }

  @Test
  void countsSixteenExtensionHeadersAndNoMore() {
    String sixteen = "3c00010400000000".repeat(15) + "1100010400000000";
    parse(ipv6(60, sixteen + UDP));
    assertWhole(Headers.Ip.V6, Headers.Transport.UDP);
    assertThat(headers.transportOffset()).isEqualTo(14 + 40 + 128);
    parse(ipv6(60, "3c00010400000000" + sixteen + UDP));
    assertThat(headers.isMalformed()).isTrue();
    assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);
    assertThat(headers.protocol()).isEqualTo(-1);
  }

  /// Hop-by-hop, destination, mobility, HIP, shim6, authentication and routing headers.
  @ParameterizedTest
  @CsvSource({
    "0, 3b00010400000000",
    "60, 3b01010400000000010a000000000000",
    "135, 3b00000000000000",
    "139, 3b00000000000000",
    "140, 3b00000000000000",
    "43, 3b02000000000000fd00000000000000fd00000000000001",
    "44, 3b00000012345678",
    "51, 3b0400000000000100000001aabbccddaabbccddaabbccdd"
  })
  void anExtensionHeaderMayEndThePacketButNotExceedIt(int type, String hex) {
    parse(ipv6(type, hex));
    assertWhole(Headers.Ip.V6, Headers.Transport.NONE);
    assertThat(headers.protocol()).isEqualTo(59);
    parse(ipv6(type, "11" + hex.substring(2) + UDP));
    assertWhole(Headers.Ip.V6, Headers.Transport.UDP);
    assertThat(headers.transportOffset()).isEqualTo(14 + 40 + hex.length() / 2);
    assertThat(headers.isFragment()).isFalse();
    assertThat(headers.isRerouted()).isFalse();
    for (int length = 0; length < hex.length() / 2; length++) {
      parse(ipv6(type, hex.substring(0, 2 * length)));
      assertThat(headers.isMalformed()).describedAs("%d octets", length).isTrue();
      assertThat(headers.protocol()).isEqualTo(-1);
    }
  }

  @Test
  void aRoutingHeaderReroutesWhileSegmentsAreLeft() {
    parse(ipv6(43, "1102000100000000fd00000000000000fd00000000000001" + UDP));
    assertWhole(Headers.Ip.V6, Headers.Transport.UDP);
    assertThat(headers.isRerouted()).isTrue();
    // Of the type alone it does not depend, nor of what a later header says.
    parse(ipv6(43, "2b00040000000000" + "1100000100000000" + UDP));
    assertThat(headers.isRerouted()).isTrue();
    parse(ipv6(43, "2b00000100000000" + "1100000000000000" + UDP));
    assertThat(headers.isRerouted()).isTrue();
    parse(ipv6(43, "1100040000000000" + UDP));
    assertThat(headers.isRerouted()).isFalse();
  }

  /// Offset and M flag of a fragment header, and the bits between them.
  @ParameterizedTest
  @CsvSource({"0000, false", "0006, false", "0001, true", "0008, true", "8000, true"})
  void aFragmentHasAnOffsetOrMoreToCome(String word, boolean fragment) {
    parse(ipv6(44, "1100" + word + "00000001" + UDP));
    assertThat(headers.isFragment()).isEqualTo(fragment);
    assertThat(headers.protocol()).isEqualTo(17);
    assertThat(headers.isMalformed()).isFalse();
  }

  /// The reserved bit and "do not fragment" make no fragment.
  @ParameterizedTest
  @CsvSource({"8000, false", "4000, false", "2000, true", "0001, true", "1000, true"})
  void anIpv4FragmentHasAnOffsetOrMoreToCome(String word, boolean fragment) {
    Frame frame = frame(ipv4(17, "", UDP));
    frame.putU16(14 + 6, Integer.parseInt(word, 16));
    assertThat(headers.parse(frame).isFragment()).isEqualTo(fragment);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x8100, 0x88a8, 0x9100})
  void knowsTheTypesOfTags(int type) {
    parse(MACS + "%04x000788b5".formatted(type));
    assertThat(headers.vlanTags()).isEqualTo(1);
  }

  @Test
  void aUdpLengthIsBetweenItsHeaderAndThePacket() {
    Frame frame = frame(ipv4(17, "", UDP + "0011"));
    for (int length = 0; length <= 12; length++) {
      frame.putU16(14 + 20 + 4, length);
      headers.parse(frame);
      assertThat(headers.isMalformed()).isEqualTo(length < 8 || length > 10);
      assertThat(headers.transportLength()).isEqualTo(headers.isMalformed() ? 0 : length);
    }
  }

  @Test
  void saysWhatThePseudoHeaderSumsTo() {
    Frame v4 = frame(ipv4(17, "", UDP));
    assertThat(headers.parse(v4).pseudoHeader(v4, 8))
        .isEqualTo(0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 8);
    Frame v6 = frame(ipv6(60, "1100010400000000" + UDP));
    // 0xfd00 twice carries once.
    assertThat(headers.parse(v6).pseudoHeader(v6, 8))
        .isEqualTo(0xfd00 + 0xfd00 - 0xffff + 1 + 2 + 17 + 8);
  }
}
