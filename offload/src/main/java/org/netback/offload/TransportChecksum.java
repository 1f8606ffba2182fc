package org.netback.offload;

import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;

/// Completes the TCP or UDP checksum of a [ChecksumState#BLANK] frame, and the way back.
///
/// The sum of the pseudo header is taken anew from the headers rather than from the field, as what
/// a sender leaves there differs (Windows leaves the length out before a segmentation). Only under
/// a source route the field must be believed, since the last destination is elsewhere.
public final class TransportChecksum {
  /// What became of a frame.
  public enum Outcome {
    DONE,
    /// No TCP or UDP header was found: another protocol, or one inside another.
    NO_TRANSPORT,
    /// A part of an IP packet: its checksum covers octets that are not there.
    FRAGMENT,
    /// A header that is cut off or contradicts itself.
    MALFORMED
  }

  private TransportChecksum() {}

  /// Writes the whole checksum and marks the frame [ChecksumState#VALIDATED], as good as what the
  /// sender vouched for by leaving it blank. Unless DONE, the frame is unchanged.
  ///
  /// @param frame asked for what the checksum covers, so that it may be torn after this
  /// @param headers of this frame
  public static Outcome complete(Frame frame, Headers headers) {
    Outcome outcome = judge(headers);
    if (outcome == Outcome.DONE) {
      int length = headers.transportLength();
      int at = headers.checksumOffset();
      int pseudo = pseudoHeader(frame, headers, length);
      frame.need(headers.transportOffset() + length);
      frame.putU16(at, 0);
      int sum = InternetChecksum.sum(frame, headers.transportOffset(), length);
      frame.putU16(at, field(InternetChecksum.combine(pseudo, sum)));
      frame.setChecksum(ChecksumState.VALIDATED);
    }
    return outcome;
  }

  /// Writes the sum of the pseudo header alone and marks the frame [ChecksumState#BLANK]. Unless
  /// DONE, the frame is unchanged.
  ///
  /// @param headers of this frame
  public static Outcome blank(Frame frame, Headers headers) {
    Outcome outcome = judge(headers);
    if (outcome == Outcome.DONE) {
      frame.putU16(
          headers.checksumOffset(), pseudoHeader(frame, headers, headers.transportLength()));
      frame.setChecksum(ChecksumState.BLANK);
    }
    return outcome;
  }

  /// The sum of the pseudo header for a part of the payload, before the field is overwritten.
  static int pseudoHeader(Frame frame, Headers headers, int length) {
    if (!headers.isRerouted() || frame.checksum() != ChecksumState.BLANK) {
      return headers.pseudoHeader(frame, length);
    }
    int given = frame.u16(headers.checksumOffset());
    int withoutLength = InternetChecksum.combine(given, ~headers.transportLength() & 0xffff);
    return InternetChecksum.combine(withoutLength, length);
  }

  /// The field's value for a sum. Zero is written as its other form: over UDP it would mean that
  /// there is no checksum (RFC 768), to TCP the two are the same.
  static int field(int sum) {
    int checksum = InternetChecksum.finish(sum);
    return checksum == 0 ? 0xffff : checksum;
  }

  private static Outcome judge(Headers headers) {
    if (headers.transport() != Headers.Transport.NONE) {
      return Outcome.DONE;
    }
    if (headers.isMalformed()) {
      return Outcome.MALFORMED;
    }
    return headers.isFragment() ? Outcome.FRAGMENT : Outcome.NO_TRANSPORT;
  }
}
