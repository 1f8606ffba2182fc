package org.netback.capture.pcapng;

/// A file ends within a block: whoever wrote it was stopped.
///
/// @param offset of the block that is not whole, in octets from the file's beginning
/// @param octets of the block that are there
public record Truncation(long offset, long octets) {
  /// A sentence for an operator.
  @Override
  public String toString() {
    return "the file ends within the block at octet %d, of which %d octets are there"
        .formatted(offset, octets);
  }
}
