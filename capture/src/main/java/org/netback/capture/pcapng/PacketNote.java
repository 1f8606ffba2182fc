package org.netback.capture.pcapng;

import java.lang.foreign.MemorySegment;

/// A verdict and a comment that many packets share, encoded once and copied to each packet. Make
/// one for each combination of point, decision and reason, when the program starts. Immutable.
///
/// The verdict (`epb_verdict`) has the type 0, "hardware", and octets whose meaning is the
/// switch's: to a guest, the switch is the hardware. The draft has two other types, 1 and 2, which
/// are the words of Linux's eBPF programs; those have not been asked. It has none for local use,
/// and Wireshark passes over the verdicts of types that it does not know. It shows any octets of
/// type 0 (`frame.verdict.hw`). libpcap reads no options at all.
///
/// All readers take a file with verdicts. Wireshark 4.0 (Debian 12) does not write one: its
/// editcap, mergecap and `tshark -w` put a verdict of any of the three types under the number of
/// `epb_queue`, and the copy is then refused as damaged. Wireshark 4.4 writes it right. A note
/// without a verdict has a comment that says the same.
public final class PacketNote {
  /// Nothing is said.
  public static final PacketNote NONE = new PacketNote(new byte[0]);

  private static final int HARDWARE = 0;
  private static final int MAX_OCTETS = 4096;

  private final MemorySegment octets;

  private PacketNote(byte[] octets) {
    this.octets = MemorySegment.ofArray(octets);
  }

  /// @param comment not put in if it is empty; longer than 4096 octets, it is cut
  /// @param verdict octets, say a decision and its reason; none: no verdict
  public static PacketNote of(String comment, int... verdict) {
    OctetBuilder builder = new OctetBuilder();
    if (verdict.length > 0) {
      if (verdict.length > MAX_OCTETS) {
        throw new IllegalArgumentException("a verdict of " + verdict.length + " octets");
      }
      OctetBuilder value = new OctetBuilder().int8(HARDWARE);
      for (int octet : verdict) {
        value.int8(octet);
      }
      builder.option(OptionCode.PACKET_VERDICT, value.toArray());
    }
    byte[] text = OctetBuilder.utf8(comment, MAX_OCTETS);
    if (text.length > 0) {
      builder.option(OptionCode.COMMENT, text);
    }
    return new PacketNote(builder.toArray());
  }

  /// In the file, padding included.
  int length() {
    return (int) octets.byteSize();
  }

  /// @return where the next option goes
  long copyTo(MemorySegment to, long at) {
    MemorySegment.copy(octets, 0, to, at, octets.byteSize());
    return at + octets.byteSize();
  }
}
