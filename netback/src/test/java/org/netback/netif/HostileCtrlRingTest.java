package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.xen.io.netif.CtrlResponse.STATUS_BUFFER_OVERFLOW;
import static org.netback.xen.io.netif.CtrlResponse.STATUS_INVALID_PARAMETER;
import static org.netback.xen.io.netif.CtrlResponse.STATUS_NOT_SUPPORTED;
import static org.netback.xen.io.netif.CtrlResponse.STATUS_SUCCESS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.ring.SharedIndices;

/// Every control message with every bad argument, and a control ring that is no ring: nothing
/// changes but what was asked for, and nobody else notices.
final class HostileCtrlRingTest {
  private static final byte[] KEY = Oracle.KEY;
  private static final int[] MAPPING = {1, 0, 1, 1, 0};

  private final AtomicInteger grantOperations = new AtomicInteger();
  private final AtomicReference<Runnable> beforeCopy = new AtomicReference<>(() -> {});
  private final House house = new House(CountingGrants::new, UnaryOperator.identity());
  private RawGuest villain;
  private RawGuest bystander;
  private RawCtrl ctrl;

  /// Counts what it is asked for, and lets a test in between.
  private final class CountingGrants implements GrantTable {
    private final GrantTable grants;

    CountingGrants(GrantTable grants) {
      this.grants = grants;
    }

    @Override
    public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
      grantOperations.incrementAndGet();
      return grants.map(domid, grefs, readOnly);
    }

