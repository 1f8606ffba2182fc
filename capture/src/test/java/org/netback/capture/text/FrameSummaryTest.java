package org.netback.capture.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrameSummaryTest {
  private static final String MACS = "00163e000002 00163e000001 ";
  private static final String IPV4 = MACS + "0800 4500001c00000000 40%02x0000 0a000001 0a000002 ";
  private static final String IPV6 =
      MACS
          + "86dd 60000000 %04x %02x 40 fe800000000000000000000000000001"
          + " ff0200000000000000000000000000fb ";

  private static MemorySegment octets(String hex) {
    return MemorySegment.ofArray(HexFormat.of().parseHex(hex.replace(" ", "")));
  }

  private static String text(String hex) {
    MemorySegment frame = octets(hex);
    return FrameSummary.of(frame, (int) frame.byteSize()).text();
  }

  private static String ipv4(int protocol, String payload) {
    return text(String.format(IPV4, protocol) + payload);
  }

  private static String ipv6(int next, String payload) {
    return text(String.format(IPV6, payload.replace(" ", "").length() / 2, next) + payload);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          0806 0001080006040001 00163e000001 0a000001 000000000000 0a000002 | ARP 00:16:3e:00:00:01 > 00:16:3e:00:00:02: who has 10.0.0.2? tell 10.0.0.1
          0806 0001080006040002 00163e000001 0a000001 00163e000002 0a000002 | ARP 00:16:3e:00:00:01 > 00:16:3e:00:00:02: 10.0.0.1 is at 00:16:3e:00:00:01
          0806 0006080006040001 00163e000001 0a000001 000000000000 0a000002 | ARP 00:16:3e:00:00:01 > 00:16:3e:00:00:02: not of IPv4 over Ethernet
          8100 a00a 88a8 0014 88cc 02 | vlan 10 vlan 20 LLDP 00:16:3e:00:00:01 > 00:16:3e:00:00:02
          0026 4242 03 000000 | STP 00:16:3e:00:00:01 > 00:16:3e:00:00:02
          0008 aaaa03 000000 88cc 02 | LLDP 00:16:3e:00:00:01 > 00:16:3e:00:00:02
          0005 e0f003 0000 | LLC 00:16:3e:00:00:01 > 00:16:3e:00:00:02: from f0 to e0, length 5
          8809 01 | LACP 00:16:3e:00:00:01 > 00:16:3e:00:00:02
          88b5 00 | 0x88b5 00:16:3e:00:00:01 > 00:16:3e:00:00:02
          0800 45 | IPv4 00:16:3e:00:00:01 > 00:16:3e:00:00:02: cut
          """)
  void whatTheLinkCarries(String behindAddresses, String line) {
    assertThat(text(MACS + behindAddresses)).isEqualTo(line);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          6  | 04d2 0050 00000001 00000002 5012 0400 0000 0000 | TCP 10.0.0.1.1234 > 10.0.0.2.80: [S.] seq 1 ack 2 win 1024 length 0
          6  | 04d2 0050 00000001 00000002 5000 0400 0000 0000 | TCP 10.0.0.1.1234 > 10.0.0.2.80: [none] seq 1 win 1024 length 0
          17 | 0044 0043 0008 0000 | UDP 10.0.0.1.68 > 10.0.0.2.67: DHCP, length 0
          17 | 04d2 1e61 0008 0000 | UDP 10.0.0.1.1234 > 10.0.0.2.7777: length 0
          1  | 0800 0000 0007 0009 | ICMP 10.0.0.1 > 10.0.0.2: echo request, id 7 seq 9
          1  | 0304 0000 0000 05dc | ICMP 10.0.0.1 > 10.0.0.2: too long, MTU 1500
          2  | 1600 0000 ef010203 | IGMP 10.0.0.1 > 10.0.0.2: v2 report of 239.1.2.3
          47 | 00 | GRE 10.0.0.1 > 10.0.0.2: length 8
          99 | 00 | IP protocol 99 10.0.0.1 > 10.0.0.2: length 8
          6  | 04d2 | TCP 10.0.0.1 > 10.0.0.2: cut
          """)
  void whatIpv4Carries(int protocol, String payload, String line) {
    assertThat(ipv4(protocol, payload)).isEqualTo(line);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          58 | 8700 0000 00000000 20010db8000000000001000000000001 | ICMPv6 fe80::1 > ff02::fb: who has 2001:db8::1:0:0:1?
          17 | 14e9 14e9 000c 0000 00000000 | UDP fe80::1.5353 > ff02::fb.5353: mDNS, length 4
          0  | 3a00 05020000 0100 8f00 0000 0000 0001 | ICMPv6 fe80::1 > ff02::fb: MLDv2 report, records 1
          44 | 1100 0001 00000007 04d2 0050 0100 0000 | UDP fe80::1 > ff02::fb: fragment, octets 0 to 8, more follow
          59 | | no next header fe80::1 > ff02::fb: length 0
          43 | 06 | IPv6 fe80::1 > ff02::fb: cut
          """)
  void whatIpv6Carries(int next, String payload, String line) {
    assertThat(ipv6(next, payload == null ? "" : payload)).isEqualTo(line);
  }

  @Test
  void aFragmentHasNoPorts() {
    assertThat(text(MACS + "0800 4500002400002001 40110000 0a000001 0a000002 04d20050 00100000"))
        .isEqualTo("UDP 10.0.0.1 > 10.0.0.2: fragment, octets 8 to 24, more follow");
  }

  @ParameterizedTest
  @CsvSource({
    "00000000000000000000000000000000, ::",
    "00000000000000000000000000000001, ::1",
    "20010db8000000000000000000000000, 2001:db8::",
    "20010db8000000010001000100010001, 2001:db8:0:1:1:1:1:1",
    "20010000000000010000000000000001, 2001:0:0:1::1"
  })
  void addressesAreWrittenAsRfc5952Says(String hex, String text) {
    assertThat(Ip.address6(new Octets(octets(hex), 16), 0)).isEqualTo(text);
  }

  /// Also what a guest has made up, and what a snap length has cut.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void anyOctetsHaveASummary(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] types = {0x0800, 0x86dd, 0x0806, 0x8100, 0x0026};
    for (int i = 0; i < 20_000; i++) {
      byte[] frame = new byte[random.nextInt(120)];
      random.nextBytes(frame);
      if (frame.length > 14) {
        int type = types[random.nextInt(types.length)];
        frame[12] = (byte) (type >> 8);
        frame[13] = (byte) type;
        frame[14] = (byte) (type == 0x0800 ? 0x45 : 0x60);
      }
      String line = FrameSummary.of(MemorySegment.ofArray(frame), 1514).text();
      assertThat(line).isNotEmpty().doesNotContain("\n").hasSizeLessThan(250);
    }
  }
}
