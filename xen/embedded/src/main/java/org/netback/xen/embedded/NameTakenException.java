package org.netback.xen.embedded;

import java.io.IOException;

/// A domain of this name lives.
final class NameTakenException extends IOException {
  private static final long serialVersionUID = 1;

  NameTakenException(String name, int domid) {
    super("create domain " + name + ": domain " + domid + " has this name");
  }
}
