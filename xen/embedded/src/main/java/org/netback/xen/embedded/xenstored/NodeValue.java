package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;

/// A node's value: octets that do not change.
final class NodeValue {
  static final NodeValue EMPTY = new NodeValue(new byte[0]);

  private final byte[] octets;

  private NodeValue(byte[] octets) {
    this.octets = octets;
  }

  static NodeValue copyOf(byte[] source, int from) {
    return from == source.length
        ? EMPTY
        : new NodeValue(Arrays.copyOfRange(source, from, source.length));
  }

  int length() {
    return octets.length;
  }

  Reply asReply() {
    return Reply.of(octets);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NodeValue o && Arrays.equals(octets, o.octets);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(octets);
  }

  @Override
  public String toString() {
    return new String(octets, ISO_8859_1);
  }
}
