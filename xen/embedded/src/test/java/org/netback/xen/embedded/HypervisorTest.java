package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.SteppedLoop;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GuestMemory;

final class HypervisorTest {
  private final Hypervisor hypervisor = new Hypervisor();

  @AfterEach
  void close() {
    hypervisor.close();
  }

  static int openFiles() {
    return Optional.ofNullable(new File("/proc/self/fd").list()).orElseThrow().length;
  }

  @Test
  void refusesTheSameNameTwice() throws IOException {
    try (BareDomain first = hypervisor.createDomain("a", DomainSize.DEFAULT)) {
      assertThatThrownBy(() -> hypervisor.createDomain("a", DomainSize.DEFAULT))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("domain " + first.domid() + " has this name");
    }
    hypervisor.createDomain("a", DomainSize.DEFAULT).close();
  }

  @Test
  void handsOutZeroedPagesUntilNoneIsLeft() throws IOException {
    try (BareDomain domain = hypervisor.createDomain("small", new DomainSize(1, 4))) {
      GuestMemory memory = domain.memory();
      MemorySegment three = memory.allocate(3).fill((byte) 1);
      assertThatThrownBy(() -> memory.allocate(2))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("no 2 free pages");
      memory.free(three.asSlice(PAGE_SIZE, PAGE_SIZE));
      MemorySegment again = memory.allocate(1);
      assertThat(again.address()).isEqualTo(three.address() + PAGE_SIZE);
      assertThat(again.mismatch(MemorySegment.ofArray(new byte[PAGE_SIZE]))).isEqualTo(-1);
      int gref = memory.grant(again, 0, true);
      assertThatThrownBy(() -> memory.free(again)).isInstanceOf(IllegalStateException.class);
      assertThat(memory.revoke(gref)).isTrue();
      memory.free(again);
      assertThatThrownBy(() -> memory.free(again)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> memory.revoke(gref)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void grantsUntilTheTableIsFull() throws IOException {
    try (BareDomain domain = hypervisor.createDomain("small", new DomainSize(1, 1))) {
      MemorySegment page = domain.memory().allocate(1);
      for (int i = 8; i < 512; i++) {
        assertThat(domain.memory().grant(page, 0, true)).isEqualTo(i);
      }
      assertThatThrownBy(() -> domain.memory().grant(page, 0, true))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("512");
    }
  }

  @Test
  void leavesNothingBehindWhenThousandsOfDomainsComeAndGo() throws IOException {
    GrantTable backend = hypervisor.grantTable(0);
    SteppedLoop loop = new SteppedLoop();
    hypervisor.createDomain("first", DomainSize.DEFAULT).close();
    int before = openFiles();
    for (int i = 0; i < 5000; i++) {
      try (BareDomain domain = hypervisor.createDomain("guest", DomainSize.DEFAULT)) {
        int gref = domain.memory().grant(domain.memory().allocate(1), 0, false);
        int port = domain.events().allocate(0, loop, () -> true).port();
        backend.map(domain.domid(), new int[] {gref}, false).close();
        hypervisor.backendEvents().bind(domain.domid(), port, loop, () -> true).close();
      }
    }
    assertThat(openFiles()).isEqualTo(before);
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      assertThat(maps.filter(line -> line.contains("memfd:xen-domain"))).isEmpty();
    }
  }

  @Test
  void answersCopiesWhileTheDomainIsBeingDestroyed() throws Exception {
    GrantTable backend = hypervisor.grantTable(0);
    try (var thread = Executors.newSingleThreadExecutor()) {
      for (int round = 0; round < 200; round++) {
        BareDomain domain = hypervisor.createDomain("guest", DomainSize.DEFAULT);
        int gref = domain.memory().grant(domain.memory().allocate(1), 0, false);
        CountDownLatch running = new CountDownLatch(1);
        Future<Short> last =
            thread.submit(
                () -> {
                  GrantCopies batch = backend.copies(64);
                  MemorySegment local = Arena.ofAuto().allocate(PAGE_SIZE);
                  while (true) {
                    batch.clear();
                    while (batch.size() < 64) {
                      batch.fromGuest(domain.domid(), gref, 0, PAGE_SIZE, local, 0);
                    }
                    batch.carryOut();
                    running.countDown();
                    for (int i = 0; i < batch.size(); i++) {
                      if (batch.status(i) != GrantStatus.OKAY) {
                        return batch.status(batch.size() - 1);
                      }
                    }
                  }
                });
        running.await();
        domain.close();
        assertThat(last.get()).isEqualTo(GrantStatus.BAD_DOMAIN);
      }
    }
  }
}
