package org.netback.capture.filter;

import java.util.HexFormat;
import java.util.List;
import org.netback.properties.Sample;

/// Frames as real machines send them, of protocols that pcap-filter(7) names.
final class RealFrames {
  private static final String MACS = "00163e000001" + "00163e000002";
  private static final String IPV4 =
      "0800" + "45000054abcd40004006" + "0000" + "0a000001" + "0a000002";
  private static final String IPV4_UDP = IPV4.replace("4006", "4011");
  private static final String SYN =
      "c3500050"
          + "00000001"
          + "00000000"
          + "a002faf0"
          + "00000000"
          + "020405b40402080a0000000100000000"
          + "01030307";
  private static final String IPV6 =
      "86dd" + "60000000002006ff" + "fd" + "00".repeat(14) + "01" + "fd" + "00".repeat(14) + "02";

  private static final List<String> FRAMES =
      List.of(
          // TCP SYN over IPv4, then with a VLAN tag, with two, in MPLS, in PPPoE, over IPv6.
          MACS + IPV4 + SYN,
          MACS + "81000001" + IPV4 + SYN,
          MACS + "88a80064" + "810000c8" + IPV4 + SYN,
          MACS + "8847" + "186a0040" + "00400140" + IPV4.substring(4) + SYN,
          MACS + "8864" + "110000270056" + "0021" + IPV4.substring(4) + SYN,
          MACS + IPV6 + SYN,
          // TCP behind hop-by-hop options, a fragment of TCP.
          MACS + IPV6.replace("002006", "002800") + "0600050200000000" + SYN,
          MACS + IPV4.replace("4000", "2003") + SYN,
          // DNS, and Geneve with an Ethernet frame inside.
          MACS
              + IPV4_UDP
              + "c3500035002d0000"
              + "12340100000100000000000003777777076578616d706c6503636f6d0000010001",
          MACS + IPV4_UDP + "c35017c100560000" + "0000655800000b00" + MACS + IPV4 + SYN,
          // ARP, RARP.
          "ffffffffffff"
              + "00163e000002"
              + "0806"
              + "0001080006040001"
              + "00163e0000020a000001"
              + "0000000000000a000002"
              + "00".repeat(18),
          "ffffffffffff"
              + "00163e000002"
              + "8035"
              + "0001080006040003"
              + "00163e0000020a000001"
              + "00163e0000020a000002"
              + "00".repeat(18),
          // ICMP echo, IGMP report, PIM hello, VRRP, SCTP init, ESP, AH.
          MACS + IPV4.replace("4006", "4001") + "0800f7ff00000000" + "61".repeat(32),
          "01005e000016"
              + "00163e000002"
              + IPV4.replace("4006", "0102").replace("0a000002", "e0000016")
              + "2200f9fd000000010400000000000000",
          "01005e00000d"
              + "00163e000002"
              + IPV4.replace("4006", "0167").replace("0a000002", "e000000d")
              + "2000da8b00010002001e",
          "01005e000012"
              + "00163e000002"
              + IPV4.replace("4006", "ff70").replace("0a000002", "e0000012")
              + "2101640100010000",
          MACS
              + IPV4.replace("4006", "4084")
              + "00500051"
              + "00000000"
              + "12345678"
              + "01000014"
              + "0000000100010000",
          MACS + IPV4.replace("4006", "4032") + "0000000100000001" + "5a".repeat(32),
          MACS
              + IPV4.replace("4006", "4033")
              + "06040000"
              + "0000000100000001"
              + "5a".repeat(12)
              + SYN,
          // Neighbour solicitation.
          "3333ff000002"
              + "00163e000002"
              + IPV6.replace("2006ff", "203aff")
              + "8700000000000000"
              + "fd"
              + "00".repeat(14)
              + "02"
              + "010100163e000002",
          // A BPDU, NetBEUI, IPX, AppleTalk in SNAP, IS-IS hello, DECnet, LAT, PPPoE discovery.
          "0180c2000000" + "00163e000002" + "0026" + "424203" + "00".repeat(35),
          MACS + "0020" + "f0f003" + "2c00ffef08" + "00".repeat(30),
          MACS + "0022" + "e0e003" + "ffff0020" + "00".repeat(30),
          MACS + "0020" + "aaaa03" + "080007809b" + "00".repeat(30),
          "0180c2000014"
              + "00163e000002"
              + "0040"
              + "fefe03"
              + "831b0100"
              + "0f010000"
              + "00".repeat(50),
          MACS + "6003" + "0a00" + "02" + "287b28" + "00".repeat(40),
          MACS + "6004" + "00".repeat(46),
          "ffffffffffff" + "00163e000002" + "8863" + "110900000004" + "01010000" + "00".repeat(30));

  private RealFrames() {}

  /// All of them.
  static List<byte[]> all() {
    return FRAMES.stream().map(HexFormat.of()::parseHex).toList();
  }

  /// One of them, sometimes with a wrong octet.
  static byte[] octets(Sample sample) {
    byte[] octets = HexFormat.of().parseHex(sample.oneOf(FRAMES.toArray(String[]::new)));
    if (sample.between(0, 2) == 2) {
      octets[sample.between(0, octets.length - 1)] = sample.anyByte();
    }
    return octets;
  }
}
