package org.netback.daemon;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/// A program that is not installed. The message says which, and which Debian package has it.
public final class MissingProgram extends IOException {
  /// Debian's packages of the programs that the daemon runs, as in `bin/packages`.
  static final Map<String, String> PACKAGES =
      Map.of("ip", "iproute2", "ss", "iproute2", "ping", "iputils-ping", "iperf3", "iperf3");

  /// @param program its name, as it was looked for in $PATH
  public MissingProgram(String program) {
    super(
        program
            + " is not installed"
            + Optional.ofNullable(PACKAGES.get(program))
                .map(debian -> ": on Debian, apt-get install " + debian)
                .orElse(""));
  }
}
