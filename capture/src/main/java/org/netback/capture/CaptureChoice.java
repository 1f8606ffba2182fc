package org.netback.capture;

import java.util.Set;
import org.netback.capture.filter.FilterProgram;
import org.netback.vswitch.DropReason;

/// What a capture records of what passes its ports.
///
/// @param points where
/// @param reasons of drops; empty for all
/// @param queue of the port; [#EVERY_QUEUE]
/// @param filter what has to match
/// @param snapLength octets of a frame that are kept, at most; 1 to 65535
public record CaptureChoice(
    Set<CapturePoint> points,
    Set<DropReason> reasons,
    int queue,
    FilterProgram filter,
    int snapLength) {
  public static final int EVERY_QUEUE = -1;

  /// The longest frame that there is.
  public static final int WHOLE = 65_535;

  public CaptureChoice {
    points = Set.copyOf(points);
    reasons = Set.copyOf(reasons);
    if (points.isEmpty()) {
      throw new IllegalArgumentException("a capture without a point");
    }
    if (snapLength < 1 || snapLength > WHOLE) {
      throw new IllegalArgumentException("a snap length of " + snapLength);
    }
  }

  boolean takes(CapturePoint point, int onQueue) {
    return points.contains(point) && (queue == EVERY_QUEUE || queue == onQueue);
  }

  boolean takes(DropReason reason) {
    return reasons.isEmpty() || reasons.contains(reason);
  }
}
