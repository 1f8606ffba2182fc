package org.netback.capture;

/// What a capture has come to.
///
/// @param frames that were handed to its sink; of one frame there may be several, one for each
///   point
/// @param octets of these that were captured
/// @param lost frames that it had no room for
public record CaptureStatistics(long frames, long octets, long lost) {}
