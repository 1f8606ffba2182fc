package org.netback.guest;

/// What a [TapBridge] has done, over all its queues.
///
/// @param fromTap frames of the kernel's that went into a ring
/// @param fromTapGso those of them that went unsegmented
/// @param fromTapRefused frames that the connection does not allow, or whose virtio_net_hdr was not
///   true of them
/// @param waits how often reading stopped for want of room in a ring
/// @param toTap frames of the backend's that the kernel took
/// @param toTapGso those of them that came unsegmented
/// @param toTapDown frames that came while the interface was switched off
/// @param toTapFull frames that the kernel had no room for
/// @param toTapRefused frames that the kernel did not take, or whose offloads do not fit
public record TapBridgeStatistics(
    long fromTap,
    long fromTapGso,
    long fromTapRefused,
    long waits,
    long toTap,
    long toTapGso,
    long toTapDown,
    long toTapFull,
    long toTapRefused) {
  static final TapBridgeStatistics ZERO = new TapBridgeStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0);

  TapBridgeStatistics plus(TapBridgeStatistics other) {
    return new TapBridgeStatistics(
        fromTap + other.fromTap,
        fromTapGso + other.fromTapGso,
        fromTapRefused + other.fromTapRefused,
        waits + other.waits,
        toTap + other.toTap,
        toTapGso + other.toTapGso,
        toTapDown + other.toTapDown,
        toTapFull + other.toTapFull,
        toTapRefused + other.toTapRefused);
  }
}
