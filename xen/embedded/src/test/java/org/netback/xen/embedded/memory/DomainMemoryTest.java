package org.netback.xen.embedded.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.netback.loop.libc.LibC;

final class DomainMemoryTest {
  private static int openFiles() {
    return Optional.ofNullable(new File("/proc/self/fd").list()).orElseThrow().length;
  }

  @Test
  void sealsItsMemory() throws IOException {
    try (DomainMemory memory = DomainMemory.create(new DomainSize(1, 2))) {
      memory.lend(
          fd -> {
            assertThat(LibC.ftruncate(fd, PAGE_SIZE)).isEqualTo(-1);
            assertThat(LibC.ftruncate(fd, 8 * PAGE_SIZE)).isEqualTo(-1);
            assertThat(LibC.fcntl(fd, LibC.F_GET_SEALS, 0)).isEqualTo(7);
          });
    }
  }

  @Test
  void adoptsOnlySealedMemoryOfTheRightSize() throws IOException {
    int before = openFiles();
    assertThatThrownBy(() -> DomainMemory.adopt(unsealed(4), new DomainSize(1, 2)))
        .hasMessageContaining("seals 0");
    try (DomainMemory memory = DomainMemory.create(new DomainSize(1, 2))) {
      memory.lend(
          fd ->
              assertThatThrownBy(
                      () ->
                          DomainMemory.adopt(
                              LibC.fcntl(fd, /* F_DUPFD_CLOEXEC */ 1030, 0), new DomainSize(1, 3)))
                  .hasMessageContaining("16384 octets, not 20480"));
    }
    assertThat(openFiles()).isEqualTo(before);
  }

  private static int unsealed(int pages) {
    try (Arena arena = Arena.ofConfined()) {
      int fd = LibC.memfd_create(arena.allocateFrom("unsealed").address(), 2);
      assertThat(LibC.ftruncate(fd, (long) pages * PAGE_SIZE)).isZero();
      return fd;
    }
  }
}
