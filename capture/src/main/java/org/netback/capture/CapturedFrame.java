package org.netback.capture;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.offload.TransportChecksum;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameView;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.vswitch.SwitchPort;

/// A record of a capture: a frame at a point, and what was captured of it. A view that is moved
/// from record to record, so that none is allocated; it is valid until the next one.
public final class CapturedFrame {
  private static final int NANOS = 0;
  private static final int NUMBER = 8;
  private static final int QUEUE = 16;
  private static final int LENGTH = 20;
  private static final int CAPTURED = 24;
  private static final int GSO_SIZE = 28;
  private static final int POINT = 32;
  private static final int CHECKSUM = 33;
  private static final int GSO = 34;

  /// Octets of a record in front of the frame's: as many as a view of it may want to write in.
  static final int HEADER = FrameArena.HEADROOM;

  private static final ChecksumState[] CHECKSUMS = ChecksumState.values();
  private static final GsoType[] GSOS = GsoType.values();

  private final RecordRing ring;
  private final FrameView view;
  private final Headers headers = new Headers();
  private long at;

  CapturedFrame(RecordRing ring) {
    this.ring = ring;
    this.view = new FrameView(ring.memory());
  }

  /// Writes a record into the room that was taken for it.
  static void write(
      MemorySegment to, long at, long nanos, CapturePoint point, int queue, Frame frame, int kept) {
    writeHeader(to, at, nanos, point, queue, frame.number(), frame.length(), kept);
    to.set(ValueLayout.JAVA_INT, at + GSO_SIZE, frame.gsoSize());
    to.set(ValueLayout.JAVA_BYTE, at + CHECKSUM, (byte) frame.checksum().ordinal());
    to.set(ValueLayout.JAVA_BYTE, at + GSO, (byte) frame.gso().ordinal());
    MemorySegment.copy(frame.memory(), frame.offset(), to, at + HEADER, kept);
  }

  /// The same of what is no frame.
  static void writeRejected(MemorySegment to, long at, long nanos, int queue, int length) {
    writeHeader(to, at, nanos, CapturePoint.REJECTED, queue, 0, length, 0);
    to.set(ValueLayout.JAVA_INT, at + GSO_SIZE, 0);
    to.set(ValueLayout.JAVA_BYTE, at + CHECKSUM, (byte) 0);
    to.set(ValueLayout.JAVA_BYTE, at + GSO, (byte) 0);
  }

  private static void writeHeader(
      MemorySegment to,
      long at,
      long nanos,
      CapturePoint point,
      int queue,
      long number,
      int length,
      int kept) {
    to.set(ValueLayout.JAVA_LONG, at + NANOS, nanos);
    to.set(ValueLayout.JAVA_LONG, at + NUMBER, number);
    to.set(ValueLayout.JAVA_INT, at + QUEUE, queue);
    to.set(ValueLayout.JAVA_INT, at + LENGTH, length);
    to.set(ValueLayout.JAVA_INT, at + CAPTURED, kept);
    to.set(ValueLayout.JAVA_BYTE, at + POINT, (byte) point.ordinal());
  }

  /// Moves to the ring's oldest record.
  ///
  /// @return false if there is none
  boolean next() {
    at = ring.peek();
    return at != RecordRing.NONE;
  }

  /// Gives the record back.
  void release() {
    ring.release(at);
  }

  /// When it was seen, in nanoseconds since 1970.
  public long nanos() {
    return ring.memory().get(ValueLayout.JAVA_LONG, at + NANOS);
  }

  /// The frame's number, the same at every point; 0 of what is no frame.
  public long number() {
    return ring.memory().get(ValueLayout.JAVA_LONG, at + NUMBER);
  }

  public CapturePoint point() {
    return CapturePoint.of(ring.memory().get(ValueLayout.JAVA_BYTE, at + POINT));
  }

  public SwitchPort port() {
    return ring.port();
  }

  /// The port's queue, or [org.netback.vswitch.Observer#NO_QUEUE].
  public int queue() {
    return ring.memory().get(ValueLayout.JAVA_INT, at + QUEUE);
  }

  /// What was decided: the decision where a frame goes ([org.netback.vswitch.Forwarding]), the
  /// reason of a drop, the word of a reject. Its text is for people; of the other points it is the
  /// point.
  public Object verdict() {
    return ring.verdict();
  }

  /// Octets of the whole frame.
  public int length() {
    return ring.memory().get(ValueLayout.JAVA_INT, at + LENGTH);
  }

  /// Octets of the frame that were captured.
  public int captured() {
    return ring.memory().get(ValueLayout.JAVA_INT, at + CAPTURED);
  }

  /// Where the captured octets lie, from [#offset] on; valid as long as this is.
  public MemorySegment memory() {
    return ring.memory();
  }

  public long offset() {
    return at + HEADER;
  }

  public ChecksumState checksum() {
    return CHECKSUMS[ring.memory().get(ValueLayout.JAVA_BYTE, at + CHECKSUM)];
  }

  public GsoType gso() {
    return GSOS[ring.memory().get(ValueLayout.JAVA_BYTE, at + GSO)];
  }

  /// Completes a checksum that the sender has left blank, of a frame that was captured whole; any
  /// other stays as it is.
  void completeChecksum() {
    if (captured() == length()) {
      Frame frame = view.at(offset(), length());
      frame.setChecksum(ChecksumState.BLANK); // under a source route the field counts
      boolean done =
          TransportChecksum.complete(frame, headers.parse(frame)) == TransportChecksum.Outcome.DONE;
      if (done) {
        ring.memory()
            .set(ValueLayout.JAVA_BYTE, at + CHECKSUM, (byte) ChecksumState.VALIDATED.ordinal());
      }
    }
  }

  /// Octets of payload in each segment of a GSO frame.
  public int gsoSize() {
    return ring.memory().get(ValueLayout.JAVA_INT, at + GSO_SIZE);
  }
}
