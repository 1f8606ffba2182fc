package org.netback.capture.pcapng;

import java.util.OptionalLong;

/// What was counted at an interface since the capture began (draft-ietf-opsawg-pcapng, section
/// 4.6). A count or a beginning or end that is [#UNKNOWN] is left out of the file.
///
/// @param interfaceId the interface's number
/// @param time when the counts were taken, in nanoseconds since 1970
/// @param start when the capture began, likewise
/// @param end when it ended, likewise; [#UNKNOWN] while it goes on
/// @param received packets that the interface had
/// @param dropped packets that the interface had no room for
/// @param filterAccepted packets that passed the filter
/// @param osDropped packets that passed it and did not reach the file
/// @param delivered packets that are in the file
public record InterfaceStatistics(
    int interfaceId,
    long time,
    long start,
    long end,
    long received,
    long dropped,
    long filterAccepted,
    long osDropped,
    long delivered)
    implements Block {
  public static final long UNKNOWN = -1;

  /// Octets before the options: the interface and a time.
  static final int FIXED = 12;

  byte[] toBlock(long at) {
    OctetBuilder body = new OctetBuilder().int32(interfaceId).time(at);
    time(body, OptionCode.STATISTICS_START, start);
    time(body, OptionCode.STATISTICS_END, end);
    count(body, OptionCode.STATISTICS_RECEIVED, received);
    count(body, OptionCode.STATISTICS_DROPPED, dropped);
    count(body, OptionCode.STATISTICS_FILTER_ACCEPTED, filterAccepted);
    count(body, OptionCode.STATISTICS_OS_DROPPED, osDropped);
    count(body, OptionCode.STATISTICS_DELIVERED, delivered);
    return OctetBuilder.block(BlockType.INTERFACE_STATISTICS, body.endOfOptions());
  }

  private static void time(OctetBuilder body, int code, long time) {
    if (time != UNKNOWN) {
      body.option(code, new OctetBuilder().time(time).toArray());
    }
  }

  private static void count(OctetBuilder body, int code, long count) {
    if (count != UNKNOWN) {
      body.option64(code, count);
    }
  }

  static InterfaceStatistics read(BlockBody body, int id, InterfaceDescription description)
      throws CaptureFormatException {
    Options options = body.options(FIXED);
    return new InterfaceStatistics(
        id,
        description.resolution().nanos(body.time(4), description.timeOffset()),
        time(options, OptionCode.STATISTICS_START, description),
        time(options, OptionCode.STATISTICS_END, description),
        count(options, OptionCode.STATISTICS_RECEIVED),
        count(options, OptionCode.STATISTICS_DROPPED),
        count(options, OptionCode.STATISTICS_FILTER_ACCEPTED),
        count(options, OptionCode.STATISTICS_OS_DROPPED),
        count(options, OptionCode.STATISTICS_DELIVERED));
  }

  private static long time(Options options, int code, InterfaceDescription description) {
    OptionalLong units = options.time(code);
    return units.isEmpty()
        ? UNKNOWN
        : description.resolution().nanos(units.getAsLong(), description.timeOffset());
  }

  private static long count(Options options, int code) {
    return options.int64(code).orElse(UNKNOWN);
  }
}
