package org.netback.xen.dom0;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/// What only a Xen host has.
final class Devices {
  private Devices() {}

  static void assume(String... paths) {
    for (String path : paths) {
      assumeTrue(Files.exists(Path.of(path)), "not in a Xen dom0: there is no " + path);
    }
  }
}
