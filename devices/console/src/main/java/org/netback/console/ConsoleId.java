package org.netback.console;

/// Which console of which domain: 0 is the primary console, others are devices.
record ConsoleId(int domid, int number) implements Comparable<ConsoleId> {
  @Override
  public int compareTo(ConsoleId other) {
    return domid != other.domid
        ? Integer.compare(domid, other.domid)
        : Integer.compare(number, other.number);
  }

  @Override
  public String toString() {
    return "console" + domid + '.' + number;
  }
}
