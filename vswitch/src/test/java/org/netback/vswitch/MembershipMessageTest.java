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
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;
import org.netback.vswitch.Groups.GroupRecord;
import org.netback.vswitch.MembershipMessage.Kind;

class MembershipMessageTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 70_000);
  private final MembershipMessage message = new MembershipMessage();

  private Frame frame(byte[] octets) {
    arena.clear();
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
      for (int length = 0; length < whole.length; length++) {
        assertThat(parse(Arrays.copyOf(whole, length)))
            .as("%s octets", length)
            .isIn(Kind.NONE, Kind.MALFORMED);
      }
    }
    byte[] fragment = Groups.igmpV2Report("239.1.1.1");
    fragment[20] = 0x20;
    assertThat(parse(fragment)).isEqualTo(Kind.MALFORMED);
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
