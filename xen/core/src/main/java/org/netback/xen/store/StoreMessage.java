package org.netback.xen.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A message of the xenstore's protocol, in either direction (io/xs_wire.h `struct xsd_sockmsg` and
/// what follows it).
///
/// @param type number of a [StoreOperation]; any number can be received
/// @param requestId the sender's, echoed in the reply; 0 in watch events
/// @param transactionId 0 if in none
/// @param payload one char per octet (ISO 8859-1), NUL octets included
public record StoreMessage(int type, int requestId, int transactionId, String payload) {
  /// Octets of the header.
  public static final int HEADER_SIZE = 16;

  /// Octets of the longest payload (`XENSTORE_PAYLOAD_MAX`).
  public static final int PAYLOAD_MAX = 4096;

  /// Makes a message to be sent.
  ///
  /// @throws IllegalArgumentException if the payload is too long or has a char that is no octet
  public StoreMessage {
    if (payload.length() > PAYLOAD_MAX) {
      throw new IllegalArgumentException(
          "payload of " + payload.length() + " octets, at most " + PAYLOAD_MAX);
    }
    for (int i = 0; i < payload.length(); i++) {
      if (payload.charAt(i) > 0xff) {
        throw new IllegalArgumentException("char " + i + " of the payload is not an octet");
      }
    }
  }

  /// Strings that are each followed by NUL, as most payloads are.
  public static String nulTerminated(String... strings) {
    StringBuilder payload = new StringBuilder();
    for (String string : strings) {
      payload.append(string).append('\0');
    }
    return payload.toString();
  }

  /// The payload cut at its NUL octets; what follows the last one is an entry too, unless empty.
  public List<String> strings() {
    List<String> strings = new ArrayList<>();
    int from = 0;
    while (from < payload.length()) {
      int nul = payload.indexOf('\0', from);
      int end = nul < 0 ? payload.length() : nul;
      strings.add(payload.substring(from, end));
      from = end + 1;
    }
    return strings;
  }

  /// The message as sent: little-endian header, payload.
  public ByteBuffer encode() {
    ByteBuffer octets =
        ByteBuffer.allocate(HEADER_SIZE + payload.length()).order(ByteOrder.LITTLE_ENDIAN);
    octets.putInt(type).putInt(requestId).putInt(transactionId).putInt(payload.length());
    octets.put(payload.getBytes(StandardCharsets.ISO_8859_1));
    return octets.flip();
  }

  /// Puts messages together again from a stream, in whatever pieces it comes. Confined to one
  /// thread at a time; never holds more than one message.
  public static final class Decoder {
    private final ByteBuffer octets =
        ByteBuffer.allocate(HEADER_SIZE + PAYLOAD_MAX).order(ByteOrder.LITTLE_ENDIAN);

    /// Takes octets up to the end of the first message, and returns that message if it is whole.
    /// Call until the input has nothing remaining.
    ///
    /// @throws StoreException if a payload is announced that is longer than the protocol allows;
    ///   nothing after it can be understood
    public Optional<StoreMessage> decode(ByteBuffer input) throws StoreException {
      take(input, HEADER_SIZE);
      if (octets.position() < HEADER_SIZE) {
        return Optional.empty();
      }
      int length = octets.getInt(12);
      if (length < 0 || length > PAYLOAD_MAX) {
        throw new StoreException(
            "receive", "payload of " + Integer.toUnsignedString(length) + " octets", "E2BIG");
      }
      take(input, HEADER_SIZE + length);
      if (octets.position() < HEADER_SIZE + length) {
        return Optional.empty();
      }
      String payload = new String(octets.array(), HEADER_SIZE, length, StandardCharsets.ISO_8859_1);
      StoreMessage message =
          new StoreMessage(octets.getInt(0), octets.getInt(4), octets.getInt(8), payload);
      octets.clear();
      return Optional.of(message);
    }

    private void take(ByteBuffer input, int upTo) {
      int count = Math.clamp(upTo - octets.position(), 0, input.remaining());
      octets.put(octets.position(), input, input.position(), count);
      octets.position(octets.position() + count);
      input.position(input.position() + count);
    }
  }
}