    @Override
    public GrantCopies copies(int capacity) {
      return new InterposedGrantTable(
              grants,
              () -> {
                grantOperations.incrementAndGet();
                beforeCopy.get().run();
              })
          .copies(capacity);
    }
  }

  @BeforeEach
  void connect() {
    villain = house.guest(-40);
    villain.useQueues(2);
    ctrl = villain.ctrl();
    villain.connect();
    bystander = house.guest(-40);
    bystander.ctrl();
    bystander.connect();
    bystander.queue().post(20);
    ctrl.hash(KEY);
    ctrl.map(MAPPING);
  }

  @AfterEach
  void leavesOthersAlone() {
    house.sink.take();
    bystander.queue().send(Frames.udp(2, 9, 60));
    house.settle();
    assertThat(bystander.queue().statuses()).containsExactly(0);
    assertThat(house.sink.take()).hasSize(1);
    bystander.ctrl().hash(KEY);
    assertThat(bystander.failures).isEmpty();
    villain.vif.disconnect();
    house.settle();
    assertThat(villain.isUnmapped()).isTrue();
    house.close();
  }

  private int status(int type, int data0, int data1, int data2) {
    return ctrl.ask(type, data0, data1, data2).status();
  }

  /// What was set up in the beginning still holds.
  private void nothingHasChanged() {
    assertThat(villain.failures).isEmpty();
    RawGuest other = house.guest();
    other.connect();
    for (int from = 10; from < 20; from++) {
      byte[] frame = Frames.tcp(from, 1, 100);
      villain.queues.forEach(queue -> queue.post(Math.min(2, queue.rx.freeRequests())));
      other.queue().send(frame);
      house.settle();
      int queue = Oracle.queue(KEY, frame, MAPPING);
      assertThat(villain.queues.get(1 - queue).receive()).isEmpty();
      assertThat(villain.queues.get(queue).receive())
          .singleElement()
          .satisfies(
              received ->
                  assertThat(received.hash().orElseThrow().value())
                      .isEqualTo(Oracle.hash(KEY, frame)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 11, 12, 0x8000, 0xffff})
  void supportsNoTypeThatTheHeaderDoesNotName(int type) {
    assertThat(status(type, 1, 2, 3)).isEqualTo(STATUS_NOT_SUPPORTED);
    nothingHasChanged();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, -1, 0x100, Integer.MIN_VALUE})
  void knowsNoOtherAlgorithm(int algorithm) {
    assertThat(status(CtrlRequest.TYPE_SET_HASH_ALGORITHM, algorithm, 0, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    nothingHasChanged();
  }

  @ParameterizedTest
  @ValueSource(ints = {16, 31, 0x8000_0000, -1, 0x10000})
  void refusesUnknownFlags(int flags) {
    assertThat(status(CtrlRequest.TYPE_SET_HASH_FLAGS, flags, 0, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    nothingHasChanged();
  }

  @Test
  void hasNoFlagsWithoutAnAlgorithm() {
    assertThat(ctrl.demand(CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0)).isEqualTo(15);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_ALGORITHM, 0, 0, 0);
    CtrlResponse flags = ctrl.ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0);
    assertThat(flags.status()).isEqualTo(STATUS_NOT_SUPPORTED);
    assertThat(flags.data()).isZero();
    for (int types : new int[] {0, 1, 15}) {
      assertThat(status(CtrlRequest.TYPE_SET_HASH_FLAGS, types, 0, 0))
          .isEqualTo(STATUS_INVALID_PARAMETER);
    }
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
    nothingHasChanged();
  }

  /// Linux answers INVALID_PARAMETER; the header has a status for this.
  @ParameterizedTest
  @ValueSource(ints = {41, 64, 4096, 4097, 0x8000_0000, -1})
  void refusesAKeyThatIsTooLarge(int size) {
    int before = grantOperations.get();
    assertThat(status(CtrlRequest.TYPE_SET_HASH_KEY, ctrl.data.gref(), size, 0))
        .isEqualTo(STATUS_BUFFER_OVERFLOW);
    assertThat(grantOperations).hasValue(before);
    nothingHasChanged();
  }

  /// A key, a mapping or a list in a page that is not granted, or not any more. The reserved
  /// reference 0 is granted, for the console.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 2047, 0x7fff_ffff, -1})
  void readsNothingThatIsNotGranted(int gref) {
    assertThat(status(CtrlRequest.TYPE_SET_HASH_KEY, gref, 40, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING, gref, 5, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_ADD_GREF_MAPPING, 0, gref, 1))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_DEL_GREF_MAPPING, 0, gref, 1))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    nothingHasChanged();
  }

  /// A key, a table or a list without anything in it has no page.
  @Test
  void looksAtNoPageForNothing() {
    int before = grantOperations.get();
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING, 2047, 0, MAPPING.length);
    ctrl.demand(CtrlRequest.TYPE_ADD_GREF_MAPPING, 0, 2047, 0);
    assertThat(ctrl.demand(CtrlRequest.TYPE_DEL_GREF_MAPPING, 0, 2047, 0)).isZero();
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_KEY, 2047, 0, 0);
    assertThat(grantOperations).hasValue(before);
    ctrl.hash(KEY);
    nothingHasChanged();
  }

  /// The old key stays whole, not half of it.
  @Test
  void keepsTheOldKeyWhenTheNewOneIsRevokedInTheMiddle() {
    MemorySegment memory = villain.domain.memory().allocate(1);
    int gref = villain.domain.memory().grant(memory, 0, false);
    memory.fill((byte) 0x55);
    beforeCopy.set(() -> villain.domain.memory().revoke(gref));
    assertThat(status(CtrlRequest.TYPE_SET_HASH_KEY, gref, 40, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    beforeCopy.set(() -> {});
    nothingHasChanged();
  }

  @Test
  void needsNoMoreThanAGrantForReading() {
    MemorySegment memory = villain.domain.memory().allocate(1);
    int gref = villain.domain.memory().grant(memory, 0, true);
    MemorySegment.copy(KEY, 0, memory, ValueLayout.JAVA_BYTE, 0, 40);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_KEY, gref, 40, 0);
    MemorySegment.copy(MAPPING, 0, memory, ValueLayout.JAVA_INT, 0, MAPPING.length);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING, gref, MAPPING.length, 0);
    nothingHasChanged();
  }

  @Test
  void sizesTheMappingUpToItsBound() {
    assertThat(ctrl.demand(CtrlRequest.TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0)).isEqualTo(128);
    for (int size : new int[] {129, 1024, 0x8000_0000, -1}) {
      assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, size, 0, 0))
          .isEqualTo(STATUS_INVALID_PARAMETER);
    }
    nothingHasChanged();
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 0, 0, 0);
  }

  /// XSA-270: offset and size are each of 32 bits, and so must their sum not be.
  @ParameterizedTest
  @CsvSource({
    "2, -1",
    "2, 4",
    "5, 1",
    "6, 0",
    "128, 0",
    "1, 5",
    "0, 6",
    "0, -1",
    "5, -5",
    "1, 2147483647",
    "1, -2147483648",
    "128, -128"
  })
  void setsNothingBeyondTheTable(int size, int offset) {
    int before = grantOperations.get();
    assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), size, offset))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(grantOperations).hasValue(before);
    nothingHasChanged();
  }

  @ParameterizedTest
  @CsvSource({"129, 0", "1024, 0", "1025, 0", "-1, 0", "-1, 1", "-2147483648, 0", "-5, 5"})
  void refusesATableThatIsTooLarge(int size, int offset) {
    assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), size, offset))
        .isEqualTo(STATUS_BUFFER_OVERFLOW);
    nothingHasChanged();
  }

  @Test
  void setsNothingWithoutATable() {
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 0, 0, 0);
    assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), 1, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    ctrl.map(MAPPING);
    nothingHasChanged();
  }

  /// "between 0 and num-queues" is exclusive, wherever in the table the wrong entry is.
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 255, 256, 257, 0x1_0000, 0x8000_0000, -1})
  void leadsToNoQueueThatIsNotThere(int queue) {
    for (int at = 0; at < MAPPING.length; at++) {
      int[] bad = new int[MAPPING.length];
      bad[at] = queue;
      ctrl.putWords(bad);
      assertThat(status(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), bad.length, 0))
          .isEqualTo(STATUS_INVALID_PARAMETER);
    }
    nothingHasChanged();
  }

  /// The guest changes the table while it is judged: what was judged is what counts.
  @Test
  void copiesATableOnce() {
    ctrl.putWords(MAPPING);
    AtomicInteger copies = new AtomicInteger();
    beforeCopy.set(
        () -> {
          if (copies.getAndIncrement() > 0) {
            ctrl.putWords(99, 99, 99, 99, 99);
          }
        });
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), MAPPING.length, 0);
    beforeCopy.set(() -> {});
    assertThat(copies).hasValue(1);
    ctrl.putWords(99, 99, 99, 99, 99);
    nothingHasChanged();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 64, 0x8000_0000, -1})
  void mapsForNoQueueThatIsNotThere(int queue) {
    assertThat(status(CtrlRequest.TYPE_GET_GREF_MAPPING_SIZE, queue, 0, 0))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_ADD_GREF_MAPPING, queue, ctrl.data.gref(), 1))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_DEL_GREF_MAPPING, queue, ctrl.data.gref(), 1))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    nothingHasChanged();
  }

  @ParameterizedTest
  @ValueSource(ints = {513, 1024, 0x2000_0000, 0x8000_0000, -1})
  void takesNoListThatIsLongerThanItsPage(int count) {
    int before = grantOperations.get();
    assertThat(status(CtrlRequest.TYPE_ADD_GREF_MAPPING, 0, ctrl.data.gref(), count))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(status(CtrlRequest.TYPE_DEL_GREF_MAPPING, 0, ctrl.data.gref(), count))
        .isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(grantOperations).hasValue(before);
    nothingHasChanged();
  }

  /// A page for each of several lists, and a list in the wrong kind of page.
  @Test
  void changesNothingIfTheStatusesCannotBeWritten() {
    RawGuest.Page mapped = villain.page(false);
    ctrl.putList(List.of(new GrefEntry(mapped.gref(), 0, 0)));
    ctrl.demand(CtrlRequest.TYPE_ADD_GREF_MAPPING, 0, ctrl.data.gref(), 1);
    MemorySegment memory = villain.domain.memory().allocate(1);
    int readOnly = villain.domain.memory().grant(memory, 0, true);
    new GrefEntry(mapped.gref(), 0, 77).writeTo(memory);
    CtrlResponse response = ctrl.ask(CtrlRequest.TYPE_DEL_GREF_MAPPING, 0, readOnly, 1);
    assertThat(response.status()).isEqualTo(STATUS_INVALID_PARAMETER);
    assertThat(response.data()).isZero();
    assertThat(villain.domain.memory().revoke(mapped.gref())).isFalse();
    ctrl.putList(List.of(new GrefEntry(mapped.gref(), 0, 77)));
    assertThat(ctrl.demand(CtrlRequest.TYPE_DEL_GREF_MAPPING, 0, ctrl.data.gref(), 1)).isEqualTo(1);
    assertThat(villain.domain.memory().revoke(mapped.gref())).isTrue();
    nothingHasChanged();
  }

  /// Entries of a list that refuse the whole of it.
  @Test
  void mapsAllOfAListOrNothing() {
    List<GrefEntry> good = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      good.add(new GrefEntry(villain.page(false).gref(), i & 1, 0x5555));
    }
    MemorySegment memory = villain.domain.memory().allocate(1);
    int readOnly = villain.domain.memory().grant(memory, 0, true);
    int foreign = villain.domain.memory().grant(memory, 5, false);
    for (GrefEntry bad :
        List.of(
            good.get(3),
            new GrefEntry(good.get(4).ref(), 1, 0),
            new GrefEntry(readOnly, 0, 0),
            new GrefEntry(foreign, 0, 0),
            new GrefEntry(2, 0, 0),
            new GrefEntry(-1, 1, 0),
            new GrefEntry(villain.page(false).gref(), 2, 0),
            new GrefEntry(villain.page(false).gref(), 0xffff, 0))) {
      for (int at : new int[] {0, 10, 20}) {
        List<GrefEntry> list = new ArrayList<>(good);
        list.add(at, bad);
        ctrl.putList(list);
        assertThat(status(CtrlRequest.TYPE_ADD_GREF_MAPPING, 1, ctrl.data.gref(), list.size()))
            .isEqualTo(STATUS_INVALID_PARAMETER);
        house.advance(100_000_000);
      }
    }
    // None of them is mapped: each can be revoked.
    for (GrefEntry entry : good) {
      assertThat(villain.domain.memory().revoke(entry.ref())).isTrue();
    }
    nothingHasChanged();
  }

  @ParameterizedTest
  @ValueSource(ints = {129, 200, 0x8000_0000, -1})
  void givesUpADeviceWhoseRingClaimsMoreThanItHolds(int ahead) {
    SharedIndices.putReqProd(ctrl.ringPage.memory(), ctrl.ring.reqProdPvt() + ahead);
    ctrl.channel.notifyPeer();
    house.settle();
    assertThat(villain.failures).singleElement().asString().contains("broken ring: req_prod");
    assertThat(villain.statistics().connected()).isFalse();
    villain.vif.disconnect();
    house.settle();
    assertThat(villain.isUnmapped()).isTrue();
    villain.resetRings();
    villain.connect();
    ctrl.hash(KEY);
    ctrl.map(MAPPING);
    villain.failures.clear();
    nothingHasChanged();
  }

  /// A full ring is answered to its end, in order, though not in one go.
  @Test
  void answersAFullRing() {
    List<Integer> ids = new ArrayList<>();
    for (int i = 0; i < 128; i++) {
      ids.add(ctrl.put(i % 12, 0xdead, 0xbeef, 0xcafe));
    }
    ctrl.push();
    house.settle();
    assertThat(ctrl.responses()).extracting(CtrlResponse::id).containsExactlyElementsOf(ids);
    nothingHasChanged();
  }

  /// XSA-216: the response is shorter than its slot; nothing of ours is in the rest.
  @Test
  void leavesNothingOfItsOwnInAResponsesSlot() {
    int slot = ctrl.ring.reqProdPvt() & 127;
    ctrl.ask(CtrlRequest.TYPE_GET_HASH_MAPPING_SIZE, -1, -1, -1);
    byte[] octets =
        ctrl.ringPage.memory().asSlice(64 + slot * 16L, 16).toArray(ValueLayout.JAVA_BYTE);
    assertThat(Arrays.copyOfRange(octets, 4, 16))
        .containsExactly(0, 0, 0, 0, (byte) 128, 0, 0, 0, 0, 0, 0, 0);
    nothingHasChanged();
  }

  /// What a request costs the backend is rationed: a guest that asks without pause waits, in its
  /// ring.
  @Test
  void makesAGuestWaitThatAsksTooMuch() {
    int answered = 0;
    for (int i = 0; i < 2000; i++) {
      if (ctrl.ring.freeRequests() > 0) {
        ctrl.put(CtrlRequest.TYPE_SET_HASH_KEY, ctrl.data.gref(), 40, 0);
        ctrl.push();
      }
      house.settle();
      answered += ctrl.responses().size();
    }
    assertThat(answered).isBetween(200, 260);
    house.advance(1_000_000_000L);
    answered = ctrl.responses().size();
    assertThat(answered).isEqualTo(128);
    assertThat(villain.failures).isEmpty();
    house.advance(1_000_000_000L);
    ctrl.hash(KEY);
    nothingHasChanged();
  }

  /// XSA-332: its channel is slowed down, as any is, and the next request waits a moment for that.
  @Test
  void answersAGuestThatHasNotifiedWithoutNeed() {
    for (int i = 0; i < 1000; i++) {
      ctrl.channel.notifyPeer();
      house.settle();
    }
    ctrl.put(CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0);
    ctrl.push();
    house.advance(2_000_000_000L);
    assertThat(ctrl.responses())
        .singleElement()
        .satisfies(response -> assertThat(response.status()).isEqualTo(STATUS_SUCCESS));
    nothingHasChanged();
  }
}
