package org.netback.console;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/// What a console's files are called: `guest-web`, `guest-web+1` for console 1, and `console5.0` if
/// the domain has no name. A toolstack has written the name, in which anything may be; no two
/// consoles have the same files.
final class ConsoleFileName {
  /// Octets; with what comes behind, as `+12.log.12`, it has to fit into the 255 of a file's name.
  private static final int LONGEST = 200;

  private static final HexFormat HEX = HexFormat.of();

  private ConsoleFileName() {}

  /// @param guest the domain's name, empty if it has none
  static String of(String guest, ConsoleId id) {
    if (guest.isEmpty()) {
      return id.toString();
    }
    StringBuilder name = new StringBuilder("guest-");
    for (byte octet : guest.getBytes(StandardCharsets.UTF_8)) {
      if (isPlain((char) (octet & 0xff))) {
        name.append((char) octet);
      } else {
        name.append('%').append(HEX.toHexDigits(octet));
      }
    }
    if (name.length() > LONGEST) {
      name.setLength(LONGEST);
      name.append('~').append(HEX.toHexDigits(guest.hashCode()));
    }
    if (id.number() > 0) {
      name.append('+').append(id.number());
    }
    return name.toString();
  }

  /// Leads out of no directory, and is easily typed.
  private static boolean isPlain(char c) {
    return c >= '0' && c <= '9'
        || c >= 'A' && c <= 'Z'
        || c >= 'a' && c <= 'z'
        || c == '.'
        || c == '_'
        || c == '-';
  }
}
