package org.netback.xen.embedded.xenstored;

/// The header of every message (`struct xsd_sockmsg`): four 32-bit words in the machine's order, of
/// which the first is the type. The payload follows.
final class MessageHeader {
  static final int SIZE = 16;

  /// XENSTORE_PAYLOAD_MAX
  static final int PAYLOAD_MAX = 4096;

  static final int WATCH_EVENT = 15;
  static final int ERROR = 16;

  private MessageHeader() {}
}
