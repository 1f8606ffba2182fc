package org.netback.xen.embedded.xenstored;

/// A client's wish to hear of changes at or below a path.
///
/// @param skipped length of the prefix that the client did not write and is not to see
/// @param depth levels below the path that count, or [#ANY_DEPTH]
record Watch(Session session, StorePath path, String token, int skipped, int depth) {
  static final int ANY_DEPTH = -1;

  boolean covers(StorePath changed) {
    return depth < 0 || changed.depth() - path.depth() <= depth;
  }

  /// Sends the event unless it is too long for a message.
  void fire(StorePath changed) {
    String shown = changed.toString().substring(skipped);
    if (shown.length() + token.length() + 2 <= MessageHeader.PAYLOAD_MAX) {
      session.deliver(shown + '\0' + token + '\0');
    }
  }
}
