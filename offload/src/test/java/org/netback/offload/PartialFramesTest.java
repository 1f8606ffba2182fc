package org.netback.offload;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.netback.packet.AnyFrame;
import org.netback.packet.ArrayLender;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.properties.Property;
import org.netback.properties.Sample;

/// Frames of which not all is private fare as whole ones do: the same answer, and the same octets
/// in the end.
final class PartialFramesTest {
  private static final int TRIES = 3000;

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 15);
  private final FrameArena segments = new FrameArena(Arena.ofAuto(), 512, 1 << 20);
  private final Headers headers = new Headers();

  /// Does the same to a whole and to a partial frame.
  ///
  /// @param work gives all that it found
  private void holdsForBoth(Function<Frame, Object> work, int headroom) {
    Property.holds(
        TRIES,
        sample -> {
          byte[] octets = AnyFrame.octets(sample, 0x0016_3e00_0001L, 0x0016_3e00_0002L);
          GsoType gso = sample.oneOf(GsoType.values());
          ChecksumState checksum = sample.oneOf(ChecksumState.values());
          int size = sample.between(0, 300);
          byte[] before = header(sample, headroom);
          int head = sample.between(14, Math.min(octets.length, 500));
          arena.clear();
          List<Object> found = new ArrayList<>();
          for (int ready : new int[] {octets.length, head}) {
            Frame frame = new ArrayLender().lend(arena, octets, ready);
            frame.setChecksum(checksum);
            frame.setGso(gso, gso == GsoType.NONE ? 0 : size);
            for (int i = 0; i < headroom; i++) {
              frame.memory().set(JAVA_BYTE, frame.offset() - headroom + i, before[i]);
            }
            Object answer = work.apply(frame);
            assertThat(frame.pull()).isTrue();
            found.add(
                List.of(
                    answer,
                    frame.checksum(),
                    frame.gso(),
                    frame.gsoSize(),
                    frame.segmentLength(),
                    octets(frame, headroom)));
          }
          assertThat(found.get(1)).isEqualTo(found.get(0));
        });
  }

  private void holdsForBoth(Function<Frame, Object> work) {
    holdsForBoth(work, 0);
  }

  private static List<Byte> octets(Frame frame, int headroom) {
    List<Byte> octets = new ArrayList<>();
    for (long at = -headroom; at < frame.length(); at++) {
      octets.add(frame.memory().get(JAVA_BYTE, frame.offset() + at));
    }
    return octets;
  }

  /// A virtio_net_hdr, of which half are near to the truth.
  private static byte[] header(Sample sample, int size) {
    if (size == 0) {
      return new byte[0];
    }
    MemorySegment header = MemorySegment.ofArray(new byte[size]);
    header.set(JAVA_BYTE, 0, (byte) (int) sample.oneOf(0, 1, 1, 2));
    header.set(JAVA_BYTE, 1, (byte) (int) sample.oneOf(0, 1, 4, 3));
    header.set(JAVA_SHORT_UNALIGNED, 4, (short) sample.between(0, 300));
    header.set(JAVA_SHORT_UNALIGNED, 6, (short) (int) sample.oneOf(34, 54, sample.between(0, 600)));
    header.set(JAVA_SHORT_UNALIGNED, 8, (short) (int) sample.oneOf(16, 6, sample.between(0, 600)));
    return header.toArray(JAVA_BYTE);
  }

  @Test
  void areAdmittedAsWholeOnes() {
    holdsForBoth(frame -> !Admission.concerns(frame) || Admission.admit(frame));
  }

  @Test
  void areCompletedAsWholeOnes() {
    holdsForBoth(frame -> TransportChecksum.complete(frame, headers.parse(frame)));
  }

  @Test
  void areLeftBlankAsWholeOnes() {
    holdsForBoth(frame -> TransportChecksum.blank(frame, headers.parse(frame)));
  }

  @Test
  void areSegmentedAsWholeOnes() {
    TcpSegmenter segmenter = new TcpSegmenter();
    holdsForBoth(
        frame -> {
          segments.clear();
          List<Object> found = new ArrayList<>();
          found.add(segmenter.begin(frame, headers.parse(frame)));
          while (segmenter.hasNext()) {
            found.add(octets(segmenter.next(segments, found.size() % 2 == 0), 0));
          }
          return found;
        });
  }

  @Test
  void areToldToTheTapAsWholeOnes() {
    holdsForBoth(VirtioNetHeader::write, VirtioNetHeader.SIZE);
  }

  @Test
  void areReadFromTheTapAsWholeOnes() {
    holdsForBoth(VirtioNetHeader::read, VirtioNetHeader.SIZE);
  }
}
