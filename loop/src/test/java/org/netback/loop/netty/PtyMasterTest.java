package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PtyMasterTest {
  @Test
  void closesBothEnds() throws IOException {
    PtyMaster pty = PtyMaster.raw();
    int master = pty.descriptor();
    assertThat(openFiles(pty.path())).hasSize(1);
    pty.close();
    assertThat(openFiles(pty.path())).isEmpty();
    assertThat(Path.of("/proc/self/fd/" + master)).doesNotExist();
    // Whoever closes once more closes nothing that has got the number since.
    PtyMaster next = PtyMaster.cooked();
    pty.close();
    assertThat(openFiles(next.path())).hasSize(1);
    assertThat(Path.of("/proc/self/fd/" + next.descriptor())).exists();
    next.close();
  }

  /// Descriptors of this process's that lead to a terminal, though it may be gone.
  private static List<String> openFiles(String path) throws IOException {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors
          .flatMap(PtyMasterTest::target)
          .filter(target -> target.equals(path) || target.equals(path + " (deleted)"))
          .toList();
    }
  }

  private static Stream<String> target(Path descriptor) {
    try {
      return Stream.of(Files.readSymbolicLink(descriptor).toString());
    } catch (IOException e) {
      return Stream.empty(); // that of the list itself
    }
  }
}
