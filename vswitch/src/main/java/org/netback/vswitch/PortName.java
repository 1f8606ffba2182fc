package org.netback.vswitch;

import static java.lang.Math.max;

import java.util.Comparator;
import java.util.regex.Pattern;

/// A name of a [Switch]'s that is kept for one port, be it attached now or later. Any thread.
public final class PortName implements AutoCloseable {
  /// As people count: vif2.0 before vif10.0.
  static final Comparator<String> ORDER =
      Comparator.comparing(PortName::withLongNumbers).thenComparing(Comparator.naturalOrder());

  private static final Pattern NUMBER = Pattern.compile("[0-9]+");
  private static final int DIGITS = 10;

  private final Switch vswitch;
  private final String name;
  private final String holder;

  PortName(Switch vswitch, String name, String holder) {
    this.vswitch = vswitch;
    this.name = name;
    this.holder = holder;
  }

  private static String withLongNumbers(String name) {
    return NUMBER
        .matcher(name)
        .replaceAll(
            number -> "0".repeat(max(0, DIGITS - number.group().length())) + number.group());
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
