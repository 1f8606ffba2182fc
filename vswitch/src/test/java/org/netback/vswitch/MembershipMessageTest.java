package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.vswitch.MembershipMessage.Change.JOIN;
import static org.netback.vswitch.MembershipMessage.Change.LEAVE;
import static org.netback.vswitch.MembershipMessage.Change.NONE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;
import org.netback.vswitch.Groups.GroupRecord;
import org.netback.vswitch.MembershipMessage.Kind;

class MembershipMessageTest {
  private final MembershipMessage message = new MembershipMessage();

  /// A frame that ends with its memory, so that nothing behind it can be read.
  private static Frame frame(byte[] octets) {
    FrameArena arena = new FrameArena(Arena.ofAuto(), 1, FrameArena.HEADROOM + octets.length);
    Frame frame = arena.allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  private Kind parse(byte[] octets) {
    return message.parse(frame(octets));
  }

  /// "JOIN 239.1.1.1" for each record.
  private List<String> records(byte[] octets) {
    Frame frame = frame(octets);
    assertThat(message.parse(frame)).isEqualTo(Kind.REPORT);
    List<String> records = new ArrayList<>();
    while (message.nextRecord(frame)) {
      records.add(
          message.change()
              + " "
              + GroupAddress.text(
                  new MulticastGroup(message.groupHigh(), message.groupLow(), message.isIpv6())));
    }
    return records;
  }

  @Test
  void readsEveryVersionsReports() {
    assertThat(records(Groups.igmpV1Report("239.1.1.1"))).containsExactly("JOIN 239.1.1.1");
    assertThat(records(Groups.igmpV2Report("239.1.1.1"))).containsExactly("JOIN 239.1.1.1");
    assertThat(records(Groups.igmpV2Leave("239.1.1.1"))).containsExactly("LEAVE 239.1.1.1");
    assertThat(records(Groups.mldV1Report("ff0e::1:2"))).containsExactly("JOIN ff0e::1:2");
    assertThat(records(Groups.mldV1Done("ff0e::1:2"))).containsExactly("LEAVE ff0e::1:2");
    assertThat(
            records(
                Groups.mldV2Report(
                    "::",
                    new GroupRecord(Groups.IS_EX, "ff02::fb"),
                    new GroupRecord(Groups.TO_IN, "ff05::2"))))
        .containsExactly("JOIN ff02::fb", "LEAVE ff05::2");
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, NONE", "1, 2, JOIN", "2, 0, JOIN", "2, 2, JOIN", "3, 0, LEAVE", "3, 1, JOIN",
    "4, 0, JOIN", "4, 1, JOIN", "5, 1, JOIN", "5, 0, NONE", "6, 1, NONE", "7, 0, NONE",
    "255, 1, NONE"
  })
  void whoWantsSomeSourcesHasJoined(int type, int sources, MembershipMessage.Change change) {
    List<String> ipv4 = List.of("10.0.0.1", "10.0.0.2").subList(0, sources);
    List<String> ipv6 = List.of("fd00::1", "fd00::2").subList(0, sources);
    GroupRecord before = new GroupRecord(Groups.TO_EX, "239.0.0.1");
    GroupRecord after = new GroupRecord(Groups.TO_IN, "239.0.0.9");
    assertThat(
            records(Groups.igmpV3Report(before, new GroupRecord(type, "232.0.0.1", ipv4), after)))
        .containsExactly(JOIN + " 239.0.0.1", change + " 232.0.0.1", LEAVE + " 239.0.0.9");
    assertThat(records(Groups.mldV2Report("fe80::1", new GroupRecord(type, "ff3e::1", ipv6))))
        .containsExactly(change + " ff3e::1");
  }

