package org.netback.xen.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LockFileTest {
  @TempDir Path directory = Path.of("");

  @Test
  void isHeldOnceAndAgainAfterwards() throws Exception {
    Path path = directory.resolve("made/where/missing/lock");
    for (int i = 0; i < 2; i++) {
      try (LockFile _ = LockFile.tryLock(path).orElseThrow()) {
        assertThat(LockFile.tryLock(path)).isEmpty();
      }
    }
    assertThat(path).isEmptyFile();
  }

  @Test
  void keepsWhatAFileHolds() throws Exception {
    Path path = Files.writeString(directory.resolve("lock"), "somebody's");
    try (LockFile _ = LockFile.tryLock(path).orElseThrow()) {
      assertThat(path).hasContent("somebody's");
    }
    assertThat(path).hasContent("somebody's");
  }

  @Test
  void refusesWhatIsNoFile() throws Exception {
    Path target = directory.resolve("target");
    Path link = Files.createSymbolicLink(directory.resolve("link"), target);
    assertThatThrownBy(() -> LockFile.tryLock(link))
        .hasMessage(link + " is a symbolic link, in the place of a lock file");
    assertThat(target).doesNotExist();
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    assertThatThrownBy(() -> LockFile.tryLock(fifo))
        .hasMessage(fifo + " is a FIFO, in the place of a lock file");
    Path file = Files.writeString(directory.resolve("file"), "kept");
    assertThatThrownBy(() -> LockFile.tryLock(file.resolve("lock")))
        .hasMessage(file + " is in the way: it is no directory");
    assertThat(file).hasContent("kept");
  }
}
