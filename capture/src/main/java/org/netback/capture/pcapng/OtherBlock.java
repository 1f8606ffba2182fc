package org.netback.capture.pcapng;

/// A block that this package knows nothing of. Its body was skipped.
///
/// @param type as [BlockType]
/// @param length octets of the whole block
public record OtherBlock(int type, int length) implements Block {}
