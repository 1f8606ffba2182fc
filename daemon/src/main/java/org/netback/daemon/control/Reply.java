package org.netback.daemon.control;

import java.util.Map;

/// What a request is answered with.
public sealed interface Reply {
  /// An answer that is there as a whole.
  ///
  /// @param status of HTTP
  /// @param body sent as UTF-8
  record Whole(int status, String contentType, String body) implements Reply {}

  /// An answer that comes as its data comes, until its source or the client ends it. It holds no
  /// thread.
  ///
  /// @param source asked for nothing before [StreamSource#onOpen]
  record Stream(String contentType, StreamSource source) implements Reply {}

  /// The connection turns from HTTP to raw octets both ways (RFC 9110 section 7.8).
  ///
  /// @param protocol as the client has to name it in its `Upgrade` field
  /// @param duplex asked for nothing before [StreamSource#onOpen], and not at all where the request
  ///   names another protocol
  record Upgrade(String protocol, Duplex duplex) implements Reply {}

  /// @param value a record, or a list of them
  static Whole json(int status, Object value) {
    return new Whole(status, "application/json", JsonText.lines(value) + '\n');
  }

  static Whole ok(Object value) {
    return json(200, value);
  }

  static Whole text(String text) {
    return new Whole(200, "text/plain; version=0.0.4; charset=utf-8", text);
  }

  /// @param message what is wrong and what to do
  static Whole error(int status, String message) {
    return json(status, Map.of("error", message));
  }

  /// Server-Sent Events, made by [ServerSentEvent].
  static Stream events(StreamSource source) {
    return stream("text/event-stream", source);
  }

  static Stream stream(String contentType, StreamSource source) {
    return new Stream(contentType, source);
  }

  static Upgrade upgrade(String protocol, Duplex duplex) {
    return new Upgrade(protocol, duplex);
  }
}
