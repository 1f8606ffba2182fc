package org.netback.console;

import java.util.Arrays;

/// Takes control sequences out of a guest's output, so that a log can be looked at in a terminal: a
/// guest could otherwise have whoever does so type commands, or change what is seen (ECMA-48 5.4 to
/// 5.6, and the strings of xterm).
///
/// What remains is text in whatever encoding the guest uses, line feeds, carriage returns and tabs.
/// Removed are CSI, OSC, DCS, SOS, PM and APC sequences whole, other escape sequences, C0 controls
/// and DEL. C1 controls in eight bits are left alone, since their octets are parts of UTF-8
/// characters; but C1 controls as UTF-8 (c2 80 to c2 9f), which terminals in UTF-8 mode obey,
/// become escape sequences and are taken out as such.
///
/// It remembers where it is between calls: a sequence may be cut anywhere. A string that is never
/// ended is taken as ended after 4096 octets, so that a guest cannot hide the rest of its log.
///
/// Confined to one thread.
public final class EscapeFilter {
  private static final int LONGEST_STRING = 4096;
  private static final int BEL = 0x07;
  private static final int ESC = 0x1b;
  private static final int UTF8_C1 = 0xc2;

  private enum State {
    TEXT,
    /// After c2, which may begin a C1 control.
    C2,
    ESCAPE,
    /// Intermediate octets of an escape sequence, before its final one.
    INTERMEDIATE,
    CSI,
    STRING,
    /// After ESC in a string: `ESC \` ends it.
    STRING_ESCAPE
  }

  private State state = State.TEXT;
  private int stringLength;

  /// Whether the last octet that was kept is c2: what was taken out behind it must not let the two
  /// beside it become a control.
  private boolean keptC2;

  /// What is left of some octets.
  public byte[] text(byte[] octets, int length) {
    byte[] text = new byte[length + 1];
    return Arrays.copyOf(text, filter(octets, length, text));
  }

  /// Filters some octets.
  ///
  /// @param into gets what is left; one octet longer than the length, since an octet may have been
  ///   held back before
  /// @return how many octets are left
  int filter(byte[] octets, int length, byte[] into) {
    int kept = 0;
    for (int i = 0; i < length; i++) {
      int octet = octets[i] & 0xff;
      switch (state) {
        case TEXT -> kept = text(octet, into, kept);
        case C2 -> {
          if (octet >= 0x80 && octet <= 0x9f) {
            escape(octet - 0x40);
          } else {
            into[kept++] = (byte) UTF8_C1;
            keptC2 = true;
            state = State.TEXT;
            kept = text(octet, into, kept);
          }
        }
        case ESCAPE -> escape(octet);
        case INTERMEDIATE -> {
          if (octet < 0x20 || octet > 0x2f) {
            kept = afterSequence(octet, 0x30, 0x7e, into, kept);
          }
        }
        case CSI -> {
          if (octet < 0x20 || octet > 0x3f) {
            kept = afterSequence(octet, 0x40, 0x7e, into, kept);
          }
        }
        case STRING -> string(octet);
        case STRING_ESCAPE -> {
          if (octet == '\\') {
            state = State.TEXT;
          } else {
            // Any other escape sequence ends a string, too.
            escape(octet);
          }
        }
      }
    }
    return kept;
  }

  private int text(int octet, byte[] into, int kept) {
    if (octet == ESC) {
      state = State.ESCAPE;
    } else if (octet == UTF8_C1) {
      state = State.C2;
    } else if (octet >= 0x20 && octet != 0x7f || octet == '\n' || octet == '\r' || octet == '\t') {
      if (keptC2 && octet >= 0x80 && octet <= 0x9f) {
        return kept;
      }
      keptC2 = false;
      into[kept] = (byte) octet;
      return kept + 1;
    }
    return kept;
  }

  /// What comes after ESC.
  private void escape(int octet) {
    switch (octet) {
      case '[' -> state = State.CSI;
      case ']', 'P', 'X', '^', '_' -> {
        state = State.STRING;
        stringLength = 0;
      }
      case ESC -> state = State.ESCAPE;
      default -> state = octet >= 0x20 && octet <= 0x2f ? State.INTERMEDIATE : State.TEXT;
    }
  }

  /// A sequence's final octet is part of it; any other that has no place in it ends it, and counts.
  private int afterSequence(int octet, int first, int last, byte[] into, int kept) {
    state = State.TEXT;
    return octet >= first && octet <= last ? kept : text(octet, into, kept);
  }

  private void string(int octet) {
    if (octet == ESC) {
      state = State.STRING_ESCAPE;
    } else if (octet == BEL || ++stringLength >= LONGEST_STRING) {
      state = State.TEXT;
    }
  }
}
