package org.netback.xen.embedded.xenstored;

/// The frame of every message (`struct xsd_sockmsg`): four 32-bit words in the machine's order,
/// then the payload.
final class Message {
  static final int HEADER = 16;

  /// XENSTORE_PAYLOAD_MAX
  static final int PAYLOAD_MAX = 4096;

  static final int WATCH_EVENT = 15;
  static final int ERROR = 16;

  private Message() {}
}
