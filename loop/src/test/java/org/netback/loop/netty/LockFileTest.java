package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
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

  /// The kernel drops a process's lock with any descriptor of the file, not only with the first.
  @Test
  void staysLockedForOthersWhenThisProcessAsksAgain() throws Exception {
    Path path = directory.resolve("lock");
    Path link = directory.resolve("link");
    try (LockFile _ = LockFile.tryLock(path).orElseThrow()) {
      assertThat(isLockedByThisProcess(path)).isTrue();
      assertThat(LockFile.tryLock(path)).isEmpty();
      assertThat(isLockedByThisProcess(path)).isTrue();
      Files.createLink(link, path);
      assertThat(LockFile.tryLock(link)).isEmpty();
      assertThat(isLockedByThisProcess(path)).isTrue();
    }
    assertThat(isLockedByThisProcess(path)).isFalse();
  }

  private static boolean isLockedByThisProcess(Path path) throws IOException {
    Object number = Files.getAttribute(path, "unix:ino");
    String lock = " WRITE " + ProcessHandle.current().pid() + " .*:" + number + " .*";
    return Files.readAllLines(Path.of("/proc/locks")).stream()
        .anyMatch(line -> line.matches(".* POSIX .*" + lock));
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
