package org.netback.capture.pcapng;

/// The numbers of options (draft-ietf-opsawg-pcapng, sections 3.5 and 4). Each kind of block counts
/// on its own from 2.
public final class OptionCode {
  public static final int END = 0;
  public static final int COMMENT = 1;

  public static final int SECTION_HARDWARE = 2;
  public static final int SECTION_OS = 3;
  public static final int SECTION_APPLICATION = 4;

  public static final int INTERFACE_NAME = 2;
  public static final int INTERFACE_DESCRIPTION = 3;
  public static final int INTERFACE_MAC = 6;
  public static final int INTERFACE_SPEED = 8;
  public static final int INTERFACE_RESOLUTION = 9;
  public static final int INTERFACE_FILTER = 11;
  public static final int INTERFACE_FCS_LENGTH = 13;
  public static final int INTERFACE_TIME_OFFSET = 14;

  public static final int PACKET_FLAGS = 2;
  public static final int PACKET_HASH = 3;
  public static final int PACKET_DROP_COUNT = 4;
  public static final int PACKET_ID = 5;
  public static final int PACKET_QUEUE = 6;
  public static final int PACKET_VERDICT = 7;

  public static final int STATISTICS_START = 2;
  public static final int STATISTICS_END = 3;
  public static final int STATISTICS_RECEIVED = 4;
  public static final int STATISTICS_DROPPED = 5;
  public static final int STATISTICS_FILTER_ACCEPTED = 6;
  public static final int STATISTICS_OS_DROPPED = 7;
  public static final int STATISTICS_DELIVERED = 8;

  /// The length of a value may be any.
  private static final int ANY = -1;

  private OptionCode() {}

  /// Whether a value may have so many octets.
  ///
  /// @param blockType of the block that the option is in
  static boolean allows(int blockType, int code, int length) {
    int fixed =
        switch (blockType) {
          case BlockType.INTERFACE_DESCRIPTION -> ofInterface(code);
          case BlockType.ENHANCED_PACKET, BlockType.PACKET -> ofPacket(code);
          case BlockType.INTERFACE_STATISTICS -> ofStatistics(code);
          default -> ANY;
        };
    return fixed == ANY || length == fixed;
  }

  private static int ofInterface(int code) {
    return switch (code) {
      case INTERFACE_MAC -> 6;
      case INTERFACE_SPEED, INTERFACE_TIME_OFFSET -> 8;
      case INTERFACE_RESOLUTION, INTERFACE_FCS_LENGTH -> 1;
      default -> ANY;
    };
  }

  private static int ofPacket(int code) {
    return switch (code) {
      case PACKET_FLAGS, PACKET_QUEUE -> 4;
      case PACKET_DROP_COUNT, PACKET_ID -> 8;
      default -> ANY;
    };
  }

  private static int ofStatistics(int code) {
    return code >= STATISTICS_START && code <= STATISTICS_DELIVERED ? 8 : ANY;
  }
}
