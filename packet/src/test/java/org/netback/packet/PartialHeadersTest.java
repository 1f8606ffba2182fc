package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// What is read of a frame's headers, and of the whole frame when not all of it is private.
final class PartialHeadersTest {
  private static final int TRIES = 3000;

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 15);

  private static byte[] anyFrame(Sample sample) {
    return AnyFrame.octets(sample, 0x0016_3e00_0001L, 0x0016_3e00_0002L);
  }

  private Frame whole(byte[] octets) {
    arena.clear();
    return new ArrayLender().lend(arena, octets, octets.length);
  }

  private static Frame partial(Sample sample, FrameArena arena, byte[] octets) {
    return new ArrayLender().lend(arena, octets, sample.between(14, Math.min(octets.length, 500)));
  }

  private static List<Object> answers(Headers headers) {
    return List.of(
        headers.etherType(),
        headers.vlanTags(),
        headers.ip(),
        headers.ipOffset(),
        headers.ipEnd(),
        headers.isFragment(),
        headers.isRerouted(),
        headers.isMalformed(),
        headers.protocol(),
        headers.transport(),
        headers.transportOffset(),
        headers.transportLength(),
        headers.payloadOffset(),
        headers.payloadLength());
  }

  @Test
  void areThoseOfTheWhole() {
    Property.holds(
        TRIES,
        sample -> {
          byte[] octets = anyFrame(sample);
          GsoType gso = sample.oneOf(GsoType.values());
          Frame whole = whole(octets);
          whole.setGso(gso, 100);
          Frame frame = partial(sample, arena, octets);
          frame.setGso(gso, 100);
          Headers expected = new Headers().parse(whole);
          Headers headers = new Headers().parse(frame);
          assertThat(answers(headers)).isEqualTo(answers(expected));
          assertArePrivate(headers, frame);
          assertThat(headers.pseudoHeader(frame, 77)).isEqualTo(expected.pseudoHeader(whole, 77));
        });
  }

  /// What is reported may be read without another request.
  private static void assertArePrivate(Headers headers, Frame frame) {
    int ip =
        switch (headers.ip()) {
          case NONE -> 0;
          case V4 -> (frame.u8(headers.ipOffset()) & 0xf) << 2;
          case V6 -> 40;
        };
    int transport =
        switch (headers.transport()) {
          case NONE -> 0;
          case TCP -> 20;
          case UDP -> 8;
        };
    assertThat(frame.head())
        .isGreaterThanOrEqualTo(headers.ipOffset() + ip)
        .isGreaterThanOrEqualTo(headers.transportOffset() + transport);
    if (headers.ip() == Headers.Ip.V4) {
      int _ = InternetChecksum.headerIpv4(frame, headers.ipOffset());
    }
  }

  @Test
  void tagsAreThoseOfTheWhole() {
    Property.holds(
        TRIES,
        sample -> {
          byte[] octets = anyFrame(sample);
          int tags = Headers.vlanTags(whole(octets));
          Frame frame = partial(sample, arena, octets);
          assertThat(Headers.vlanTags(frame)).isEqualTo(tags);
          if (octets.length >= 14 + 4 * tags) {
            assertThat(frame.u16(12 + 4 * tags)).isEqualTo(whole(octets).u16(12 + 4 * tags));
          }
        });
  }

  /// Headers that cannot be had are those of a frame with zeros in their place.
  @Test
  void areThoseOfZerosIfTheFrameIsTorn() {
    Property.holds(
        TRIES,
        sample -> {
          byte[] octets = anyFrame(sample);
          ArrayLender lender = new ArrayLender();
          lender.lose();
          arena.clear();
          int head = sample.between(14, Math.min(octets.length, 500));
          Frame frame = lender.lend(arena, octets, head);
          Headers headers = new Headers().parse(frame);
          assertThat(frame.isTorn()).isEqualTo(lender.pulls() == 1);
          assertThat(lender.pulls()).isLessThanOrEqualTo(1);
          assertArePrivate(headers, frame);
          if (!frame.isTorn()) {
            assertThat(answers(headers)).isEqualTo(answers(new Headers().parse(whole(octets))));
          }
        });
  }

  /// Nothing is pulled in for headers that end with the head.
  @ParameterizedTest
  @CsvSource({"17, 8, 0", "17, 8, 1", "6, 20, 0", "6, 20, 1", "58, 0, 0", "58, 0, 1"})
  void asksForHeadersAndNoMore(int protocol, int size, int missing) {
    byte[] octets = new byte[600];
    octets[12] = (byte) 0x86;
    octets[13] = (byte) 0xdd;
    octets[14] = 0x60;
    octets[18] = (byte) (546 >> 8);
    octets[19] = (byte) 546;
    octets[20] = 60;
    octets[54] = (byte) protocol;
    octets[55] = 30;
    int at = 54 + 248;
    octets[at + 5] = 100;
    octets[at + 12] = 0x50;
    ArrayLender lender = new ArrayLender();
    // Without a transport header that is looked at, the extension header's first octets are all.
    Frame frame = lender.lend(arena, octets, (size == 0 ? 62 : at + size) - missing);
    Headers headers = new Headers().parse(frame);
    assertThat(headers.isMalformed()).isFalse();
    assertThat(headers.protocol()).isEqualTo(protocol);
    assertThat(lender.pulls()).isEqualTo(missing);
  }

  @Test
  void sumsAndHeadersAreThoseOfTheWhole() {
    byte[] octets = new byte[300];
    Property.holds(
        500,
        sample -> {
          int head = sample.between(14, 300);
          new Random(sample.anyLong()).nextBytes(octets);
          // IPv6 with extension headers at random, so that some end behind the head.
          octets[12] = (byte) 0x86;
          octets[13] = (byte) 0xdd;
          octets[14] = 0x60;
          octets[18] = 0;
          octets[19] = (byte) (octets.length - 54);
          octets[20] = 60;
          octets[54] = 60;
          octets[55] = (byte) sample.between(0, 11);
          Frame whole = whole(octets);
          int sum = InternetChecksum.sum(whole, 14, octets.length - 14);
          Headers expected = new Headers().parse(whole);
          Frame frame = new ArrayLender().lend(arena, octets, head);
          Headers headers = new Headers().parse(frame);
          assertThat(answers(headers)).isEqualTo(answers(expected));
          frame.need(octets.length);
          assertThat(InternetChecksum.sum(frame, 14, octets.length - 14)).isEqualTo(sum);
        });
  }
}
