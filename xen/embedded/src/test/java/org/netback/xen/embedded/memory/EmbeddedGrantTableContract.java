package org.netback.xen.embedded.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.grant.GrantTableContract;

/// What holds besides where the grant table lies in the guest's own memory, and the status is ours.
public abstract class EmbeddedGrantTableContract extends GrantTableContract {
  /// The guest's memory from its first octet on, the grant table, to write what a guest's own
  /// kernel would not.
  private MemorySegment wholeMemory() {
    return ((EmbeddedGuestMemory) guest()).whole();
  }

  /// Ends the guest's domain and waits until the backend knows.
  protected abstract void destroyGuest() throws IOException;

  @Test
  void refusesReferencesBeyondTheTable() {
    for (int gref : new int[] {DomainSize.DEFAULT.grantFrames() * 512}) {
      assertThat(copyFrom(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.BAD_GNTREF);
      assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {gref}, true))
          .isInstanceOfSatisfying(
              GrantException.class, e -> assertThat(e.status()).isEqualTo(GrantStatus.BAD_GNTREF));
    }
  }

  @Test
  void refusesReferencesNeverGranted() {
    for (int gref : new int[] {1, 7, 8, 4711}) {
      assertThat(copyFrom(guest().domid(), gref, 0, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    }
  }

  @Test
  void knowsItselfForNoGuest() {
    assertThat(copyFrom(0, 8, 0, 1)).isEqualTo(GrantStatus.BAD_DOMAIN);
  }

  @Test
  void refusesFramesOutsideTheGuestsPages() {
    for (int frame :
        new int[] {
          0,
          DomainSize.DEFAULT.grantFrames() - 1,
          DomainSize.DEFAULT.totalPages(),
          Integer.MAX_VALUE,
          -1
        }) {
      GrantEntries.storeFrame(wholeMemory(), 9, frame);
      GrantEntries.storeWordRelease(
          wholeMemory(), 9, GrantEntries.word(GrantEntries.PERMIT_ACCESS, BACKEND));
      assertThat(copyFrom(guest().domid(), 9, 0, 8)).isEqualTo(GrantStatus.BAD_PAGE);
      assertThatThrownBy(() -> backend().map(guest().domid(), new int[] {9}, true))
          .isInstanceOfSatisfying(
              GrantException.class, e -> assertThat(e.status()).isEqualTo(GrantStatus.BAD_PAGE));
      assertThat(GrantEntries.loadWordAcquire(wholeMemory(), 9))
          .isEqualTo(GrantEntries.word(GrantEntries.PERMIT_ACCESS, BACKEND));
    }
  }

  @Test
  void keepsMappedGrantsFromBeingRevoked() throws GrantException {
    int gref = guest().grant(guest().allocate(1), BACKEND, false);
    GrantMapping first = backend().map(guest().domid(), new int[] {gref}, false);
    GrantMapping second = backend().map(guest().domid(), new int[] {gref}, true);
    assertThat(guest().revoke(gref)).isFalse();
    first.close();
    assertThat(GrantEntries.flags(GrantEntries.loadWordAcquire(wholeMemory(), gref)))
        .isEqualTo(GrantEntries.PERMIT_ACCESS | GrantEntries.READING);
    assertThat(guest().revoke(gref)).isFalse();
    second.close();
    second.close();
    assertThat(guest().revoke(gref)).isTrue();
  }

  @Test
  void keepsItsOwnCountWhenTheGuestClearsTheMarks() throws GrantException {
    MemorySegment page = guest().allocate(1);
    int gref = guest().grant(page, BACKEND, false);
    GrantMapping mapping = backend().map(guest().domid(), new int[] {gref}, false);
    GrantEntries.storeWordRelease(wholeMemory(), gref, 0);
    mapping.memory().set(ValueLayout.JAVA_INT, 0, 5);
    assertThat(page.get(ValueLayout.JAVA_INT, 0)).isEqualTo(5);
    mapping.close();
    assertThat(GrantEntries.loadWordAcquire(wholeMemory(), gref)).isZero();
  }

  @Test
  void answersCopiesOfADestroyedDomainAndKeepsItsMappedPages() throws IOException {
    int domid = guest().domid();
    MemorySegment page = filled(guest().allocate(1), 4);
    int gref = guest().grant(page, BACKEND, false);
    assertThat(copyFrom(domid, gref, 0, 64)).isEqualTo(GrantStatus.OKAY);
    GrantMapping mapping = backend().map(domid, new int[] {gref}, false);
    destroyGuest();
    assertThat(copyFrom(domid, gref, 0, 64)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(mapping.memory().asSlice(0, 64).mismatch(local.asSlice(0, 64))).isEqualTo(-1);
    mapping.close();
  }
}
