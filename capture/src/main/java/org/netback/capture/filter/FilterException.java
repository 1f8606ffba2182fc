package org.netback.capture.filter;

/// An expression that is no filter here, or no libpcap to compile it. The message is written for
/// whoever typed the expression.
public final class FilterException extends Exception {
  private static final long serialVersionUID = 1L;

  /// The [#position()] of an error that has none.
  public static final int NOWHERE = -1;

  private final int position;

  FilterException(String message) {
    this(message, NOWHERE);
  }

  FilterException(String message, int position) {
    super(message);
    this.position = position;
  }

  /// Where in the expression the error is, in characters from 0 on; the expression's length if it
  /// ends too early; [#NOWHERE] if the error is in no one place.
  public int position() {
    return position;
  }
}
