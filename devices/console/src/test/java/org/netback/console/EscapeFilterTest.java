package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class EscapeFilterTest {
  private static final String ESC = "\033";

  private static byte[] filter(EscapeFilter filter, byte[] octets, int chunk) {
    byte[] result = new byte[octets.length + 1];
    int length = 0;
    for (int at = 0; at < octets.length; at += chunk) {
      byte[] some = Arrays.copyOfRange(octets, at, Math.min(octets.length, at + chunk));
      byte[] into = new byte[some.length + 1];
      int kept = filter.filter(some, some.length, into);
      System.arraycopy(into, 0, result, length, kept);
      length += kept;
    }
    return Arrays.copyOf(result, length);
  }

  private static String filtered(String text, int chunk) {
    return new String(
        filter(new EscapeFilter(), text.getBytes(StandardCharsets.UTF_8), chunk),
        StandardCharsets.UTF_8);
  }

  static Stream<Arguments> sequences() {
    return Stream.of(
        Arguments.of("plain text\r\n\tmore", "plain text\r\n\tmore"),
        Arguments.of("a" + ESC + "[1;31mred" + ESC + "[0m.", "ared."),
        Arguments.of("a" + ESC + "[?25l" + ESC + "[2J" + ESC + "[10;20Hb", "ab"),
        Arguments.of("a" + ESC + "]0;title\007b", "ab"),
        Arguments.of("a" + ESC + "]52;c;c2VjcmV0" + ESC + "\\b", "ab"),
        // DECRQSS and a string of xterm's that makes it answer
        Arguments.of("a" + ESC + "P$q\"p" + ESC + "\\b", "ab"),
        Arguments.of("a" + ESC + "_payload" + ESC + "\\b", "ab"),
        Arguments.of("a" + ESC + "^payload" + ESC + "\\b", "ab"),
        Arguments.of("a" + ESC + "Xpayload" + ESC + "\\b", "ab"),
        Arguments.of("a" + ESC + "(Bb" + ESC + "#8c" + ESC + "Md", "abcd"),
        Arguments.of("a" + ESC + ESC + "[31mb", "ab"),
        // A string that another sequence ends
        Arguments.of("a" + ESC + "]0;x" + ESC + "[31mb", "ab"),
        Arguments.of("a\007\b\177\000b\013\014c", "abc"),
        // C1 controls in UTF-8: CSI, OSC
        Arguments.of("a\u009b31mb\u009d0;title\u009cc\007d", "abd"),
        Arguments.of(
            "\u00e4\u20ac\ud83d\ude00 \u00a0\u00bf", "\u00e4\u20ac\ud83d\ude00 \u00a0\u00bf"),
        // A broken sequence: what does not belong to it is text again
        Arguments.of("a" + ESC + "[31\nb", "a\nb"),
        Arguments.of("a" + ESC, "a"));
  }

  @ParameterizedTest
  @MethodSource("sequences")
  void takesSequencesOutWhereverTheyAreCut(String text, String expected) {
    for (int chunk = 1; chunk <= text.length() + 3; chunk++) {
      assertThat(filtered(text, chunk)).as("in pieces of %d", chunk).isEqualTo(expected);
    }
  }

  @Test
  void doesNotLetAStringWithoutEndHideTheRest() {
    String text = ESC + "]" + "x".repeat(4096) + "seen again";
    assertThat(filtered(text, 100)).isEqualTo("seen again");
  }

  /// Whatever comes: no escape, no control but the three, however it is cut; and both ways of
  /// cutting give the same.
  @Test
  void letsNoControlThrough() {
    Random random = new Random(4711);
    byte[] favourites = {
      27, 27, 27, '[', ']', 'P', '\\', 7, (byte) 0xc2, (byte) 0x9b, '(', ';', 'm'
    };
    for (int i = 0; i < 2000; i++) {
      byte[] octets = new byte[random.nextInt(60)];
      for (int j = 0; j < octets.length; j++) {
        octets[j] =
            random.nextBoolean()
                ? favourites[random.nextInt(favourites.length)]
                : (byte) random.nextInt(256);
      }
      byte[] whole = filter(new EscapeFilter(), octets, 60);
      assertThat(filter(new EscapeFilter(), octets, 1 + random.nextInt(5))).isEqualTo(whole);
      for (int j = 0; j < whole.length; j++) {
        int octet = whole[j] & 0xff;
        assertThat(octet >= 0x20 && octet != 0x7f || octet == 9 || octet == 10 || octet == 13)
            .as("octet %x of %s", octet, Arrays.toString(octets))
            .isTrue();
        if (octet == 0xc2 && j + 1 < whole.length) {
          assertThat(whole[j + 1] & 0xe0).isNotEqualTo(0x80);
        }
      }
    }
  }
}
