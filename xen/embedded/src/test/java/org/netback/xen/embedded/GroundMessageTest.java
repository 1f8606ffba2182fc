package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.netback.xen.embedded.wire.GroundMessage;

/// The messages have another writer: the guests of the benchmarks, in C.
final class GroundMessageTest {
  private static final String GUESTS = "benchmarks/src/main/c/rings/ground.c";

  /// Who changes a message changes it there too.
  @Test
  void theBenchmarksGuestsSpeakItsVersion() throws IOException {
    assertThat(Files.readString(root().resolve(GUESTS)))
        .contains("GROUND_VERSION = " + GroundMessage.VERSION + ",");
  }

  /// The working directory is the module's.
  private static Path root() {
    Path module = Path.of("").toAbsolutePath();
    return Files.exists(module.resolve(GUESTS)) ? module : module.resolve("../..").normalize();
  }
}
