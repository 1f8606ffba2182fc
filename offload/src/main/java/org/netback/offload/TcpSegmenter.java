package org.netback.offload;

import java.lang.foreign.MemorySegment;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;

/// Cuts a TCP frame that is longer than the MTU into frames that are not.
///
/// Every segment is a copy of all headers, VLAN tags and options included, before its part of the
/// payload. Changed from one to the next: the IPv4 identification, which counts up; the lengths and
/// the IPv4 header checksum; the TCP sequence number; FIN and PSH, which only the last one keeps,
/// as they speak of the end of the data; and CWR, which only the first one keeps, as it answers one
/// congestion signal (RFC 3168 6.1.2).
///
/// Started with [#begin], then [#next] is called while [#hasNext]; the caller may empty the arena
/// in between. Reusable, allocates nothing. Confined to one thread.
public final class TcpSegmenter {
  /// The most segments of one frame: 65535 octets at 256 each. Real senders are above 536 (RFC 9293
  /// 3.7.1); a guest that asks for one octet each must not make us write 65,000 frames.
  public static final int MAX_SEGMENTS = 256;

  /// Whether a frame can be segmented.
  public enum Outcome {
    /// Yes; [#next] gives the first segment.
    READY,
    /// It need not be: one segment takes all of its payload.
    FITS,
    /// It is not marked for segmentation.
    NOT_MARKED,
    /// Its headers are not those of the protocol that it is marked with.
    MISMATCH,
    /// Its segment size is not 1 to 65535.
    BAD_SIZE,
    /// It would take more than [#MAX_SEGMENTS].
    TOO_MANY
  }

  private static final int FIN_PSH = 0x09;
  private static final int CWR = 0x80;

  private MemorySegment memory = MemorySegment.NULL;
  private long offset;
  private long number;
  private boolean ipv4;
  private int ipOffset;
  private int transportOffset;
  private int headersLength;
  private int payloadLength;
  private int segmentSize;
  private int done;
  private int segment;
  private int identification;
  private int sequence;
  private int flags;

  /// Sum of the IPv4 header without its length, identification and checksum.
  private int ipSum;

  /// Sum of the pseudo header without the length.
  private int pseudoSum;

  /// Looks at a frame; if the answer is READY, it must stay as it is until the last segment is
  /// made.
  ///
  /// @param frame asked for all that goes into segments, so that it may be torn after this
  /// @param headers of this frame
  public Outcome begin(Frame frame, Headers headers) {
    payloadLength = 0;
    done = 0;
    segment = 0;
    Outcome outcome = judge(frame, headers);
    if (outcome != Outcome.READY) {
      return outcome;
    }
    frame.need(headers.payloadOffset() + headers.payloadLength());
    number = frame.number();
    memory = frame.memory();
    offset = frame.offset();
    ipv4 = headers.ip() == Headers.Ip.V4;
    ipOffset = headers.ipOffset();
    transportOffset = headers.transportOffset();
    headersLength = headers.payloadOffset();
    payloadLength = headers.payloadLength();
    segmentSize = frame.gsoSize();
    sequence = frame.i32(transportOffset + 4);
    flags = frame.u8(transportOffset + 13);
    pseudoSum = TransportChecksum.pseudoHeader(frame, headers, 0);
    if (ipv4) {
      identification = frame.u16(ipOffset + 4);
      int size = (frame.u8(ipOffset) & 0xf) << 2;
      int rest = InternetChecksum.sum(frame, ipOffset + 12, size - 12);
      ipSum =
          InternetChecksum.add(
              rest, (long) frame.u16(ipOffset) + frame.u16(ipOffset + 6) + frame.u16(ipOffset + 8));
    }
    return outcome;
  }

  static Outcome judge(Frame frame, Headers headers) {
    Headers.Ip wanted =
        switch (frame.gso()) {
          case NONE -> Headers.Ip.NONE;
          case TCPV4 -> Headers.Ip.V4;
          case TCPV6 -> Headers.Ip.V6;
        };
    if (wanted == Headers.Ip.NONE) {
      return Outcome.NOT_MARKED;
    }
    if (headers.ip() != wanted || headers.transport() != Headers.Transport.TCP) {
      return Outcome.MISMATCH;
    }
    int size = frame.gsoSize();
    if (size < 1 || size > 0xffff) {
      return Outcome.BAD_SIZE;
    }
    if (headers.payloadLength() <= size) {
      return Outcome.FITS;
    }
    return headers.payloadLength() > (long) size * MAX_SEGMENTS ? Outcome.TOO_MANY : Outcome.READY;
  }

  public boolean hasNext() {
    return done < payloadLength;
  }

  /// Octets of the next segment, headers included.
  public int nextLength() {
    return headersLength + Math.min(segmentSize, payloadLength - done);
  }

  /// Writes the next segment.
  ///
  /// @param arena with room for [#nextLength] octets
  /// @param complete whether to write the whole TCP checksum, rather than leave it
  ///   [ChecksumState#BLANK]
  public Frame next(FrameArena arena, boolean complete) {
    int payload = Math.min(segmentSize, payloadLength - done);
    int length = headersLength + payload;
    Frame out = arena.allocate(length);
    out.setNumber(number);
    MemorySegment.copy(memory, offset, out.memory(), out.offset(), headersLength);
    MemorySegment.copy(
        memory, offset + headersLength + done, out.memory(), out.offset() + headersLength, payload);

    if (ipv4) {
      int total = length - ipOffset;
      int id = (identification + segment) & 0xffff;
      out.putU16(ipOffset + 2, total);
      out.putU16(ipOffset + 4, id);
      int sum = InternetChecksum.add(ipSum, (long) total + id);
      out.putU16(ipOffset + 10, InternetChecksum.finish(sum));
    } else {
      out.putU16(ipOffset + 4, length - ipOffset - 40);
    }

    boolean last = done + payload == payloadLength;
    out.putI32(transportOffset + 4, sequence + done);
    out.putU8(transportOffset + 13, flags & ~(last ? 0 : FIN_PSH) & ~(segment == 0 ? 0 : CWR));
    int transportLength = length - transportOffset;
    int pseudo = InternetChecksum.combine(pseudoSum, transportLength);
    if (complete) {
      out.putU16(transportOffset + 16, 0);
      int sum = InternetChecksum.sum(out, transportOffset, transportLength);
      out.putU16(
          transportOffset + 16, TransportChecksum.field(InternetChecksum.combine(pseudo, sum)));
      out.setChecksum(ChecksumState.VALIDATED);
    } else {
      out.putU16(transportOffset + 16, pseudo);
      out.setChecksum(ChecksumState.BLANK);
    }
    done += payload;
    segment++;
    return out;
  }
}
