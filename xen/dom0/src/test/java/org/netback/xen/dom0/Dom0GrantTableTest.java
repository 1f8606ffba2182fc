package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.grant.GrantTableContract;
import org.netback.xen.grant.GuestMemory;

/// Dom0 grants pages to itself.
final class Dom0GrantTableTest extends GrantTableContract {
  private GntallocMemory guest;
  private Dom0GrantTable backend;

  @BeforeEach
  void open() throws IOException {
    Devices.assume(Gntdev.PATH, Gntalloc.PATH);
    guest = GntallocMemory.open(0);
    backend = Dom0GrantTable.open();
  }

  @AfterEach
  void close() {
    if (guest != null) {
      backend.close();
      guest.close();
    }
  }

  @Override
  protected GuestMemory guest() {
    return guest;
  }

  @Override
  protected GrantTable backend() {
    return backend;
  }

  @Test
  void sharesMemoryBothWaysUntilItIsUnmapped() throws GrantException {
    MemorySegment page = guest.allocate(1);
    int gref = guest.grant(page, 0, false);
    for (int i = 0; i < 50; i++) {
      try (GrantMapping mapping = backend.map(0, new int[] {gref}, false)) {
        page.set(ValueLayout.JAVA_INT, 8, i);
        assertThat(mapping.memory().get(ValueLayout.JAVA_INT, 8)).isEqualTo(i);
        mapping.memory().set(ValueLayout.JAVA_INT, 12, -i);
        assertThat(page.get(ValueLayout.JAVA_INT, 12)).isEqualTo(-i);
      }
    }
  }

  @Test
  void keepsWhatAPageHeldWhenItIsGrantedAndForgetsItWhenItIsRevoked() {
    MemorySegment page = guest.allocate(2).asSlice(4096, 4096);
    page.set(ValueLayout.JAVA_LONG, 0, 4711);
    int gref = guest.grant(page, 0, true);
    assertThat(page.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(4711);
    assertThatThrownBy(() -> guest.grant(page, 0, true)).hasMessageContaining("granted already");
    assertThat(guest.revoke(gref)).isTrue();
    assertThat(page.get(ValueLayout.JAVA_LONG, 0)).isZero();
  }

  /// The kernel would write there.
  @Test
  void refusesLocalMemoryThatIsTooShortOrNotNative() {
    int gref = guest.grant(guest.allocate(1), 0, false);
    GrantCopies batch = backend.copies(1);
    MemorySegment tooShort = Arena.ofAuto().allocate(63);
    assertThatThrownBy(() -> batch.fromGuest(0, gref, 0, 64, tooShort, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    batch.clear();
    MemorySegment onHeap = MemorySegment.ofArray(new byte[64]);
    assertThatThrownBy(() -> batch.fromGuest(0, gref, 0, 64, onHeap, 0))
        .isInstanceOf(IllegalStateException.class);
    batch.clear();
    MemorySegment closed;
    try (Arena arena = Arena.ofConfined()) {
      closed = arena.allocate(64);
    }
    assertThatThrownBy(() -> batch.fromGuest(0, gref, 0, 64, closed, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void judgesDomainsThatNamesNoneWithoutTheKernel() {
    GrantCopies batch = backend.copies(3);
    MemorySegment local = Arena.ofAuto().allocate(8);
    batch.fromGuest(0x7ff0, 8, 0, 8, local, 0);
    batch.fromGuest(0x1_0000, 8, 0, 8, local, 0);
    batch.fromGuest(-1, 8, 0, 8, local, 0);
    batch.carryOut();
    for (int i = 0; i < 3; i++) {
      assertThat(batch.status(i)).isEqualTo(GrantStatus.BAD_DOMAIN);
    }
  }
}
