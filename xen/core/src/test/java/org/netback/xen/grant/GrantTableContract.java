package org.netback.xen.grant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// What every pair of a granting guest and a backend's grant table must do.
public abstract class GrantTableContract {
  protected static final int BACKEND = 0;

  protected final MemorySegment local = Arena.ofAuto().allocate(PAGE_SIZE);

  @BeforeEach
  void clearLocal() {
    local.fill((byte) 0);
  }

  protected abstract GuestMemory guest();

  protected abstract GrantTable backend();

  protected static MemorySegment filled(MemorySegment page, int from) {
    for (int i = 0; i < page.byteSize(); i++) {
      page.set(ValueLayout.JAVA_BYTE, i, (byte) (from + i * 7));
    }
    return page;
  }

  protected final short copyFrom(int domid, int gref, int offset, int length) {
    GrantCopies batch = backend().copies(1);
    batch.fromGuest(domid, gref, offset, length, local, 0);
    batch.carryOut();
    return batch.status(0);
  }

  protected final short copyTo(int domid, int gref, int offset, int length) {
    GrantCopies batch = backend().copies(1);
    batch.toGuest(domid, gref, offset, length, local, 0);
    batch.carryOut();
    return batch.status(0);
  }

  @Test
  void copiesOutOfAGrantedPage() {
    MemorySegment page = filled(guest().allocate(1), 3);
    int gref = guest().grant(page, BACKEND, true);
    assertThat(copyFrom(guest().domid(), gref, 100, 1500)).isEqualTo(GrantStatus.OKAY);
    assertThat(local.asSlice(0, 1500).mismatch(page.asSlice(100, 1500))).isEqualTo(-1);
    assertThat(local.get(ValueLayout.JAVA_BYTE, 1500)).isZero();
  }

  @Test
  void copiesIntoAGrantedPageAndNotBesideIt() {
    MemorySegment page = guest().allocate(1);
    int gref = guest().grant(page, BACKEND, false);
    filled(local, 9);
    assertThat(copyTo(guest().domid(), gref, 4000, 96)).isEqualTo(GrantStatus.OKAY);
    assertThat(page.asSlice(4000, 96).mismatch(local.asSlice(0, 96))).isEqualTo(-1);
    assertThat(page.get(ValueLayout.JAVA_BYTE, 3999)).isZero();
  }

  @Test
  void judgesEverySegmentOfABatchByItself() {
    MemorySegment page = filled(guest().allocate(1), 1);
    int good = guest().grant(page, BACKEND, true);
    GrantCopies batch = backend().copies(5);
    batch.fromGuest(guest().domid(), good, 0, 10, local, 0);
    batch.fromGuest(guest().domid(), 1_000_000, 0, 10, local, 10);
    batch.fromGuest(guest().domid(), good, 4090, 10, local, 20);
    batch.toGuest(guest().domid(), good, 0, 10, local, 30);
    batch.fromGuest(guest().domid(), good, 10, 10, local, 40);
    batch.carryOut();
    assertThat(new short[] {batch.status(0), batch.status(1), batch.status(2), batch.status(3)})
        .containsExactly(
            GrantStatus.OKAY,
            GrantStatus.BAD_GNTREF,
            GrantStatus.BAD_COPY_ARG,
            GrantStatus.GENERAL_ERROR);
    assertThat(batch.status(4)).isEqualTo(GrantStatus.OKAY);
    assertThat(local.asSlice(10, 30).mismatch(Arena.ofAuto().allocate(30))).isEqualTo(-1);
    assertThat(local.asSlice(40, 10).mismatch(page.asSlice(10, 10))).isEqualTo(-1);
  }

