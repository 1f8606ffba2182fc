package org.netback.daemon.config;

import java.util.regex.Pattern;

/// How networks, ports and namespaces may be called.
final class Names {
  static final Pattern NETWORK = Pattern.compile("[A-Za-z0-9._-]{1,63}");

  /// As Linux has it, except for characters that would have to be quoted somewhere.
  static final Pattern INTERFACE = Pattern.compile("(?!\\.{1,2}$)[A-Za-z0-9._-]{1,15}");

  /// What [#INTERFACE] asks for, where a port is meant that may be a vif.
  static final String PORT = "a port's name of 1 to 15 letters, digits, . _ or -, such as vif1.0";

  static final Pattern NAMESPACE =
      Pattern.compile("/\\P{Cntrl}{1,4094}|(?!\\.{1,2}$)[^/\\p{Cntrl}]{1,255}");

  private Names() {}
}
