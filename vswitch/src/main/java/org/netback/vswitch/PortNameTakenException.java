package org.netback.vswitch;

/// Another port of the switch has the name, or is to have it.
public final class PortNameTakenException extends Exception {
  private static final long serialVersionUID = 1;

  PortNameTakenException(PortName taken) {
    super("there is a port " + taken.name() + " already (" + taken.holder() + ')');
  }
}
