package org.netback.capture.pcapng;

/// Where and by what the blocks after it were captured (draft-ietf-opsawg-pcapng, section 4.1). An
/// empty text is left out of the file.
///
/// @param hardware the host
/// @param os its operating system
/// @param application what captured, with its version
/// @param comment for instance the command that began the capture
public record SectionHeader(String hardware, String os, String application, String comment)
    implements Block {
  static final int BYTE_ORDER_MAGIC = 0x1a2b_3c4d;

  /// Octets before the options: magic, versions, the section's length.
  static final int FIXED = 16;

  private static final int MAJOR = 1;
  private static final long LENGTH_UNKNOWN = -1;

  byte[] toBlock() {
    OctetBuilder body =
        new OctetBuilder()
            .int32(BYTE_ORDER_MAGIC)
            .int16(MAJOR)
            .int16(0)
            .int64(LENGTH_UNKNOWN)
            .text(OptionCode.COMMENT, comment)
            .text(OptionCode.SECTION_HARDWARE, hardware)
            .text(OptionCode.SECTION_OS, os)
            .text(OptionCode.SECTION_APPLICATION, application)
            .endOfOptions();
    return OctetBuilder.block(BlockType.SECTION_HEADER, body);
  }

  /// Whether the rest of the section can be read: version 1.0, or 1.2, which says the same.
  static boolean isReadable(BlockBody body) throws CaptureFormatException {
    int minor = body.int16(6);
    return body.int16(4) == MAJOR && (minor == 0 || minor == 2);
  }

  static SectionHeader read(BlockBody body) throws CaptureFormatException {
    Options options = body.options(FIXED);
    return new SectionHeader(
        options.text(OptionCode.SECTION_HARDWARE).orElse(""),
        options.text(OptionCode.SECTION_OS).orElse(""),
        options.text(OptionCode.SECTION_APPLICATION).orElse(""),
        options.text(OptionCode.COMMENT).orElse(""));
  }
}
