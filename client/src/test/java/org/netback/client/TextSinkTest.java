package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextSinkTest {
  private final StringWriter out = new StringWriter();
  private final TextSink sink = new TextSink(out);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 100})
  void charactersMayBeCutAnywhere(int piece) throws IOException {
    String text = "a\u00fc\u20ac\ud83d\ude00z\n";
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    for (int at = 0; at < octets.length; at += piece) {
      sink.take(octets, at, Math.min(piece, octets.length - at));
    }
    assertThat(out).hasToString(text);
  }

  /// What a guest writes may be in another encoding, or none.
  @Test
  void whatIsNoUtf8IsReplaced() throws IOException {
    byte[] octets = {'a', (byte) 0xfc, 'b', (byte) 0xe2, (byte) 0x82, 'c', (byte) 0xff};
    for (byte octet : octets) {
      sink.take(new byte[] {octet}, 0, 1);
    }
    assertThat(out).hasToString("a\ufffdb\ufffdc\ufffd");
  }
}
