package org.netback.capture.pcapng;

import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.GsoType;
import org.netback.packet.MacAddress;

/// The word `epb_flags` (draft-ietf-opsawg-pcapng, section 4.3.1). Inbound is into the switch.
///
/// Bits 9 to 11 were reserved in the draft's earlier versions. Readers of that time show them as
/// reserved and do not complain.
public final class PacketFlags {
  public static final int INBOUND = 1;
  public static final int OUTBOUND = 2;

  public static final int UNICAST = 1 << 2;
  public static final int MULTICAST = 2 << 2;
  public static final int BROADCAST = 3 << 2;

  /// For another station: the frame was flooded.
  public static final int PROMISCUOUS = 4 << 2;

  /// The checksum's field holds the sum of the pseudo header only.
  public static final int CHECKSUM_NOT_READY = 1 << 9;

  /// Somebody vouches for the checksum.
  public static final int CHECKSUM_VALID = 1 << 10;

  /// The packet stands for several on a wire.
  public static final int SEGMENTATION_OFFLOADED = 1 << 11;

  private static final int FCS_SHIFT = 5;
  private static final int FCS_MASK = 0xf;

  private PacketFlags() {}

  /// What the word says of a frame whatever its direction: to whom it is, and what of it is left to
  /// do. The length of an FCS is 0, as frames have none.
  public static int of(Frame frame) {
    int flags = reception(frame.destination());
    ChecksumState checksum = frame.checksum();
    if (checksum == ChecksumState.BLANK) {
      flags |= CHECKSUM_NOT_READY;
    } else if (checksum == ChecksumState.VALIDATED) {
      flags |= CHECKSUM_VALID;
    }
    return frame.gso() == GsoType.NONE ? flags : flags | SEGMENTATION_OFFLOADED;
  }

  /// Unicast, multicast or broadcast.
  ///
  /// @param destination a MAC address in the form of [MacAddress]
  public static int reception(long destination) {
    if (destination == MacAddress.BROADCAST) {
      return BROADCAST;
    }
    return MacAddress.isGroup(destination) ? MULTICAST : UNICAST;
  }

  /// The bits for a frame check sequence of so many octets, 0 to 15; 0 says nothing.
  public static int withFcsLength(int octets) {
    if (octets < 0 || octets > FCS_MASK) {
      throw new IllegalArgumentException("an FCS of " + octets + " octets");
    }
    return octets << FCS_SHIFT;
  }

  /// Octets of frame check sequence at the packet's end; 0 if the word does not say.
  public static int fcsLength(int flags) {
    return flags >>> FCS_SHIFT & FCS_MASK;
  }
}
