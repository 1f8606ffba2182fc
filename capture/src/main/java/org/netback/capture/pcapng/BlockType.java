package org.netback.capture.pcapng;

/// The numbers of blocks (draft-ietf-opsawg-pcapng, section 4).
public final class BlockType {
  /// The same in both byte orders, so it is found before the order is known.
  public static final int SECTION_HEADER = 0x0a0d_0d0a;

  public static final int INTERFACE_DESCRIPTION = 1;

  /// Obsolete; read, never written.
  public static final int PACKET = 2;

  public static final int SIMPLE_PACKET = 3;
  public static final int NAME_RESOLUTION = 4;
  public static final int INTERFACE_STATISTICS = 5;
  public static final int ENHANCED_PACKET = 6;

  private BlockType() {}
}
