package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Writes a stream of UTF-8 as it comes, in which a character may be cut anywhere. What is no UTF-8
/// becomes the replacement character.
final class TextSink implements ControlClient.Sink {
  /// Octets of the longest character, of which all but the last wait for the rest.
  private static final int LONGEST = 4;

  private final Writer out;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer begun = ByteBuffer.allocate(0);

  TextSink(Writer out) {
    this.out = out;
  }

  @Override
  public void take(byte[] octets, int offset, int length) throws IOException {
    ByteBuffer all = ByteBuffer.allocate(begun.remaining() + length + LONGEST);
    all.put(begun).put(octets, offset, length).flip();
    CharBuffer text = CharBuffer.allocate(all.remaining());
    var _ = decoder.decode(all, text, false); // never malformed, and never too long
    out.append(text.flip());
    out.flush();
    begun = all;
  }
}
