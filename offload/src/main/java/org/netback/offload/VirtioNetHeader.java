package org.netback.offload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;

/// The header that a tap with IFF_VNET_HDR puts before each frame, `struct
/// virtio_net_hdr_mrg_rxbuf` of linux/virtio_net.h in the byte order of the machine, to and from a
/// [Frame]'s metadata. It stands in the frame's headroom, directly before the first octet, so that
/// one read or write moves both.
///
/// | octets | field |
/// |---|---|
/// | 0 | flags |
/// | 1 | gso_type |
/// | 2..3 | hdr_len: of all headers, in a frame to be segmented |
/// | 4..5 | gso_size |
/// | 6..7 | csum_start |
/// | 8..9 | csum_offset, from csum_start |
/// | 10..11 | num_buffers: unused by a tap |
public final class VirtioNetHeader {
  /// In octets; to be told to the tap with TUNSETVNETHDRSZ.
  public static final int SIZE = 12;

  /// What was found in a header, or in a frame.
  public enum Outcome {
    OK,
    /// A segmentation that was not asked for with TUNSETOFFLOAD: UFO, USO, or unknown.
    UNSUPPORTED_GSO,
    /// The headers of the frame are not those of its kind of segmentation.
    GSO_MISMATCH,
    /// A segmentation into nothing.
    GSO_SIZE_ZERO,
    /// The checksum field lies outside the frame, or before the start of what it covers.
    CHECKSUM_OUTSIDE,
    /// The checksum is to be completed, but there is no TCP or UDP header.
    NO_TRANSPORT
  }

  private static final int NEEDS_CSUM = 1;
  private static final int DATA_VALID = 2;
  private static final int GSO_NONE = 0;
  private static final int GSO_TCPV4 = 1;
  private static final int GSO_TCPV6 = 4;
  private static final int GSO_ECN = 0x80;
  private static final int CWR = 0x80;

  private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  static {
    assert SIZE <= FrameArena.HEADROOM;
  }

  private VirtioNetHeader() {}

  /// Writes the header for a frame into the [#SIZE] octets before it. Unless OK, nothing is
  /// written, and the frame cannot be given to a tap.
  public static Outcome write(Frame frame) {
    int flags = 0;
    int gsoType = GSO_NONE;
    int headersLength = 0;
    int checksumStart = 0;
    int checksumOffset = 0;
    if (frame.gso() != GsoType.NONE || frame.checksum() == ChecksumState.BLANK) {
      Headers headers = frame.headers();
      if (headers.transport() == Headers.Transport.NONE) {
        return frame.gso() == GsoType.NONE ? Outcome.NO_TRANSPORT : Outcome.GSO_MISMATCH;
      }
      flags = NEEDS_CSUM;
      checksumStart = headers.transportOffset();
      checksumOffset = headers.checksumOffset() - checksumStart;
    } else if (frame.checksum() == ChecksumState.VALIDATED) {
      flags = DATA_VALID;
    }
    if (frame.gso() != GsoType.NONE) {
      Headers headers = frame.headers();
      if (!matches(frame.gso(), headers)) {
        return Outcome.GSO_MISMATCH;
      }
      if (frame.gsoSize() <= 0) {
        return Outcome.GSO_SIZE_ZERO;
      }
      if (frame.checksum() != ChecksumState.BLANK) {
        TransportChecksum.blank(frame, headers);
      }
      gsoType = frame.gso() == GsoType.TCPV4 ? GSO_TCPV4 : GSO_TCPV6;
      if ((frame.u8(headers.transportOffset() + 13) & CWR) != 0) {
        gsoType |= GSO_ECN;
      }
      headersLength = headers.payloadOffset();
    }
    MemorySegment memory = frame.memory();
    long at = frame.offset() - SIZE;
    memory.set(U8, at, (byte) flags);
    memory.set(U8, at + 1, (byte) gsoType);
    memory.set(U16, at + 2, (short) headersLength);
    memory.set(U16, at + 4, (short) frame.gsoSize());
    memory.set(U16, at + 6, (short) checksumStart);
    memory.set(U16, at + 8, (short) checksumOffset);
    memory.set(U16, at + 10, (short) 0);
    return Outcome.OK;
  }

