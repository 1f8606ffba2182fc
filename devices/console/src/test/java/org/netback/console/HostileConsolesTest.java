package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.loop.Eventually.await;

import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.netback.xen.io.console.ConsolePage;

/// What a guest does to its console's page, and to those who serve it: it hurts its own console
/// alone, and costs bounded memory.
@Timeout(120)
final class HostileConsolesTest extends ConsoleScene {
  private static final int PAGE = 4096;
  private static final int GRANT_ENTRY = 8;

  /// What becomes of a page that is being served.
  enum Act {
    /// Its grant is ended behind the backend's back, and it is used for something else.
    REVOKED,
    /// It is given back: whoever still has it finds zeroes.
    FREED,
    /// The guest dies.
    DEAD
  }

  @ParameterizedTest
  @CsvSource({
    "PRIMARY, REVOKED", "PRIMARY, FREED", "PRIMARY, DEAD",
    "DEVICE, REVOKED", "DEVICE, FREED", "DEVICE, DEAD"
  })
  void aPageThatGoesInTheMidstOfAStreamEndsItsOwnConsole(Kind kind, Act act) throws Exception {
    serve(Overflow.KEEP, 1_000_000, "*");
    try (Guest victim = guest(kind, "victim");
        Guest primary = guest(Kind.PRIMARY, "primary");
        Guest device = guest(Kind.DEVICE, "device");
        RandomAccessFile tty = new RandomAccessFile(victim.tty(), "rw")) {
      await("the victim's console", victim::isServed);
      CompletableFuture<Void> streaming =
          async(
              () -> {
                while (true) {
                  victim.put(new byte[1 << 16]);
                }
              });
      tty.readFully(new byte[1 << 20]);
      switch (act) {
        case REVOKED -> grantEntry(victim).set(ValueLayout.JAVA_INT, 0, 0);
        case FREED -> {}
        case DEAD -> victim.die();
      }
      await(
          "the end of the console",
          () -> {
            // Again and again: the stream may put its indices back before anybody looks.
            if (act != Act.DEAD && victim.isServed()) {
              victim.page.fill((byte) (act == Act.REVOKED ? 0xff : 0));
              victim.channel.notifyPeer();
            }
            return endsIfItReads(victim, tty);
          });
      for (Guest neighbour : new Guest[] {primary, device}) {
        answers(neighbour);
      }
      assertThat(errors.count()).isZero();
      victim.die();
      await("the guest's end", streaming::isCompletedExceptionally);
    }
  }

  /// The guest's own entry for the page: a v1 table lies at the beginning of its memory.
  private MemorySegment grantEntry(Guest guest) throws Exception {
    String node = "/local/domain/" + guest.domain.domid() + "/console/ring-ref";
    if (backend.store().read(node).isEmpty()) {
      guest.domain.openConsole(guestLoop, () -> true);
    }
    long frame = Long.parseLong(backend.store().read(node).orElseThrow());
    long table = guest.domain.consolePage().address() - frame * PAGE;
    return MemorySegment.ofAddress(table + (long) guest.gref * GRANT_ENTRY)
        .reinterpret(GRANT_ENTRY);
  }

  /// A console that is held back by its pty looks at its ring when there is room again.
  private static boolean endsIfItReads(Guest victim, RandomAccessFile tty) throws Exception {
    if (!victim.isServed()) {
      return true;
    }
    if (tty.getChannel().isOpen()) {
      CompletableFuture<Integer> _ = async(() -> tty.read(new byte[1 << 16]));
    }
    return false;
  }

  private static void answers(Guest guest) throws Exception {
    try (RandomAccessFile tty = new RandomAccessFile(guest.tty(), "rw")) {
      guest.put(ascii("alive"));
      byte[] seen = new byte[5];
      tty.readFully(seen);
      assertThat(seen).isEqualTo(ascii("alive"));
      tty.write(ascii("yes"));
      assertThat(guest.take(3)).isEqualTo(ascii("yes"));
    }
  }

