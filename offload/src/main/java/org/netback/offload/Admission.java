package org.netback.offload;

import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;

/// Judges what a frame leaves to its receiver, once, when it comes into the switch, and puts right
/// what receivers rely on without a look: a network card, a kernel and a guest that take such a
/// frame whole read its headers differently, and a fault in them would show far away, in the
/// segments or the checksums that they make of it.
///
/// A frame whose checksum is [ChecksumState#BLANK] has come through this with
/// - a TCP or UDP header, not that of a fragment, directly behind IP and its extension headers;
/// - the sum of its pseudo header in the checksum field, length included;
/// - nothing behind what the checksum covers, since a receiver sums up all that there is.
///
/// A frame that is to be segmented is BLANK, and moreover
/// - its headers are those of its kind, and one segment does not hold all of its payload;
/// - the lengths in its IP header are those of the whole frame, and the IPv4 header checksum is
///   right. Some senders leave these to the segmenter, at zero or as they were.
///
/// That is more than Linux's netback asks of a guest: it drops what has no TCP or UDP header, but
/// hands on lengths and sums as they came.
public final class Admission {
  private Admission() {}

  /// Whether a frame leaves anything to its receiver, so that it has to be admitted.
  public static boolean concerns(Frame frame) {
    return frame.checksum() == ChecksumState.BLANK || frame.gso() != GsoType.NONE;
  }

  /// Admits a frame of which [#concerns] holds. A second time changes nothing.
  ///
  /// @return false if its headers contradict what it asks for, so that it can be neither segmented
  ///   nor completed; its octets and its metadata are as they were
  public static boolean admit(Frame frame) {
    Headers headers = frame.headers();
    return frame.gso() == GsoType.NONE
        ? admitBlank(frame, headers)
        : admitSegmentation(frame, headers);
  }

  private static boolean admitBlank(Frame frame, Headers headers) {
    int end = headers.transportOffset() + headers.transportLength();
    // What lies behind (padding of a short frame, options behind UDP) stays with the frame.
    TransportChecksum.Outcome outcome =
        end == frame.length()
            ? TransportChecksum.blank(frame, headers)
            : TransportChecksum.complete(frame, headers);
    return outcome == TransportChecksum.Outcome.DONE;
  }

  private static boolean admitSegmentation(Frame frame, Headers headers) {
    TcpSegmenter.Outcome outcome = TcpSegmenter.judge(frame, headers);
    return switch (outcome) {
      case READY -> {
        mendLengths(frame, headers);
        TransportChecksum.Outcome _ = TransportChecksum.blank(frame, headers);
        frame.setSegmentLength(headers.payloadOffset() + frame.gsoSize());
        yield true;
      }
      case FITS -> {
        mendLengths(frame, headers);
        TransportChecksum.Outcome _ = TransportChecksum.blank(frame, headers);
        frame.setGso(GsoType.NONE, 0);
        yield true;
      }
      case NOT_MARKED, MISMATCH, BAD_SIZE, TOO_MANY -> false;
    };
  }

  /// As [TcpSegmenter] does in each segment: padding is left out, and all that the headers say of
  /// the length is written anew.
  private static void mendLengths(Frame frame, Headers headers) {
    int at = headers.ipOffset();
    frame.truncate(headers.ipEnd());
    if (headers.ip() == Headers.Ip.V4) {
      frame.putU16(at + 2, frame.length() - at);
      frame.putU16(at + 10, 0);
      frame.putU16(at + 10, InternetChecksum.finish(InternetChecksum.headerIpv4(frame, at)));
    } else {
      frame.putU16(at + 4, frame.length() - at - 40);
    }
  }
}
