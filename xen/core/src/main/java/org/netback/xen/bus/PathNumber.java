package org.netback.xen.bus;

import org.netback.xen.ground.Domids;

/// Numbers in the store's paths.
final class PathNumber {
  private PathNumber() {}

  /// A decimal number as the toolstack writes it, or -1.
  static int parse(String text) {
    if (text.isEmpty()
        || text.length() > 9
        || text.length() > 1 && text.charAt(0) == '0'
        || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return -1;
    }
    return Integer.parseInt(text);
  }

  /// A domain's number, or -1.
  static int domid(String text) {
    int domid = parse(text);
    return Domids.isDomain(domid) ? domid : -1;
  }
}