  @Test
  void refusesReferencesBeyondEveryTable() {
    for (int gref : new int[] {-1, Integer.MIN_VALUE}) {
      assertThat(copyFrom(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.BAD_GNTREF);
      assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {gref}, true))
          .isInstanceOfSatisfying(
              GrantException.class, e -> assertThat(e.status()).isEqualTo(GrantStatus.BAD_GNTREF));
    }
  }

  @Test
  void refusesRevokedGrants() {
    MemorySegment page = guest().allocate(1);
    int gref = guest().grant(page, BACKEND, false);
    assertThat(guest().revoke(gref)).isTrue();
    assertThat(copyFrom(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {gref}, true))
        .isInstanceOfSatisfying(
            GrantException.class, e -> assertThat(e.status()).isEqualTo(GrantStatus.GENERAL_ERROR));
    guest().free(page);
  }

  @Test
  void refusesWritingToReadOnlyGrants() {
    int gref = guest().grant(guest().allocate(1), BACKEND, true);
    assertThat(copyTo(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {gref}, false))
        .isInstanceOf(GrantException.class)
        .hasMessageContaining("gref " + gref)
        .hasMessageContaining("domain " + guest().domid());
  }

  @Test
  void refusesGrantsToOtherDomains() {
    int gref = guest().grant(guest().allocate(1), 5, false);
    assertThat(copyFrom(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {gref}, true))
        .isInstanceOf(GrantException.class);
  }

  @Test
  void refusesUnknownDomains() {
    for (int domid : new int[] {-1, 31_000, 0x7ff0, 65_535, Integer.MAX_VALUE}) {
      assertThat(copyFrom(domid, 8, 0, 1)).isEqualTo(GrantStatus.BAD_DOMAIN);
      assertThatThrownBy(() -> backend().map(domid, new int[] {8}, true))
          .isInstanceOfSatisfying(
              GrantException.class, e -> assertThat(e.status()).isEqualTo(GrantStatus.BAD_DOMAIN));
    }
  }

  @Test
  void refusesCopiesThatCrossThePage() {
    int gref = guest().grant(guest().allocate(2).asSlice(0, PAGE_SIZE), BACKEND, false);
    assertThat(copyFrom(guest().domid(), gref, 0, 4096)).isEqualTo(GrantStatus.OKAY);
    assertThat(copyFrom(guest().domid(), gref, 4096, 0)).isEqualTo(GrantStatus.OKAY);
    assertThat(copyFrom(guest().domid(), gref, 4095, 2)).isEqualTo(GrantStatus.BAD_COPY_ARG);
    assertThat(copyTo(guest().domid(), gref, 1, 4096)).isEqualTo(GrantStatus.BAD_COPY_ARG);
    assertThat(copyFrom(guest().domid(), gref, 65_535, 65_535)).isEqualTo(GrantStatus.BAD_COPY_ARG);
  }

  @Test
  void mapsPagesSideBySideInTheOrderAskedFor() throws GrantException {
    MemorySegment pages = guest().allocate(3);
    int[] grefs = new int[3];
    for (int i = 0; i < 3; i++) {
      MemorySegment page = pages.asSlice((long) i * PAGE_SIZE, PAGE_SIZE);
      page.set(ValueLayout.JAVA_INT, 0, i + 1);
      grefs[2 - i] = guest().grant(page, BACKEND, false);
    }
    try (GrantMapping mapping = backend().map(guest().domid(), grefs, false)) {
      MemorySegment memory = mapping.memory();
      assertThat(memory.byteSize()).isEqualTo(3 * PAGE_SIZE);
      assertThat(memory.get(ValueLayout.JAVA_INT, 0)).isEqualTo(3);
      assertThat(memory.get(ValueLayout.JAVA_INT, PAGE_SIZE)).isEqualTo(2);
      memory.set(ValueLayout.JAVA_INT, 2 * PAGE_SIZE + 8, 77);
      assertThat(pages.get(ValueLayout.JAVA_INT, 8)).isEqualTo(77);
    }
  }

  @Test
  void mapsAllOrNone() {
    int good = guest().grant(guest().allocate(1), BACKEND, false);
    assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {good, -1}, false))
        .isInstanceOfSatisfying(GrantException.class, e -> assertThat(e.gref()).isEqualTo(-1));
    assertThat(guest().revoke(good)).isTrue();
  }

  @Test
  void endsEveryAccessWhenAMappingCloses() throws GrantException {
    int gref = guest().grant(guest().allocate(1), BACKEND, false);
    GrantMapping mapping = backend().map(guest().domid(), new int[] {gref}, false);
    MemorySegment memory = mapping.memory();
    mapping.close();
    assertThatThrownBy(() -> memory.get(ValueLayout.JAVA_INT, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void refusesWritesThroughReadOnlyMappings() throws GrantException {
    int gref = guest().grant(guest().allocate(1), BACKEND, true);
    try (GrantMapping mapping = backend().map(guest().domid(), new int[] {gref}, true)) {
      assertThatThrownBy(() -> mapping.memory().set(ValueLayout.JAVA_INT, 0, 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void copiesBatchesOfAnySize() {
    MemorySegment page = filled(guest().allocate(1), 5);
    int good = guest().grant(page, BACKEND, true);
    int count = 1500;
    MemorySegment many = Arena.ofAuto().allocate(count);
    GrantCopies batch = backend().copies(count);
    for (int i = 0; i < count; i++) {
      batch.fromGuest(guest().domid(), i % 7 == 3 ? -1 : good, i, 1, many, i);
    }
    batch.carryOut();
    for (int i = 0; i < count; i++) {
      boolean granted = i % 7 != 3;
      assertThat(batch.status(i)).isEqualTo(granted ? GrantStatus.OKAY : GrantStatus.BAD_GNTREF);
      assertThat(many.get(ValueLayout.JAVA_BYTE, i))
          .isEqualTo(granted ? page.get(ValueLayout.JAVA_BYTE, i) : 0);
    }
  }

  @Test
  void copiesAcrossPagesOfTheLocalSide() {
    MemorySegment page = filled(guest().allocate(1), 11);
    int gref = guest().grant(page, BACKEND, false);
    MemorySegment pages = Arena.ofAuto().allocate(3 * PAGE_SIZE, PAGE_SIZE);
    GrantCopies batch = backend().copies(2);
    batch.fromGuest(guest().domid(), gref, 0, PAGE_SIZE, pages, PAGE_SIZE - 1);
    batch.carryOut();
    assertThat(batch.status(0)).isEqualTo(GrantStatus.OKAY);
    assertThat(pages.asSlice(PAGE_SIZE - 1, PAGE_SIZE).mismatch(page)).isEqualTo(-1);
    assertThat(pages.get(ValueLayout.JAVA_BYTE, PAGE_SIZE - 2)).isZero();
    assertThat(pages.get(ValueLayout.JAVA_BYTE, 2 * PAGE_SIZE - 1)).isZero();
    batch.clear();
    batch.toGuest(guest().domid(), gref, 0, PAGE_SIZE, pages, 7);
    batch.carryOut();
    assertThat(batch.status(0)).isEqualTo(GrantStatus.OKAY);
    assertThat(page.mismatch(pages.asSlice(7, PAGE_SIZE))).isEqualTo(-1);
  }

  @Test
  void copiesFromPageToPage() {
    MemorySegment source = filled(guest().allocate(1), 13);
    MemorySegment destination = guest().allocate(1);
    int from = guest().grant(source, BACKEND, true);
    int to = guest().grant(destination, BACKEND, false);
    GrantCopies batch = backend().copies(2);
    batch.betweenGuests(guest().domid(), from, 100, guest().domid(), to, 7, 3000);
    batch.betweenGuests(guest().domid(), from, 4095, guest().domid(), to, 4095, 1);
    batch.carryOut();
    assertThat(batch.hasFailures()).isFalse();
    assertThat(destination.asSlice(7, 3000).mismatch(source.asSlice(100, 3000))).isEqualTo(-1);
    assertThat(destination.get(ValueLayout.JAVA_BYTE, 6)).isZero();
    assertThat(destination.get(ValueLayout.JAVA_BYTE, 3007)).isZero();
    assertThat(destination.get(ValueLayout.JAVA_BYTE, 4095))
        .isEqualTo(source.get(ValueLayout.JAVA_BYTE, 4095));
  }

  @Test
  void judgesBothEndsOfACopyFromPageToPage() {
    int readable = guest().grant(filled(guest().allocate(1), 1), BACKEND, true);
    MemorySegment page = guest().allocate(1);
    int writable = guest().grant(page, BACKEND, false);
    int domid = guest().domid();
    GrantCopies batch = backend().copies(8);
    batch.betweenGuests(domid, -1, 0, domid, writable, 0, 9);
    batch.betweenGuests(domid, readable, 0, domid, -1, 0, 9);
    batch.betweenGuests(domid, writable, 0, domid, readable, 0, 9);
    batch.betweenGuests(domid, readable, 4090, domid, writable, 0, 9);
    batch.betweenGuests(domid, readable, 0, domid, writable, 4090, 9);
    batch.betweenGuests(0x7fff, readable, 0, domid, writable, 0, 9);
    batch.betweenGuests(domid, readable, 0, -1, writable, 0, 9);
    batch.betweenGuests(domid, readable, 0, domid, writable, 10, 9);
    batch.carryOut();
    assertThat(batch.hasFailures()).isTrue();
    assertThat(IntStream.range(0, 8).mapToObj(batch::status))
        .containsExactly(
            GrantStatus.BAD_GNTREF,
            GrantStatus.BAD_GNTREF,
            GrantStatus.GENERAL_ERROR,
            GrantStatus.BAD_COPY_ARG,
            GrantStatus.BAD_COPY_ARG,
            GrantStatus.BAD_DOMAIN,
            GrantStatus.BAD_DOMAIN,
            GrantStatus.OKAY);
    assertThat(page.asSlice(0, 10).mismatch(Arena.ofAuto().allocate(10))).isEqualTo(-1);
    batch.clear();
    assertThat(batch.hasFailures()).isFalse();
  }

  @Test
  void takesNoMoreCopiesThanTheBatchHolds() {
    int gref = guest().grant(guest().allocate(1), BACKEND, false);
    GrantCopies batch = backend().copies(1);
    batch.fromGuest(guest().domid(), gref, 0, 1, local, 0);
    assertThat(batch.size()).isEqualTo(1);
    assertThatThrownBy(() -> batch.fromGuest(guest().domid(), gref, 0, 1, local, 0))
        .isInstanceOf(IllegalStateException.class);
  }
}
