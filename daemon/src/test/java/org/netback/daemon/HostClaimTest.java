package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostClaimTest {
  @Test
  void isOneProcesssAtATime(@TempDir Path directory) throws IOException {
    Path run = directory.resolve("run");
    for (int i = 0; i < 2; i++) {
      try (HostClaim _ = HostClaim.ofHost(run);
          HostClaim _ = HostClaim.ofGround(run)) {
        assertThatThrownBy(() -> HostClaim.ofHost(run))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("another daemon serves this host's vifs");
        assertThatThrownBy(() -> HostClaim.ofGround(run))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("another daemon serves the vifs of the ground in " + run);
      }
    }
  }
}
