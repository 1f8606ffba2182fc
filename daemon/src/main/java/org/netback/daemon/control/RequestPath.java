package org.netback.daemon.control;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Takes apart what a request asks for (RFC 9112 section 3.2). The path is split at its slashes
/// first and decoded after that, so that a part may have a slash in it; `.` and `..` mean nothing
/// special.
final class RequestPath {
  private RequestPath() {}

  /// @param target a path or a whole URI, with a query or without
  /// @throws RequestException it is neither
  static List<String> parts(String target) throws RequestException {
    String path = target;
    int query = path.indexOf('?');
    if (query >= 0) {
      path = path.substring(0, query);
    }
    int scheme = path.indexOf("://");
    if (scheme > 0 && !path.startsWith("/")) {
      int root = path.indexOf('/', scheme + 3);
      path = root < 0 ? "/" : path.substring(root);
    }
    if (!path.startsWith("/")) {
      throw new RequestException(400, "the request asks for no path: it begins with a slash");
    }
    List<String> parts = new ArrayList<>();
    for (String part : path.substring(1).split("/", -1)) {
      parts.add(decode(part));
    }
    return parts;
  }

  private static String decode(String part) throws RequestException {
    byte[] from = part.getBytes(StandardCharsets.UTF_8);
    ByteBuffer to = ByteBuffer.allocate(from.length);
    for (int i = 0; i < from.length; i++) {
      if (from[i] == '%') {
        int high = i + 2 < from.length ? Character.digit(from[i + 1], 16) : -1;
        int low = i + 2 < from.length ? Character.digit(from[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw new RequestException(400, "a % in a path is followed by two hexadecimal digits");
        }
        to.put((byte) (high << 4 | low));
        i += 2;
      } else {
        to.put(from[i]);
      }
    }
    String decoded;
    try {
      decoded = StandardCharsets.UTF_8.newDecoder().decode(to.flip()).toString();
    } catch (CharacterCodingException e) {
      throw new RequestException(400, "a path is written in UTF-8");
    }
    if (decoded.chars().anyMatch(Character::isISOControl)) {
      throw new RequestException(400, "a path has no control characters in it");
    }
    return decoded;
  }
}
