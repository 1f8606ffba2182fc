package org.netback.offload;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.netback.offload.Packets.Shape;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;

class AdmissionTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 8, 1 << 18);
  private final Headers headers = new Headers();

  private Frame blank(byte[] octets) {
    Frame frame = Packets.frame(arena, octets);
    frame.setChecksum(ChecksumState.BLANK);
    return frame;
  }

  private Frame segmented(Shape shape, byte[] octets, int size) {
    Frame frame = blank(octets);
    frame.setGso(shape.ipv6() ? GsoType.TCPV6 : GsoType.TCPV4, size);
    return frame;
  }

  /// The frame as a sender that keeps to the rules would hand it over.
  private byte[] canonical(Shape shape) {
    Frame frame = Packets.frame(arena, Packets.build(shape));
    headers.parse(frame);
    TransportChecksum.Outcome _ = TransportChecksum.blank(frame, headers);
    return Packets.octets(frame);
  }

  private static int ipOffset(Shape shape) {
    return 14 + 4 * shape.tags();
  }

  private static int checksumOffset(Shape shape) {
    return shape.udp()
        ? shape.headersLength() - 8 + 6
        : shape.headersLength() - 20 - 4 * shape.tcpOptions() + 16;
  }

  static List<Shape> tcpShapes() {
    List<Shape> shapes = new ArrayList<>();
    for (int tags = 0; tags <= 2; tags++) {
      for (boolean ipv6 : new boolean[] {false, true}) {
        shapes.add(Shape.tcp(ipv6, 5000).withTags(tags));
        shapes.add(Shape.tcp(ipv6, 5001).withTags(tags).withOptions(ipv6 ? 0 : 3, 3));
      }
    }
    return shapes;
  }

  /// Only what a receiver has to finish is looked at.
  @Test
  void concernsWhatIsLeftToTheReceiver() {
    Frame frame = Packets.frame(arena, Packets.build(Shape.tcp(false, 5000)));
    assertThat(Admission.concerns(frame)).isFalse();
    frame.setChecksum(ChecksumState.VALIDATED);
    assertThat(Admission.concerns(frame)).isFalse();
    frame.setGso(GsoType.TCPV4, 1448);
    assertThat(Admission.concerns(frame)).isTrue();
    frame.setChecksum(ChecksumState.BLANK);
    assertThat(Admission.concerns(frame)).isTrue();
    frame.setGso(GsoType.NONE, 0);
    assertThat(Admission.concerns(frame)).isTrue();
  }

  static List<Shape> shapes() {
    List<Shape> shapes = new ArrayList<>(tcpShapes());
    shapes.add(Shape.udp(false, 100));
    shapes.add(Shape.udp(true, 101).withTags(1));
    shapes.add(Shape.udp(false, 0).withTags(2));
    return shapes;
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void writesThePseudoHeadersSumIntoABlankFrame(Shape shape) {
    byte[] wanted = canonical(shape);
    for (int seed : new int[] {0, 0x1234, 0xffff}) {
      Frame frame = blank(wanted);
      frame.putU16(checksumOffset(shape), seed);
      assertThat(Admission.admit(frame)).isTrue();
      assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
      assertThat(Packets.octets(frame)).isEqualTo(wanted);
      arena.clear();
    }
  }

  @ParameterizedTest
  @MethodSource("tcpShapes")
  void mendsWhatASenderLeftToTheSegmenter(Shape shape) {
    byte[] wanted = canonical(shape);
    int ip = ipOffset(shape);
    int length = wanted.length - ip - (shape.ipv6() ? 40 : 0);
    for (int lengthField : new int[] {0, length}) {
      for (int ipChecksum : new int[] {0, 0x4321}) {
        Frame frame = segmented(shape, wanted, 1400);
        frame.putU16(ip + (shape.ipv6() ? 4 : 2), lengthField);
        if (!shape.ipv6()) {
          frame.putU16(ip + 10, ipChecksum);
        }
        // Windows leaves the length out.
        frame.putU16(checksumOffset(shape), 0x1111);
        assertThat(Admission.admit(frame)).isTrue();
        assertThat(Packets.octets(frame)).isEqualTo(wanted);
        assertThat(frame.gsoSize()).isEqualTo(1400);
        assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
        assertThat(frame.segmentLength()).isEqualTo(shape.headersLength() + 1400);
        // A second look finds nothing to do.
        assertThat(Admission.admit(frame)).isTrue();
        assertThat(Packets.octets(frame)).isEqualTo(wanted);
        arena.clear();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tcpShapes")
  void blanksAWholeChecksumBeforeASegmentation(Shape shape) {
    Frame frame = segmented(shape, Packets.build(shape), 1400);
    frame.setChecksum(ChecksumState.VALIDATED);
    assertThat(Admission.admit(frame)).isTrue();
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(Packets.octets(frame)).isEqualTo(canonical(shape));
  }

  /// The segmenter leaves padding out; a kernel that segments would send it as data.
  @ParameterizedTest
  @MethodSource("tcpShapes")
  void cutsWhatLiesBehindAPacketToBeSegmented(Shape shape) {
    byte[] wanted = canonical(shape);
    Frame frame = segmented(shape, Arrays.copyOf(wanted, wanted.length + 7), 1400);
    frame.putU8(wanted.length + 3, 0x55);
    assertThat(Admission.admit(frame)).isTrue();
    assertThat(Packets.octets(frame)).isEqualTo(wanted);
  }

  /// Its mark is taken off, and nobody behind this would mend it.
  @ParameterizedTest
  @MethodSource("tcpShapes")
  void mendsAFrameThatNeedsNoSegmentation(Shape shape) {
    byte[] wanted = canonical(shape);
    Frame frame = segmented(shape, wanted, 6000);
    frame.putU16(ipOffset(shape) + (shape.ipv6() ? 4 : 2), 0);
    frame.putU16(checksumOffset(shape), 0);
    if (!shape.ipv6()) {
      frame.putU16(ipOffset(shape) + 10, 0);
    }
    assertThat(Admission.admit(frame)).isTrue();
    assertThat(Packets.octets(frame)).isEqualTo(wanted);
    assertThat(frame.gso()).isEqualTo(GsoType.NONE);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(frame.segmentLength()).isZero();
  }

  /// Some senders forget to say that a frame to be segmented has the pseudo header's sum alone.
  @ParameterizedTest
  @MethodSource("tcpShapes")
  void believesNoWholeChecksumInAFrameThatNeedsNoSegmentation(Shape shape) {
    byte[] wanted = canonical(shape);
    for (ChecksumState claimed : List.of(ChecksumState.COMPLETE, ChecksumState.VALIDATED)) {
      Frame frame = segmented(shape, wanted, 6000);
      frame.setChecksum(claimed);
      assertThat(Admission.admit(frame)).isTrue();
      assertThat(frame.gso()).isEqualTo(GsoType.NONE);
      assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
      assertThat(Packets.octets(frame)).isEqualTo(wanted);
      arena.clear();
    }
  }

  /// A kernel sums up all that there is.
  @ParameterizedTest
  @MethodSource("shapes")
  void completesAChecksumInFrontOfOctetsThatItDoesNotCover(Shape shape) {
    byte[] built = Packets.build(shape);
    byte[] padded = Arrays.copyOf(built, built.length + 5);
    padded[built.length + 1] = 0x55;
    Frame frame = blank(padded);
    frame.putU16(checksumOffset(shape), 0x1111);
    assertThat(Admission.admit(frame)).isTrue();
    assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
    assertThat(Packets.octets(frame)).isEqualTo(padded);
  }

  /// The last destination is not in the header, so that only the sender knows the sum.
  @Test
  void believesTheSenderUnderASourceRoute() {
    byte[] octets = Packets.build(Shape.tcp(false, 100).withOptions(2, 0));
    octets[34] = (byte) 131;
    octets[35] = 7;
    octets[36] = 4;
    Frame frame = blank(octets);
    frame.putU16(14 + 28 + 16, 0x1234);
    assertThat(Admission.admit(frame)).isTrue();
    assertThat(frame.u16(14 + 28 + 16)).isEqualTo(0x1234);
  }

  @ParameterizedTest
  @MethodSource("contradictions")
  void refusesAndLeavesAlone(String name, byte[] octets, GsoType gso) {
    Frame frame = blank(octets);
    if (gso != GsoType.NONE) {
      frame.setGso(gso, 1000);
    }
    assertThat(Admission.admit(frame)).isFalse();
    assertThat(Packets.octets(frame)).isEqualTo(octets);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(frame.gso()).isEqualTo(gso);
  }

  static List<Arguments> contradictions() {
    byte[] tcp = Packets.build(Shape.tcp(false, 3000));
    byte[] tagged = Packets.build(Shape.tcp(false, 3000).withTags(2));
    byte[] arp = tcp.clone();
    arp[13] = 6;
    byte[] arpBehindTags = tagged.clone();
    arpBehindTags[21] = 6;
    byte[] thirdTag = tagged.clone();
    thirdTag[20] = (byte) 0x81;
    byte[] icmp = tcp.clone();
    icmp[23] = 1;
    byte[] icmpBehindTags = tagged.clone();
    icmpBehindTags[31] = 1;
    byte[] fragment = tcp.clone();
    fragment[20] = 0x20;
    byte[] longer = tcp.clone();
    longer[16] = 0x70;
    byte[] zero = tcp.clone();
    zero[16] = 0;
    zero[17] = 0;
    byte[] udp = Packets.build(Shape.udp(false, 3000));
    byte[] tcpv6 = Packets.build(Shape.tcp(true, 3000).withTags(1));
    return List.of(
        Arguments.of("a blank checksum in ARP", arp, GsoType.NONE),
        Arguments.of("ARP behind two tags", arpBehindTags, GsoType.NONE),
        Arguments.of("TCP behind a third tag", thirdTag, GsoType.NONE),
        Arguments.of("a blank checksum in ICMP", icmp, GsoType.NONE),
        Arguments.of("ICMP behind two tags", icmpBehindTags, GsoType.NONE),
        Arguments.of("a fragment", fragment, GsoType.NONE),
        Arguments.of("a packet that is cut off", longer, GsoType.NONE),
        Arguments.of("no length without a segmentation", zero, GsoType.NONE),
        Arguments.of("a tag that is cut off", Arrays.copyOf(tagged, 17), GsoType.NONE),
        Arguments.of("the second tag cut off", Arrays.copyOf(tagged, 20), GsoType.NONE),
        Arguments.of("nothing behind the tags", Arrays.copyOf(tagged, 22), GsoType.NONE),
        Arguments.of("nothing but Ethernet", Arrays.copyOf(tcp, 14), GsoType.NONE),
        Arguments.of("UDP to be segmented as TCP", udp, GsoType.TCPV4),
        Arguments.of("IPv6 to be segmented as IPv4", tcpv6, GsoType.TCPV4),
        Arguments.of("IPv4 to be segmented as IPv6", tagged, GsoType.TCPV6),
        Arguments.of("a fragment to be segmented", fragment, GsoType.TCPV4),
        Arguments.of("TCP behind a third tag to be segmented", thirdTag, GsoType.TCPV4));
  }
}
