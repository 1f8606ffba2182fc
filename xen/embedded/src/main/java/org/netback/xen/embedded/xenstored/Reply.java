package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

/// The payload of a successful reply.
final class Reply implements Answer {
  static final Reply OK = ofString("OK");

  private final byte[] payload;

  private Reply(byte[] payload) {
    this.payload = payload;
  }

  /// @param payload not copied, and not to be changed any more
  static Reply of(byte[] payload) {
    return new Reply(payload);
  }

  /// A reply of one string, which gets its closing nul here.
  static Reply ofString(String text) {
    return new Reply((text + '\0').getBytes(ISO_8859_1));
  }

  byte[] payload() {
    return payload;
  }
}
