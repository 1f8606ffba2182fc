package org.netback.capture.pcapng;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// A packet of a capture file. Its data and options are *lent* until the reader is asked for the
/// next block; who wants them longer copies them.
///
/// @param interfaceId the number of its interface in its section
/// @param description of its interface
/// @param time in nanoseconds since 1970, or [#NO_TIME]
/// @param data the octets that were captured
/// @param originalLength of the packet, in octets; never less than those captured
/// @param options of a file of the format pcap none
public record CapturedPacket(
    int interfaceId,
    InterfaceDescription description,
    long time,
    MemorySegment data,
    long originalLength,
    Options options)
    implements Block {
  /// The time of a packet of a simple packet block.
  public static final long NO_TIME = Long.MIN_VALUE;

  /// A word as [PacketFlags] has it; 0 if nothing is known.
  public int flags() {
    return options.int32(OptionCode.PACKET_FLAGS).orElse(0);
  }

  public OptionalLong packetId() {
    return options.int64(OptionCode.PACKET_ID);
  }

  public OptionalInt queue() {
    return options.int32(OptionCode.PACKET_QUEUE);
  }

  /// Packets that were lost before this one at its interface; empty if it is not said.
  public OptionalLong dropCount() {
    return options.int64(OptionCode.PACKET_DROP_COUNT);
  }

  /// The algorithm's octet, then the hash.
  public Optional<byte[]> hash() {
    return options.octets(OptionCode.PACKET_HASH);
  }

  /// The octet that says whose verdict it is, then the verdict.
  public Optional<byte[]> verdict() {
    return options.octets(OptionCode.PACKET_VERDICT);
  }

  public List<String> comments() {
    return options.texts(OptionCode.COMMENT);
  }

  /// How many of the octets are the frame's, without its frame check sequence. Less than
  /// [#originalLength()], less the sequence, if the packet was cut.
  public int frameLength() {
    int fcs = PacketFlags.fcsLength(flags());
    if (fcs == 0 && description.fcsLength() > 0) {
      fcs = description.fcsLength();
    }
    return (int) Math.min(data.byteSize(), Math.max(0, originalLength - fcs));
  }
}