  /// Takes the header in the [#SIZE] octets before a frame over into the frame's metadata.
  ///
  /// A checksum that is to be completed and is not that of the outermost TCP or UDP header (it is
  /// inside an encapsulation) is completed at once, as nothing behind this could name its place.
  /// Unless OK, the frame is to be dropped.
  ///
  /// @param frame with its final length
  public static Outcome read(Frame frame) {
    MemorySegment memory = frame.memory();
    long at = frame.offset() - SIZE;
    int flags = memory.get(U8, at) & 0xff;
    int gsoType = memory.get(U8, at + 1) & 0xff & ~GSO_ECN;
    int gsoSize = memory.get(U16, at + 4) & 0xffff;
    int checksumStart = memory.get(U16, at + 6) & 0xffff;
    int checksumOffset = memory.get(U16, at + 8) & 0xffff;

    frame.setChecksum(ChecksumState.COMPLETE);
    frame.setGso(GsoType.NONE, 0);
    GsoType gso;
    switch (gsoType) {
      case GSO_NONE -> gso = GsoType.NONE;
      case GSO_TCPV4 -> gso = GsoType.TCPV4;
      case GSO_TCPV6 -> gso = GsoType.TCPV6;
      default -> {
        return Outcome.UNSUPPORTED_GSO;
      }
    }
    if (gso != GsoType.NONE) {
      return readGso(frame, gso, gsoSize, flags, checksumStart, checksumOffset);
    }
    if ((flags & NEEDS_CSUM) != 0) {
      return readBlank(frame, checksumStart, checksumOffset);
    }
    if ((flags & DATA_VALID) != 0) {
      frame.setChecksum(ChecksumState.VALIDATED);
    }
    return Outcome.OK;
  }

  private static Outcome readGso(
      Frame frame, GsoType gso, int gsoSize, int flags, int checksumStart, int checksumOffset) {
    if (gsoSize == 0) {
      return Outcome.GSO_SIZE_ZERO;
    }
    frame.setGso(gso, gsoSize);
    Headers headers = frame.headers();
    if (!matches(gso, headers)) {
      frame.setGso(GsoType.NONE, 0);
      return Outcome.GSO_MISMATCH;
    }
    if ((flags & NEEDS_CSUM) == 0) {
      // A frame that was joined on its way here may have its checksum; the segments will need one.
      TransportChecksum.blank(frame, headers);
      return Outcome.OK;
    }
    if (!isTransport(headers, checksumStart, checksumOffset)) {
      frame.setGso(GsoType.NONE, 0);
      return Outcome.GSO_MISMATCH;
    }
    frame.setChecksum(ChecksumState.BLANK);
    return Outcome.OK;
  }

  private static Outcome readBlank(Frame frame, int checksumStart, int checksumOffset) {
    int field = checksumStart + checksumOffset;
    if (checksumStart < Frame.MIN_LENGTH || field + 2 > frame.length()) {
      return Outcome.CHECKSUM_OUTSIDE;
    }
    if (isTransport(frame.headers(), checksumStart, checksumOffset)) {
      frame.setChecksum(ChecksumState.BLANK);
    } else {
      // The field holds the sum of the pseudo header and takes part in the sum as it is.
      frame.need(frame.length());
      int sum = InternetChecksum.sum(frame, checksumStart, frame.length() - checksumStart);
      frame.putU16(field, TransportChecksum.field(sum));
      frame.forgetHeaders();
      frame.setChecksum(ChecksumState.VALIDATED);
    }
    return Outcome.OK;
  }

  private static boolean matches(GsoType gso, Headers headers) {
    return headers.transport() == Headers.Transport.TCP
        && headers.ip() == (gso == GsoType.TCPV4 ? Headers.Ip.V4 : Headers.Ip.V6);
  }

  private static boolean isTransport(Headers headers, int checksumStart, int checksumOffset) {
    return headers.transport() != Headers.Transport.NONE
        && headers.transportOffset() == checksumStart
        && headers.checksumOffset() == checksumStart + checksumOffset;
  }
}
