package org.netback.vswitch;

/// A name of a [Switch]'s that is kept for one port, be it attached now or later. Any thread.
public final class PortName implements AutoCloseable {
  private final Switch vswitch;
  private final String name;
  private final String holder;

  PortName(Switch vswitch, String name, String holder) {
    this.vswitch = vswitch;
    this.name = name;
    this.holder = holder;
  }

  String name() {
    return name;
  }

  String holder() {
    return holder;
  }

  /// Gives the name back; its port has left by then. Idempotent.
  @Override
  public void close() {
    vswitch.free(this);
  }
}
