package org.netback.xen.frontends;

/// A listener of a frontend that is not to be refused, nor to fail.
final class NoTrouble implements NetfrontListener {
  @Override
  public void refused(String message) {
    throw new AssertionError("refused: " + message);
  }

  @Override
  public void failed(String message) {
    throw new AssertionError("failed: " + message);
  }
}
