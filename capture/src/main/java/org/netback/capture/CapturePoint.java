package org.netback.capture;

/// Where on its way a frame was seen. The words are the guest's side of things: a tap's peer is its
/// guest, too.
public enum CapturePoint {
  /// As it was read from the guest's ring, before anything was judged.
  FROM_GUEST("from-guest"),
  /// As the switch has admitted it, with the decision where it goes.
  FORWARDED("forwarded"),
  /// As the receiver has got it.
  TO_GUEST("to-guest"),
  /// As it was when it was dropped, with the reason.
  DROPPED("dropped"),
  /// What never became a frame, with the reason: nothing but its length is known.
  REJECTED("rejected");

  private static final CapturePoint[] ALL = values();

  private final String text;

  CapturePoint(String text) {
    this.text = text;
  }

  /// As people write it.
  public String text() {
    return text;
  }

  static CapturePoint of(int ordinal) {
    return ALL[ordinal];
  }
}