  /// Whatever the indices are at the moment when they are read: the console ends, or has believed
  /// them.
  @ParameterizedTest
  @EnumSource(Kind.class)
  void indicesThatChangeAllTheTimeEndAtMostTheirOwnConsole(Kind kind) throws Exception {
    serve(Overflow.DISCARD, 1_000_000, "*");
    try (Guest neighbour = guest(Kind.PRIMARY, "good")) {
      for (int seed = 0; seed < 20; seed++) {
        try (Guest bad = guest(kind, "bad")) {
          bad.tty();
          Random random = new Random(seed);
          for (int i = 0; i < 2000; i++) {
            int[] places = {
              ConsolePage.OUT.prod(),
              ConsolePage.OUT.cons(),
              ConsolePage.IN.prod(),
              ConsolePage.IN.cons()
            };
            int near = bad.page.get(ValueLayout.JAVA_INT, ConsolePage.OUT.cons());
            bad.page.set(
                ValueLayout.JAVA_INT, places[random.nextInt(4)], near + random.nextInt(2100) - 20);
            bad.channel.notifyPeer();
          }
          bad.page.set(
              ValueLayout.JAVA_INT,
              ConsolePage.OUT.prod(),
              bad.page.get(ValueLayout.JAVA_INT, ConsolePage.OUT.prod()) + 1_000_000);
          bad.channel.notifyPeer();
          await("the end of the bad one", () -> !bad.isServed());
        }
      }
      answers(neighbour);
      assertThat(errors.count()).isZero();
    }
  }

  private void serve(Overflow overflow, LogSettings log) throws Exception {
    serve(new ConsoleSettings(Set.of("*"), overflow, 1_000_000, 1000, true, true, log));
  }

  /// Its log keeps to its length and number of files, and the process to its memory.
  @Test
  void aFloodThatNobodyReadsCostsBoundedMemoryAndDisk() throws Exception {
    int longest = 1 << 20;
    serve(
        Overflow.DISCARD,
        new LogSettings(Optional.of(logs()), false, false, longest, Duration.ZERO, 2));
    try (Guest guest = new Guest("flood")) {
      guest.tty();
      byte[] block = new byte[1 << 20];
      new Random(4713).nextBytes(block);
      flood(guest, block, 4);
      long before = usedMemory();
      flood(guest, block, 60);
      assertThat(usedMemory() - before).isLessThan(4 << 20);
      try (Stream<Path> files = Files.list(logs())) {
        assertThat(files)
            .allSatisfy(file -> assertThat(Files.size(file)).isLessThan(longest + LogFeed.BOUND));
      }
      assertThat(logs()).isDirectoryContaining("glob:**.log.2");
      assertThat(logs()).isDirectoryNotContaining("glob:**.log.3");
    }
  }

  private void flood(Guest guest, byte[] block, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      long before = consoles().statistics().getFirst().fromGuest();
      guest.put(block);
      await(
          "it to be taken",
          () -> consoles().statistics().getFirst().fromGuest() == before + block.length);
    }
  }

  private static long usedMemory() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  /// Where nothing may be lost, a guest that nobody reads waits, and its log is as long as what was
  /// taken.
  @Test
  void aFloodThatNobodyReadsStopsWhereNothingMayBeLost() throws Exception {
    serve(Overflow.KEEP, new LogSettings(Optional.of(logs()), false, false, 0, Duration.ZERO, 0));
    try (Guest guest = new Guest("flood")) {
      guest.tty();
      CompletableFuture<Boolean> putting =
          async(
              () -> {
                guest.put(new byte[1 << 24]);
                return true;
              });
      await("it to be held", () -> consoles().statistics().getFirst().held() > 0);
      assertThat(putting).isNotDone();
      // The pty's limit is the toolstack's, and the kernel has a buffer too.
      assertThat(consoles().statistics().getFirst().fromGuest()).isLessThan((1 << 20) + (1 << 17));
      assertThat(log("flood")).hasSize(consoles().statistics().getFirst().fromGuest());
    }
  }
}