  @Test
  void groupsThatAllGetAreNotJoined() {
    assertThat(
            records(
                Groups.igmpV3Report(
                    new GroupRecord(Groups.TO_EX, "224.0.0.251"),
                    new GroupRecord(Groups.TO_EX, "224.0.1.1"))))
        .containsExactly(NONE + " 224.0.0.251", JOIN + " 224.0.1.1");
    assertThat(
            records(
                Groups.mldV2Report(
                    "fe80::1",
                    new GroupRecord(Groups.TO_EX, "ff02::1"),
                    new GroupRecord(Groups.TO_EX, "ff01::5"),
                    new GroupRecord(Groups.TO_EX, "ff02::1:ff00:1"))))
        .containsExactly(NONE + " ff02::1", NONE + " ff01::5", JOIN + " ff02::1:ff00:1");
  }

  @Test
  void readsQueries() {
    assertThat(parse(Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 0)))
        .isEqualTo(Kind.QUERY);
    assertThat(message.isGeneral()).isTrue();
    assertThat(message.responseMillis()).isEqualTo(10_000);
    assertThat(message.hasNoSource()).isFalse();
    assertThat(parse(Groups.igmpV3Query("0.0.0.0", "239.1.1.1", "239.1.1.1", 0x8b)))
        .isEqualTo(Kind.QUERY);
    assertThat(message.isGeneral()).isFalse();
    assertThat(message.hasNoSource()).isTrue();
    // 0x8b: exponent 0, mantissa 11: (11 | 16) << 3.
    assertThat(message.responseMillis()).isEqualTo(21_600);
    assertThat(parse(Groups.mldQuery("fe80::9", "ff02::1", "::", 2500))).isEqualTo(Kind.QUERY);
    assertThat(message.isGeneral()).isTrue();
    assertThat(message.responseMillis()).isEqualTo(2500);
  }

  @Test
  void dataIsNoMessage() {
    assertThat(parse(Groups.data("239.1.1.1"))).isEqualTo(Kind.NONE);
    assertThat(parse(Groups.data("ff0e::1"))).isEqualTo(Kind.NONE);
    assertThat(parse(new byte[14])).isEqualTo(Kind.NONE);
    assertThat(parse(new byte[0])).isEqualTo(Kind.NONE);
  }

  @Test
  void whatNobodyKnowsIsUnknown() {
    byte[] message = {0x55, 0, 0, 0, 0, 0, 0, 0};
    assertThat(parse(Groups.ipv4("10.0.0.1", "224.0.0.9", 2, Groups.checksummed(0, message))))
        .isEqualTo(Kind.UNKNOWN);
  }

  @Test
  void routersAreHeard() {
    byte[] hello = {0x20, 0, 0, 0};
    assertThat(parse(Groups.ipv4("10.0.0.1", "224.0.0.13", 103, hello))).isEqualTo(Kind.ROUTER);
    byte[] advertisement = {0x30, 20, 0, 0, 0, 0, 0, 0};
    assertThat(
            parse(Groups.ipv4("10.0.0.1", "224.0.0.106", 2, Groups.checksummed(0, advertisement))))
        .isEqualTo(Kind.ROUTER);
  }

  private static byte[] with(byte[] octets, int at, int value) {
    octets[at] = (byte) value;
    return octets;
  }

  @Test
  void whatContradictsItselfIsMalformed() {
    // Checksums: IGMP's, IP's, ICMPv6's.
    assertThat(parse(with(Groups.igmpV2Report("239.1.1.1"), 41, 9))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(with(Groups.igmpV2Report("239.1.1.1"), 29, 9))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 75, 9))).isEqualTo(Kind.MALFORMED);
    // No group.
    assertThat(parse(Groups.igmpV2Report("10.0.0.1"))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(Groups.igmpV3Report(new GroupRecord(Groups.TO_EX, "10.0.0.1"))))
        .isEqualTo(Kind.MALFORMED);
    assertThat(parse(Groups.mldV1Report("fe80::1"))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(Groups.igmpQuery("10.0.0.1", "224.0.0.1", "10.0.0.1", 1)))
        .isEqualTo(Kind.MALFORMED);
    // A general query that is not sent to all.
    assertThat(parse(Groups.igmpQuery("10.0.0.1", "239.1.1.1", "0.0.0.0", 1)))
        .isEqualTo(Kind.MALFORMED);
    // Not from this link.
    assertThat(parse(Groups.mldQuery("2001:db8::1", "ff02::1", "::", 1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(Groups.mldQuery("::", "ff02::1", "::", 1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(Groups.mldV2Report("2001:db8::1", new GroupRecord(Groups.TO_EX, "ff0e::1"))))
        .isEqualTo(Kind.MALFORMED);
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 21, 64))).isEqualTo(Kind.MALFORMED);
  }

  private static byte[] v3(int announced, int... body) {
    byte[] message = new byte[8 + body.length];
    message[0] = 0x22;
    message[6] = (byte) (announced >> 8);
    message[7] = (byte) announced;
    for (int i = 0; i < body.length; i++) {
      message[8 + i] = (byte) body[i];
    }
    return Groups.ipv4("10.0.0.1", "224.0.0.22", 2, Groups.checksummed(0, message));
  }

  @Test
  void recordsHaveToFit() {
    assertThat(parse(v3(0))).isEqualTo(Kind.REPORT);
    assertThat(parse(v3(1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(v3(1, 4, 0, 0, 0, 239, 1, 1, 1))).isEqualTo(Kind.REPORT);
    assertThat(parse(v3(2, 4, 0, 0, 0, 239, 1, 1, 1))).isEqualTo(Kind.MALFORMED);
    // A source, or auxiliary data, that is not there.
    assertThat(parse(v3(1, 4, 0, 0, 1, 239, 1, 1, 1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(v3(1, 4, 1, 0, 0, 239, 1, 1, 1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(v3(1, 4, 255, 255, 255, 239, 1, 1, 1))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(v3(0xffff, 4, 0, 0, 0, 239, 1, 1, 1))).isEqualTo(Kind.MALFORMED);
    int[] many = new int[513 * 8];
    for (int i = 0; i < many.length; i += 8) {
      many[i] = 4;
      many[i + 4] = 239;
    }
    assertThat(parse(v3(513, many))).isEqualTo(Kind.MALFORMED);
    assertThat(parse(v3(512, many))).isEqualTo(Kind.REPORT);
  }

  @Test
  void everyCutAndEveryFragmentIsRefused() {
    for (byte[] whole :
        List.of(
            Groups.igmpV3Report(
                new GroupRecord(
                    Groups.ALLOW, "232.1.1.1", List.of("10.0.0.1", "10.0.0.2", "10.0.0.3")),
                new GroupRecord(Groups.TO_EX, "239.1.1.1"),
                new GroupRecord(Groups.TO_EX, "239.1.1.2")),
            Groups.mldV2Report("fe80::1", new GroupRecord(Groups.TO_EX, "ff0e::1")))) {
      // Up to where the type of the message is, it is not known that it is one.
      int type = whole[12] == 8 ? 34 : 63;
      for (int length = 0; length < whole.length; length++) {
        Kind kind = length < type ? Kind.NONE : Kind.MALFORMED;
        assertThat(parse(Arrays.copyOf(whole, length))).as("%s octets", length).isEqualTo(kind);
        Frame frame = frame(whole);
        frame.truncate(length);
        assertThat(message.parse(frame)).as("%s octets and the rest", length).isEqualTo(kind);
      }
    }
    for (int flagsAndOffset : new int[] {0x2000, 1, 0x1fff, 0x1000}) {
      assertThat(parse(withIpv4Word(6, flagsAndOffset))).isEqualTo(Kind.MALFORMED);
    }
    assertThat(parse(withIpv4Word(6, 0x4000))).isEqualTo(Kind.REPORT);
  }

  /// A report with another word in its IP header, whose checksum is right.
  private static byte[] withIpv4Word(int at, int word) {
    byte[] octets = Groups.igmpV2Report("239.1.1.1");
    octets[14 + at] = (byte) (word >> 8);
    octets[15 + at] = (byte) word;
    return checksummedIpv4(octets, 20);
  }

  private static byte[] checksummedIpv4(byte[] octets, int header) {
    octets[24] = 0;
    octets[25] = 0;
    int sum = Groups.sum(0, Arrays.copyOfRange(octets, 14, 14 + header));
    octets[24] = (byte) (~sum >> 8);
    octets[25] = (byte) ~sum;
    return octets;
  }

  /// As hosts send them: with the router alert (RFC 2236 2).
  @Test
  void passesOverIpv4Options() {
    byte[] plain = Groups.igmpV2Report("239.1.1.1");
    byte[] octets = new byte[plain.length + 4];
    System.arraycopy(plain, 0, octets, 0, 34);
    octets[34] = (byte) 0x94;
    octets[35] = 4;
    System.arraycopy(plain, 34, octets, 38, plain.length - 34);
    octets[14] = 0x46;
    octets[17] = 32;
    assertThat(records(checksummedIpv4(octets, 24))).containsExactly("JOIN 239.1.1.1");
  }

  @Test
  void ipv4HeadersHaveToBeTrue() {
    assertThat(parse(withIpv4Word(0, 0x5500))).isEqualTo(Kind.NONE);
    assertThat(parse(withIpv4Word(0, 0x4400))).isEqualTo(Kind.MALFORMED);
    // Of 28 octets in all: not even a header, less than a message, more than there is.
    for (int total : new int[] {0, 19, 20, 23, 27, 0xffff}) {
      assertThat(parse(withIpv4Word(2, total))).as("%s", total).isEqualTo(Kind.MALFORMED);
    }
    byte[] seven = {0x16, 0, 0, 0, (byte) 239, 1, 1};
    assertThat(parse(Groups.ipv4("10.0.0.1", "239.1.1.0", 2, Groups.checksummed(0, seven))))
        .isEqualTo(Kind.MALFORMED);
    byte[] hello = {0x20, 0, 0, 0};
    assertThat(parse(Groups.ipv4("10.0.0.1", "224.0.0.5", 103, hello))).isEqualTo(Kind.NONE);
    assertThat(parse(Groups.ipv4("10.0.0.1", "224.0.0.13", 103, Arrays.copyOf(hello, 3))))
        .isEqualTo(Kind.MALFORMED);
    byte[] otherVersion = {0x10, 0, 0, 0};
    assertThat(parse(Groups.ipv4("10.0.0.1", "224.0.0.13", 103, otherVersion)))
        .isEqualTo(Kind.NONE);
  }

  private static byte[] igmpQuery(int size, int sources, int code) {
    byte[] octets = new byte[size];
    octets[0] = 0x11;
    octets[1] = (byte) code;
    if (size >= 12) {
      octets[10] = (byte) (sources >> 8);
      octets[11] = (byte) sources;
    }
    return Groups.ipv4("10.0.0.1", "224.0.0.1", 2, Groups.checksummed(0, octets));
  }

  private static byte[] mldQuery(int size, int sources, int code) {
    byte[] body = Arrays.copyOf(Groups.oneGroup(code, "::"), size - 4);
    if (size >= 28) {
      body[22] = (byte) (sources >> 8);
      body[23] = (byte) sources;
    }
    return Groups.mld("fe80::9", "ff02::1", 130, body);
  }

  /// A query of any other length than its version's is ignored (RFC 3376 7.1, RFC 3810 8.1).
  @ParameterizedTest
  @CsvSource({
    "8, 0, true", "9, 0, false", "10, 0, false", "11, 0, false", "12, 0, true", "13, 0, true",
    "12, 1, false", "15, 1, false", "16, 1, true", "20, 1, true", "16, 2, false", "20, 2, true",
    "12, 65535, false"
  })
  void igmpQueriesHoldTheSourcesThatTheyAnnounce(int size, int sources, boolean whole) {
    assertThat(parse(igmpQuery(size, sources, 1))).isEqualTo(whole ? Kind.QUERY : Kind.MALFORMED);
  }

  @ParameterizedTest
  @CsvSource({
    "8, 0, false", "20, 0, false", "23, 0, false", "24, 0, true", "25, 0, false", "27, 0, false",
    "28, 0, true", "30, 0, true", "28, 1, false", "43, 1, false", "44, 1, true", "60, 1, true",
    "44, 2, false", "60, 2, true", "28, 65535, false"
  })
  void mldQueriesHoldTheSourcesThatTheyAnnounce(int size, int sources, boolean whole) {
    assertThat(parse(mldQuery(size, sources, 1))).isEqualTo(whole ? Kind.QUERY : Kind.MALFORMED);
  }

  /// Codes from 0x80 on are floating-point numbers, of the newest version only (RFC 3376 4.1.1).
  @ParameterizedTest
  @CsvSource({
    "8, 1, 100", "8, 127, 12700", "8, 128, 12800", "8, 139, 13900", "8, 255, 25500",
    "12, 0, 10000", "12, 127, 12700", "12, 128, 12800", "12, 139, 21600", "12, 156, 44800",
    "12, 255, 3174400"
  })
  void readsHowLongIgmpHostsMayTake(int size, int code, long millis) {
    assertThat(parse(igmpQuery(size, 0, code))).isEqualTo(Kind.QUERY);
    assertThat(message.responseMillis()).isEqualTo(millis);
  }

  /// The same from 0x8000 on (RFC 3810 5.1.3); milliseconds.
  @ParameterizedTest
  @CsvSource({
    "24, 0, 0",
    "24, 32767, 32767",
    "24, 32768, 32768",
    "24, 65535, 65535",
    "28, 32767, 32767",
    "28, 32768, 32768",
    "28, 37155, 70192",
    "28, 65535, 8387584"
  })
  void readsHowLongMldHostsMayTake(int size, int code, long millis) {
    assertThat(parse(mldQuery(size, 0, code))).isEqualTo(Kind.QUERY);
    assertThat(message.responseMillis()).isEqualTo(millis);
  }

  @Test
  void tellsWhatAQueryAsksForAndWhoAsks() {
    assertThat(parse(Groups.mldQuery("fe80::9", "ff0e::1:2", "ff0e::1:2", 1)))
        .isEqualTo(Kind.QUERY);
    assertThat(message.isIpv6()).isTrue();
    assertThat(message.isGeneral()).isFalse();
    assertThat(message.groupHigh()).isEqualTo(0xff0e_0000_0000_0000L);
    assertThat(message.groupLow()).isEqualTo(0x1_0002);
    assertThat(message.sourceHigh()).isEqualTo(0xfe80_0000_0000_0000L);
    assertThat(message.sourceLow()).isEqualTo(9);
    assertThat(message.hasNoSource()).isFalse();
    assertThat(parse(Groups.mldQuery("fe80::", "ff02::1", "::", 1))).isEqualTo(Kind.QUERY);
    assertThat(message.hasNoSource()).isFalse();
    assertThat(parse(Groups.igmpQuery("10.0.0.1", "239.1.1.1", "239.1.1.1", 1)))
        .isEqualTo(Kind.QUERY);
    assertThat(message.isIpv6()).isFalse();
    assertThat(message.groupHigh()).isZero();
    assertThat((int) message.groupLow()).isEqualTo(0xef01_0101);
    assertThat(message.sourceHigh()).isZero();
    assertThat((int) message.sourceLow()).isEqualTo(0x0a00_0001);
  }

  /// A general query goes to all nodes of the link.
  @ParameterizedTest
  @ValueSource(strings = {"ff02::2", "ff05::1", "ff02:1::1", "ff02::1:0:1"})
  void aGeneralMldQueryIsSentToAllNodes(String destination) {
    assertThat(parse(Groups.mldQuery("fe80::9", destination, "::", 1))).isEqualTo(Kind.MALFORMED);
  }

  /// Link-local is fe80::/10; a host without an address yet may report and not ask (RFC 3810 5).
  @ParameterizedTest
  @CsvSource({
    "fe80::1, true, true",
    "febf:ffff::1, true, true",
    "fec0::1, false, false",
    "fe7f::1, false, false",
    "::, true, false",
    "::1, false, false",
    "2001:db8::, false, false"
  })
  void messagesComeFromTheLink(String source, boolean reports, boolean asks) {
    GroupRecord record = new GroupRecord(Groups.TO_EX, "ff0e::1");
    Kind report = reports ? Kind.REPORT : Kind.MALFORMED;
    assertThat(parse(Groups.mldV2Report(source, record))).isEqualTo(report);
    if (reports) {
      assertThat(message.hasNoSource()).isEqualTo(!asks);
    }
    for (int type : new int[] {131, 132}) {
      assertThat(parse(Groups.mld(source, "ff0e::1", type, Groups.oneGroup(0, "ff0e::1"))))
          .isEqualTo(report);
    }
    assertThat(parse(Groups.mldQuery(source, "ff02::1", "::", 1)))
        .isEqualTo(asks ? Kind.QUERY : Kind.MALFORMED);
  }

  /// ICMPv6 has many types; these are about membership (RFC 2710, 3810, 4286).
  @Test
  void knowsTheTypesOfIcmpv6() {
    byte[] body = Groups.oneGroup(0, "ff0e::1");
    for (int type = 0; type < 256; type++) {
      Kind kind =
          switch (type) {
            case 130 -> Kind.QUERY;
            case 131, 132 -> Kind.REPORT;
            // No record where its own count says that there is one.
            case 143 -> Kind.MALFORMED;
            case 151 -> Kind.ROUTER;
            default -> Kind.NONE;
          };
      if (type == 143) {
        body = new byte[] {0, 0, 0, 1};
      } else if (type == 151) {
        body = new byte[4];
      }
      assertThat(parse(Groups.mld("fe80::1", "ff0e::1", type, body)))
          .as("type %s", type)
          .isEqualTo(kind);
    }
  }

  @Test
  void mldMessagesHaveToBeWhole() {
    byte[] body = Groups.oneGroup(0, "ff0e::1");
    for (int type : new int[] {131, 132}) {
      for (int length = 4; length < body.length; length++) {
        assertThat(parse(Groups.mld("fe80::1", "ff0e::1", type, Arrays.copyOf(body, length))))
            .isEqualTo(Kind.MALFORMED);
      }
    }
    assertThat(parse(Groups.mld("fe80::1", "ff02::6a", 151, new byte[3])))
        .isEqualTo(Kind.MALFORMED);
  }

  /// The hop-by-hop options may be longer than the router alert, and hold something else than MLD.
  @Test
  void passesOverHopByHopOptions() {
    byte[] plain = Groups.mldV1Report("ff0e::1");
    byte[] octets = new byte[plain.length + 8];
    System.arraycopy(plain, 0, octets, 0, 62);
    System.arraycopy(plain, 62, octets, 70, plain.length - 62);
    octets[55] = 1;
    octets[62] = 1;
    octets[63] = 6;
    octets[19] = (byte) (octets[19] + 8);
    assertThat(records(octets)).containsExactly("JOIN ff0e::1");
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 54, 17))).isEqualTo(Kind.NONE);
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 55, 255))).isEqualTo(Kind.NONE);
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 20, 60))).isEqualTo(Kind.NONE);
    assertThat(parse(with(Groups.mldV1Report("ff0e::1"), 14, 0x40))).isEqualTo(Kind.NONE);
  }

  /// Auxiliary data is passed over (RFC 3376 4.2.6).
  @Test
  void readsTheRecordsBehindAuxiliaryData() {
    byte[] octets =
        v3(
            2, 4, 2, 0, 1, 239, 1, 1, 1, 10, 0, 0, 1, 9, 9, 9, 9, 8, 8, 8, 8, 3, 0, 0, 0, 239, 1, 1,
            2);
    assertThat(records(octets)).containsExactly("JOIN 239.1.1.1", "LEAVE 239.1.1.2");
    byte[] body = new byte[4 + 20 + 16 + 4 + 20];
    body[3] = 2;
    body[4] = Groups.ALLOW;
    body[5] = 1;
    body[7] = 1;
    System.arraycopy(Groups.address("ff3e::1"), 0, body, 8, 16);
    System.arraycopy(Groups.address("fd00::1"), 0, body, 24, 16);
    body[44] = Groups.TO_IN;
    System.arraycopy(Groups.address("ff3e::2"), 0, body, 48, 16);
    assertThat(records(Groups.mld("fe80::1", "ff02::16", 143, body)))
        .containsExactly("JOIN ff3e::1", "LEAVE ff3e::2");
    for (int length = 4; length < body.length; length++) {
      byte[] cut = Arrays.copyOf(body, length);
      assertThat(parse(Groups.mld("fe80::1", "ff02::16", 143, cut))).isEqualTo(Kind.MALFORMED);
    }
  }

  /// A message that is none has no records, whatever came before it.
  @Test
  void forgetsTheMessageBefore() {
    assertThat(parse(Groups.igmpV2Report("239.1.1.1"))).isEqualTo(Kind.REPORT);
    Frame other = frame(Groups.data("239.1.1.1"));
    assertThat(message.parse(other)).isEqualTo(Kind.NONE);
    assertThat(message.nextRecord(other)).isFalse();
    assertThat(records(Groups.igmpV2Leave("239.1.1.2"))).containsExactly("LEAVE 239.1.1.2");
    assertThat(records(Groups.igmpV3Report(new GroupRecord(Groups.TO_EX, "239.1.1.3"))))
        .containsExactly("JOIN 239.1.1.3");
  }

  @ParameterizedTest
  @CsvSource({
    "224.0.0.0, false",
    "224.0.0.255, false",
    "224.0.1.0, true",
    "239.255.255.255, true",
    "223.255.255.255, false",
    "240.0.0.0, false",
    "ff02::1, false",
    "ff02::2, true",
    "ff02::1:ff00:1, true",
    "ff00::5, false",
    "ff01::5, false",
    "ff05::1, true",
    "ff12::1, true",
    "fe02::1, false",
    "ff12::, true",
    "ff0f::1, true"
  })
  void knowsTheGroupsThatHostsReport(String group, boolean reported) {
    byte[] octets = Groups.address(group);
    Frame frame = frame(Arrays.copyOf(octets, 16));
    assertThat(
            octets.length == 4
                ? MembershipMessage.isForwardedByMembershipIpv4(frame.i32(0))
                : MembershipMessage.isForwardedByMembershipIpv6(frame.i64(0), frame.i64(8)))
        .isEqualTo(reported);
  }

  @Test
  void anyOctetsGiveAnAnswer() {
    Property.holds(
        2000,
        sample -> {
          byte[] noise = sample.octets(0, 200);
          int start = sample.between(0, 4);
          boolean fixed = sample.anyBoolean();
          byte[] valid =
              switch (start) {
                case 0 -> Groups.igmpV3Report(new GroupRecord(Groups.TO_EX, "239.1.1.1"));
                case 1 -> Groups.mldV2Report("fe80::1", new GroupRecord(Groups.TO_EX, "ff0e::1"));
                case 2 -> Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 1);
                case 3 -> Groups.mldQuery("fe80::1", "ff02::1", "::", 1);
                default -> noise;
              };
          byte[] octets = fixed ? Arrays.copyOf(valid, noise.length) : valid.clone();
          for (int i = 0; i + 1 < noise.length; i += 20) {
            int at = noise[i] & 0xff;
            if (at < octets.length) {
              octets[at] = noise[i + 1];
            }
          }
          Frame frame = frame(octets);
          if (message.parse(frame) == Kind.REPORT) {
            int records = 0;
            while (message.nextRecord(frame)) {
              records++;
            }
            assertThat(records).isLessThanOrEqualTo(MembershipMessage.MAX_RECORDS);
          }
        });
  }
}
