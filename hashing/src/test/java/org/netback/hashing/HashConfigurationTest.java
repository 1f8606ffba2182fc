package org.netback.hashing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.Packet;
import org.pcap4j.packet.TcpPacket;
import org.pcap4j.packet.UdpPacket;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.EtherType;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.packet.namednumber.TcpPort;
import org.pcap4j.packet.namednumber.UdpPort;
import org.pcap4j.util.MacAddress;

final class HashConfigurationTest {
  private static final HashConfiguration ALL = on(HashType.ALL);
  private static final byte[] ADDRESSES_V4 = {10, 1, 2, 3, (byte) 192, (byte) 168, 0, 9};
  private static final byte[] ADDRESSES_V6 = new byte[32];
  private static final byte[] PORTS = {0x13, (byte) 0x88, 0, 80};

  static {
    for (int i = 0; i < 32; i++) {
      ADDRESSES_V6[i] = (byte) (i * 37 + 0x20);
    }
  }

  private static HashConfiguration on(int types) {
    return HashConfiguration.INITIAL
        .withToeplitz(true)
        .withTypes(types)
        .withKey(HashKey.of(BitByBit.MICROSOFT_KEY));
  }

  private static long hash(HashConfiguration configuration, byte[] octets) {
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 4096).allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return configuration.hash(frame);
  }

  private static void assertHash(long hash, HashType type, byte[]... inputs) {
    ByteArrayOutputStream buffer = new ByteArrayOutputStream();
    for (byte[] input : inputs) {
      buffer.writeBytes(input);
    }
    assertThat(hash).isNotEqualTo(HashConfiguration.NO_HASH);
    assertThat(HashConfiguration.type(hash)).isEqualTo(type.number());
    assertThat(HashConfiguration.value(hash))
        .isEqualTo(BitByBit.hash(BitByBit.MICROSOFT_KEY, buffer.toByteArray()));
  }

  private static TcpPacket.Builder tcp() {
    return new TcpPacket.Builder()
        .srcPort(new TcpPort((short) 5000, ""))
        .dstPort(new TcpPort((short) 80, ""))
        .correctLengthAtBuild(true)
        .payloadBuilder(new UnknownPacket.Builder().rawData(new byte[40]));
  }

  private static UdpPacket.Builder udp() {
    return new UdpPacket.Builder()
        .srcPort(new UdpPort((short) 5000, ""))
        .dstPort(new UdpPort((short) 80, ""))
        .correctLengthAtBuild(true)
        .payloadBuilder(new UnknownPacket.Builder().rawData(new byte[40]));
  }

  private static IpV4Packet.Builder ipv4(IpNumber protocol, Packet.Builder payload) {
    try {
      return new IpV4Packet.Builder()
          .version(IpVersion.IPV4)
          .tos(IpV4Rfc791Tos.newInstance((byte) 0))
          .protocol(protocol)
          .srcAddr((Inet4Address) InetAddress.getByAddress(Arrays.copyOf(ADDRESSES_V4, 4)))
          .dstAddr((Inet4Address) InetAddress.getByAddress(Arrays.copyOfRange(ADDRESSES_V4, 4, 8)))
          .correctLengthAtBuild(true)
          .correctChecksumAtBuild(true)
          .payloadBuilder(payload);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  private static IpV6Packet.Builder ipv6(IpNumber next, Packet.Builder payload) {
    try {
      return new IpV6Packet.Builder()
          .version(IpVersion.IPV6)
          .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
          .flowLabel(IpV6SimpleFlowLabel.newInstance(0))
          .nextHeader(next)
          .srcAddr((Inet6Address) InetAddress.getByAddress(Arrays.copyOf(ADDRESSES_V6, 16)))
          .dstAddr(
              (Inet6Address) InetAddress.getByAddress(Arrays.copyOfRange(ADDRESSES_V6, 16, 32)))
          .correctLengthAtBuild(true)
          .payloadBuilder(payload);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] ethernet(EtherType type, Packet.Builder payload) {
    return new EthernetPacket.Builder()
        .srcAddr(MacAddress.getByName("00:16:3e:00:00:01"))
        .dstAddr(MacAddress.getByName("00:16:3e:00:00:02"))
        .type(type)
        .payloadBuilder(payload)
        .paddingAtBuild(true)
        .build()
        .getRawData();
  }

  private static byte[] tcpV4() {
    return ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp()));
  }

  private static byte[] tcpV6() {
    return ethernet(EtherType.IPV6, ipv6(IpNumber.TCP, tcp()));
  }

  @Test
  void hashesAddressesAndPortsOfTcp() {
    assertHash(hash(ALL, tcpV4()), HashType.IPV4_TCP, ADDRESSES_V4, PORTS);
    assertHash(hash(ALL, tcpV6()), HashType.IPV6_TCP, ADDRESSES_V6, PORTS);
  }

  @Test
  void hashesAddressesOnlyOfWhatIsNotTcp() {
    assertHash(
        hash(ALL, ethernet(EtherType.IPV4, ipv4(IpNumber.UDP, udp()))),
        HashType.IPV4,
        ADDRESSES_V4);
    assertHash(
        hash(ALL, ethernet(EtherType.IPV6, ipv6(IpNumber.UDP, udp()))),
        HashType.IPV6,
        ADDRESSES_V6);
  }

  /// The maximal type of those that are on, and none where none fits.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
  void choosesTheMaximalTypeThatIsOn(int types) {
    HashConfiguration some = on(types);
    long tcpV4 = hash(some, tcpV4());
    long udpV4 = hash(some, ethernet(EtherType.IPV4, ipv4(IpNumber.UDP, udp())));
    long tcpV6 = hash(some, tcpV6());
    long udpV6 = hash(some, ethernet(EtherType.IPV6, ipv6(IpNumber.UDP, udp())));
    if ((types & 2) != 0) {
      assertHash(tcpV4, HashType.IPV4_TCP, ADDRESSES_V4, PORTS);
    } else if ((types & 1) != 0) {
      assertHash(tcpV4, HashType.IPV4, ADDRESSES_V4);
    } else {
      assertThat(tcpV4).isEqualTo(HashConfiguration.NO_HASH);
    }
    if ((types & 1) != 0) {
      assertHash(udpV4, HashType.IPV4, ADDRESSES_V4);
    } else {
      assertThat(udpV4).isEqualTo(HashConfiguration.NO_HASH);
    }
    if ((types & 8) != 0) {
      assertHash(tcpV6, HashType.IPV6_TCP, ADDRESSES_V6, PORTS);
    } else if ((types & 4) != 0) {
      assertHash(tcpV6, HashType.IPV6, ADDRESSES_V6);
    } else {
      assertThat(tcpV6).isEqualTo(HashConfiguration.NO_HASH);
    }
    if ((types & 4) != 0) {
      assertHash(udpV6, HashType.IPV6, ADDRESSES_V6);
    } else {
      assertThat(udpV6).isEqualTo(HashConfiguration.NO_HASH);
    }
  }

  /// Ports are taken behind the header's real length: "an IP packet without options".
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void passesOverIpv4Options(int words) {
    byte[] plain = tcpV4();
    byte[] octets = new byte[plain.length + 4 * words];
    System.arraycopy(plain, 0, octets, 0, 34);
    Arrays.fill(octets, 34, 34 + 4 * words, (byte) 1);
    System.arraycopy(plain, 34, octets, 34 + 4 * words, plain.length - 34);
    octets[14] = (byte) (0x45 + words);
    int total = octets.length - 14;
    octets[16] = (byte) (total >> 8);
    octets[17] = (byte) total;
    assertHash(hash(ALL, octets), HashType.IPV4_TCP, ADDRESSES_V4, PORTS);
  }

  /// Hop-by-hop options, destination options and an atomic fragment header.
  @ParameterizedTest
  @ValueSource(ints = {0, 60, 44})
  void passesOverIpv6ExtensionHeaders(int extension) {
    byte[] octets = withIpv6Header(tcpV6(), extension, 0);
    assertHash(hash(ALL, octets), HashType.IPV6_TCP, ADDRESSES_V6, PORTS);
  }

  private static byte[] withIpv6Header(byte[] plain, int extension, int fragmentWord) {
    byte[] octets = new byte[plain.length + 8];
    System.arraycopy(plain, 0, octets, 0, 54);
    System.arraycopy(plain, 54, octets, 62, plain.length - 54);
    octets[54] = octets[20];
    octets[20] = (byte) extension;
    octets[56] = (byte) (fragmentWord >> 8);
    octets[57] = (byte) fragmentWord;
    int length = octets.length - 54;
    octets[18] = (byte) (length >> 8);
    octets[19] = (byte) length;
    return octets;
  }

  /// The first fragment has the ports and the others do not, yet all must go one way.
  @ParameterizedTest
  @ValueSource(ints = {0x2000, 0x2010, 0x0010})
  void hashesFragmentsByTheirAddresses(int flagsAndOffset) {
    byte[] octets = tcpV4();
    octets[20] = (byte) (flagsAndOffset >> 8);
    octets[21] = (byte) flagsAndOffset;
    assertHash(hash(ALL, octets), HashType.IPV4, ADDRESSES_V4);
    assertThat(hash(on(HashType.IPV4_TCP.bit()), octets)).isEqualTo(HashConfiguration.NO_HASH);
    byte[] v6 = withIpv6Header(tcpV6(), 44, flagsAndOffset == 0x2000 ? 1 : 0x0100);
    assertHash(hash(ALL, v6), HashType.IPV6, ADDRESSES_V6);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void looksBehindVlanTags(int tags) {
    for (byte[] plain : new byte[][] {tcpV4(), tcpV6()}) {
      byte[] octets = new byte[plain.length + 4 * tags];
      System.arraycopy(plain, 0, octets, 0, 12);
      for (int i = 0; i < tags; i++) {
        octets[12 + 4 * i] = (byte) (i == 0 && tags == 2 ? 0x88 : 0x81);
        octets[13 + 4 * i] = (byte) (i == 0 && tags == 2 ? 0xa8 : 0);
        octets[15 + 4 * i] = 7;
      }
      System.arraycopy(plain, 12, octets, 12 + 4 * tags, plain.length - 12);
      assertThat(hash(ALL, octets)).isEqualTo(hash(ALL, plain));
    }
  }

  @Test
  void givesNoHashToWhatIsNotIp() {
    byte[] arp = new byte[60];
    arp[12] = 8;
    arp[13] = 6;
    assertThat(hash(ALL, arp)).isEqualTo(HashConfiguration.NO_HASH);
    assertThat(hash(ALL, new byte[14])).isEqualTo(HashConfiguration.NO_HASH);
  }

  /// However a packet is cut or scrambled, nothing outside of it is read and nothing is thrown.
  @Test
  void survivesAnyOctets() {
    Property.holds(
        500,
        sample -> {
          byte[] octets = sample.octets(14, 120);
          boolean six = sample.anyBoolean();
          byte[] frame = octets.clone();
          frame[12] = (byte) (six ? 0x86 : 8);
          frame[13] = (byte) (six ? 0xdd : 0);
          long hash = hash(ALL, frame);
          if (hash != HashConfiguration.NO_HASH) {
            assertThat(HashConfiguration.type(hash)).isBetween(six ? 2 : 0, six ? 3 : 1);
          }
        });
  }

  @Test
  void cutsAnywhereWithoutHarm() {
    for (byte[] whole : new byte[][] {tcpV4(), tcpV6()}) {
      for (int length = 14; length < whole.length; length++) {
        assertThat(hash(ALL, Arrays.copyOf(whole, length))).isEqualTo(HashConfiguration.NO_HASH);
      }
    }
  }

  @Test
  void leadsWhatHasNoHashWhereAHashOfZeroGoes() {
    HashConfiguration mapped = ALL.withMapping(HashMapping.zeroed(4).with(0, 3, 0, 0, 0));
    assertThat(mapped.queue(HashConfiguration.NO_HASH, 4)).isEqualTo(3);
    assertThat(ALL.queue(HashConfiguration.NO_HASH, 4)).isZero();
  }

  @Test
  void isOnWithAnAlgorithmAndATypeOnly() {
    assertThat(HashConfiguration.INITIAL.isOn()).isFalse();
    assertThat(HashConfiguration.INITIAL.withToeplitz(true).isOn()).isFalse();
    assertThat(HashConfiguration.INITIAL.withTypes(1).isOn()).isFalse();
    assertThat(HashConfiguration.INITIAL.withTypes(1).withToeplitz(true).isOn()).isTrue();
    assertThat(ALL.withToeplitz(false).isOn()).isFalse();
    assertThat(ALL.withTypes(0).isOn()).isFalse();
  }

  @Test
  void tellsItsAlgorithmWhateverTheTypes() {
    assertThat(HashConfiguration.INITIAL.isToeplitz()).isFalse();
    assertThat(HashConfiguration.INITIAL.withTypes(1).isToeplitz()).isFalse();
    assertThat(HashConfiguration.INITIAL.withToeplitz(true).isToeplitz()).isTrue();
  }

  @Test
  void isWrittenForPeople() {
    assertThat(HashConfiguration.INITIAL).hasToString("off");
    assertThat(on(0)).hasToString("off");
    assertThat(on(HashType.IPV4.bit() | HashType.IPV6_TCP.bit()))
        .hasToString("toeplitz IPV4 IPV6_TCP, mapping 0");
    assertThat(on(HashType.IPV4_TCP.bit()).withMapping(HashMapping.zeroed(7)))
        .hasToString("toeplitz IPV4_TCP, mapping 7");
  }

  /// netif.h: a type's number in a hash extra, and its bit in a set of types.
  @Test
  void numbersTheTypesAsTheHeaderDoes() {
    assertThat(HashType.values())
        .extracting(HashType::number, HashType::bit)
        .containsExactly(tuple(0, 1), tuple(1, 2), tuple(2, 4), tuple(3, 8));
  }

  @Test
  void spreadsFlowsEvenly() {
    int[] count = new int[4];
    Random random = new Random(7);
    byte[] octets = tcpV4();
    for (int i = 0; i < 4000; i++) {
      octets[34] = (byte) random.nextInt();
      octets[35] = (byte) random.nextInt();
      count[ALL.queue(hash(ALL, octets), 4)]++;
    }
    assertThat(Arrays.stream(count)).allMatch(n -> n > 850 && n < 1150);
  }

  @Test
  void makesNoGarbagePerFrame() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    byte[] octets = tcpV6();
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 4096).allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    long sum = 0;
    for (int i = 0; i < 20_000; i++) {
      frame.forgetHeaders();
      sum += ALL.hash(frame);
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 20_000; i++) {
      frame.forgetHeaders();
      sum += ALL.hash(frame);
    }
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(2000);
    assertThat(sum).isNotZero();
  }
}
