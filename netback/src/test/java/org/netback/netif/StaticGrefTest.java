package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.vswitch.DropReason;
import org.netback.xen.grant.DeferredGrantTable;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;

/// Pages that a guest has had mapped for good.
final class StaticGrefTest {
  private static final int SUCCESS = CtrlResponse.STATUS_SUCCESS;
  private static final int INVALID = CtrlResponse.STATUS_INVALID_PARAMETER;

  private final AtomicInteger copied = new AtomicInteger();
  private final AtomicInteger mapped = new AtomicInteger();
  private boolean mapFails;
  private final House house = new House(Grants::new, UnaryOperator.identity());
  private RawGuest guest;
  private RawCtrl ctrl;
  private RawGuest.Queue queue;

  private final class Grants implements GrantTable {
    private final GrantTable grants;

    Grants(GrantTable grants) {
      this.grants = grants;
    }

    @Override
    public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
      if (mapFails) {
        throw new GrantException(domid, grefs[0], GrantStatus.GENERAL_ERROR, "no room");
      }
      GrantMapping mapping = grants.map(domid, grefs, readOnly);
      mapped.addAndGet(grefs.length);
      AtomicInteger open = new AtomicInteger(grefs.length);
      return new GrantMapping() {
        @Override
        public MemorySegment memory() {
          return mapping.memory();
        }

        @Override
        public void close() {
          mapped.addAndGet(-open.getAndSet(0));
          mapping.close();
        }
      };
    }

    @Override
    public GrantCopies copies(int capacity) {
      // As on a real Xen, where nothing is copied before it is asked for.
      return new InterposedGrantTable(
              new DeferredGrantTable(grants, () -> false), copied::incrementAndGet)
          .copies(capacity);
    }
  }

  @BeforeEach
  void connect() {
    guest = house.guest(-60);
    guest.useQueues(2);
    ctrl = guest.ctrl();
    guest.connect();
    queue = guest.queue();
  }

  @AfterEach
  void close() {
    house.close();
    assertThat(mapped).hasValue(0);
  }

  private int add(int toQueue, List<GrefEntry> entries) {
    ctrl.putList(entries);
    return ctrl.ask(CtrlRequest.TYPE_ADD_GREF_MAPPING, toQueue, ctrl.data.gref(), entries.size())
        .status();
  }

  private CtrlResponse delete(int ofQueue, List<GrefEntry> entries) {
    ctrl.putList(entries);
    return ctrl.ask(CtrlRequest.TYPE_DEL_GREF_MAPPING, ofQueue, ctrl.data.gref(), entries.size());
  }

  private List<RawGuest.Page> pages(int count) {
    List<RawGuest.Page> pages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      pages.add(guest.page(false));
    }
    return pages;
  }

  private static List<GrefEntry> entries(List<RawGuest.Page> pages, int flags) {
    return pages.stream().map(page -> new GrefEntry(page.gref(), flags, 0x7777)).toList();
  }

  private void sendFrom(RawGuest.Page page, byte[] frame) {
    MemorySegment.copy(MemorySegment.ofArray(frame), 0, page.memory(), 0, frame.length);
    queue.put(new TxRequest(page.gref(), 0, 0, 7, frame.length));
    queue.push();
    house.settle();
  }

  private boolean revoke(RawGuest.Page page) {
    return guest.domain.memory().revoke(page.gref());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, GrefEntry.READONLY})
  void takesFramesFromMappedPagesWithoutAGrantOperation(int flags) {
    List<RawGuest.Page> pages = pages(20);
    assertThat(add(0, entries(pages, flags))).isEqualTo(SUCCESS);
    int before = copied.get();
    for (RawGuest.Page page : pages) {
      byte[] frame = Frames.udp(1, 9, 60 + page.gref());
      sendFrom(page, frame);
      assertThat(queue.statuses()).containsExactly(0);
      assertThat(house.sink.take())
          .singleElement()
          .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
    }
    assertThat(copied).hasValue(before);
    assertThat(guest.tx().mappedCopies()).isEqualTo(20);
  }

  /// What needs a grant operation and what does not, in one packet.
  @Test
  void mixesMappedAndOtherPagesInAPacket() {
    List<RawGuest.Page> pages = pages(3);
    add(0, entries(pages, 1));
    byte[] frame = Frames.udp(1, 9, 3000);
    Random random = new Random(3);
    int mappedSlots = 0;
    for (int round = 0; round < 100; round++) {
      List<Integer> cuts = List.of(14 + random.nextInt(900), 1000 + random.nextInt(900));
      int[] at = {0, cuts.get(0), cuts.get(1), 3000};
      int others = 0;
      for (int i = 0; i < 3; i++) {
        boolean isMapped = random.nextBoolean();
        others += isMapped ? 0 : 1;
        RawGuest.Page page = isMapped ? pages.get(i) : guest.page(true);
        MemorySegment.copy(
            MemorySegment.ofArray(frame), at[i], page.memory(), 96 + i, at[i + 1] - at[i]);
        queue.put(
            new TxRequest(
                page.gref(),
                96 + i,
                i < 2 ? TxRequest.MORE_DATA : 0,
                i,
                i == 0 ? 3000 : at[i + 1] - at[i]));
      }
      mappedSlots += 3 - others;
      int before = copied.get();
      queue.push();
      house.settle();
      assertThat(queue.statuses()).containsExactly(0, 0, 0);
      assertThat(copied).hasValue(before + others);
      assertThat(house.sink.take())
          .singleElement()
          .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
    }
    assertThat(guest.tx().mappedCopies()).isEqualTo(mappedSlots);
  }

  /// XSA-365: the rest of a packet of which a part cannot be read is not sent on.
  @Test
  void dropsAPacketOfWhichAnUnmappedPartCannotBeRead() {
    List<RawGuest.Page> pages = pages(1);
    add(0, entries(pages, 1));
    byte[] frame = Frames.udp(1, 9, 60);
    MemorySegment.copy(MemorySegment.ofArray(frame), 0, pages.getFirst().memory(), 0, frame.length);
    queue.put(new TxRequest(pages.getFirst().gref(), 0, TxRequest.MORE_DATA, 1, 100));
    queue.put(new TxRequest(2047, 0, 0, 2, 40));
    queue.put(new TxRequest(2047, 0, TxRequest.MORE_DATA, 3, 100));
    queue.put(new TxRequest(pages.getFirst().gref(), 0, 0, 4, 40));
    sendFrom(guest.page(false), frame);
    assertThat(queue.statuses()).containsExactly(0, -1, -1, -1, 0);
    assertThat(house.sink.take()).hasSize(1);
    assertThat(guest.tx().copyFailures()).isEqualTo(2);
  }

  @Test
  void deliversIntoMappedPagesWithoutAGrantOperation() {
    ctrl.hash(Oracle.KEY);
    ctrl.map(0);
    List<RawGuest.Page> pages = pages(40);
    assertThat(add(0, entries(pages, 0))).isEqualTo(SUCCESS);
    for (int i = 0; i < 40; i++) {
      queue.postPage(pages.get(i), 300 + (queue.rx.reqProdPvt() & 0xff));
    }
    queue.pushRx();
    RawGuest sender = house.guest().connect();
    byte[] frame = Frames.blankTcp(false, 2, 1, 60000);
    int before = copied.get();
    ExtraInfo.Gso gso = new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
    sender.queue().send(frame, 4096, TxRequest.CSUM_BLANK, gso);
    house.settle();
    // The sender's fifteen pages, of which the first in two: its head, to see where it goes.
    assertThat(copied).hasValue(before + 16);
    assertThat(queue.receive())
        .singleElement()
        .satisfies(
            received -> {
              assertThat(received.octets()).isEqualTo(frame);
              assertThat(received.hash()).isPresent();
            });
    assertThat(guest.rx().mappedCopies()).isEqualTo(15);
  }

  /// A frame of which only the head is private, and nobody else has asked for the rest.
  @Test
  void deliversLongFramesIntoMappedPages() {
    ctrl.hash(Oracle.KEY);
    ctrl.map(0);
    sendFrom(guest.page(false), Frames.udp(1, 9, 60));
    // One more for each frame's hash.
    List<RawGuest.Page> pages = pages(8);
    assertThat(add(0, entries(pages, 0))).isEqualTo(SUCCESS);
    for (RawGuest.Page page : pages) {
      queue.postPage(page, 300 + (queue.rx.reqProdPvt() & 0xff));
    }
    queue.pushRx();
    RawGuest sender = house.guest().connect();
    byte[] frame = Frames.udp(2, 1, 12000);
    sender.queue().send(frame, 4096, 0);
    sender.queue().send(frame, 3000, 0);
    house.sink.take();
    house.settle();
    assertThat(house.sink.take()).isEmpty();
    assertThat(queue.receive())
        .hasSize(2)
        .allSatisfy(received -> assertThat(received.octets()).isEqualTo(frame));
    assertThat(guest.rx().mappedCopies()).isEqualTo(6);
  }

  /// A page that may only be read is no buffer: that slot fails, the frame with it, the ring goes
  /// on.
  @Test
  void failsASlotWhoseMappedPageMayNotBeWritten() {
    ctrl.hash(Oracle.KEY);
    ctrl.map(0);
    List<RawGuest.Page> pages = pages(2);
    add(0, entries(pages, GrefEntry.READONLY));
    pages.forEach(page -> page.memory().fill((byte) 0x5a));
    queue.postPage(pages.get(0), 1);
    queue.postPage(guest.page(false), 2);
    queue.postPage(pages.get(1), 3);
    queue.postPage(guest.page(false), 4);
    queue.postPage(guest.page(false), 5);
    queue.postPage(guest.page(false), 6);
    queue.postPage(guest.page(false), 7);
    queue.pushRx();
    RawGuest sender = house.guest().connect();
    sender.queue().send(Frames.udp(2, 1, 8000), 4096, 0);
    sender.queue().send(Frames.udp(2, 1, 60), 4096, 0);
    house.settle();
    List<RxResponse> slots = queue.rxResponses();
    assertThat(slots.stream().map(RxResponse::status).toList().get(0)).isEqualTo(RxResponse.ERROR);
    assertThat(slots.get(2).status()).isEqualTo(RxResponse.ERROR);
    assertThat(slots).hasSize(5);
    assertThat(slots.get(3).status()).isEqualTo(60);
    assertThat(pages.get(0).memory().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0))
        .isEqualTo((byte) 0x5a);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.DELIVERY_FAILED, 1L);
    assertThat(guest.failures).isEmpty();
  }

  @Test
  void tellsHowManyPagesItMaps() {
    assertThat(ctrl.demand(CtrlRequest.TYPE_GET_GREF_MAPPING_SIZE, 0, 0, 0)).isEqualTo(512);
    assertThat(ctrl.demand(CtrlRequest.TYPE_GET_GREF_MAPPING_SIZE, 1, 0, 0)).isEqualTo(512);
    assertThat(add(1, List.of())).isEqualTo(SUCCESS);
    assertThat(delete(1, List.of()).data()).isZero();
  }

  @Test
  void mapsAWholePageOfEntriesAndNotOneMore() {
    List<RawGuest.Page> pages = pages(512);
    assertThat(add(0, entries(pages, 0))).isEqualTo(SUCCESS);
    RawGuest.Page more = guest.page(false);
    assertThat(add(0, entries(List.of(more), 0))).isEqualTo(INVALID);
    // Each queue has a table of its own.
    assertThat(add(1, entries(List.of(more), 0))).isEqualTo(SUCCESS);
    CtrlResponse deleted = delete(0, entries(pages, 0));
    assertThat(deleted.status()).isEqualTo(SUCCESS);
    assertThat(deleted.data()).isEqualTo(512);
    assertThat(add(0, entries(List.of(more), 0))).isEqualTo(SUCCESS);
  }

  /// What is mapped cannot be taken back; what was given up can.
  @Test
  void givesUpEntryByEntry() {
    List<RawGuest.Page> pages = pages(10);
    add(0, entries(pages.subList(0, 5), 0));
    add(0, entries(pages.subList(5, 8), 1));
    pages.subList(0, 8).forEach(page -> assertThat(revoke(page)).isFalse());
    List<GrefEntry> list =
        List.of(
            new GrefEntry(pages.get(1).gref(), 0, 0x1234),
            new GrefEntry(pages.get(9).gref(), 0, 0x1234),
            new GrefEntry(pages.get(6).gref(), 1, 0x1234),
            new GrefEntry(pages.get(1).gref(), 0, 0x1234),
            new GrefEntry(-1, 0xffff, 0x1234));
    CtrlResponse response = delete(0, list);
    assertThat(response.status()).isEqualTo(SUCCESS);
    assertThat(response.data()).isEqualTo(2);
    assertThat(List.of(0, 1, 2, 3, 4).stream().map(i -> ctrl.entry(i).status()).toList())
        .containsExactly(SUCCESS, INVALID, SUCCESS, INVALID, INVALID);
    for (int i = 0; i < 5; i++) {
      assertThat(ctrl.entry(i).ref()).isEqualTo(list.get(i).ref());
      assertThat(ctrl.entry(i).flags()).isEqualTo(list.get(i).flags());
    }
    assertThat(revoke(pages.get(1))).isTrue();
    assertThat(revoke(pages.get(6))).isTrue();
    for (int i : new int[] {0, 2, 3, 4, 5, 7}) {
      assertThat(revoke(pages.get(i))).isFalse();
    }
    assertThat(mapped.get()).isEqualTo(6 + 5);
    // The others are still mapped, and hold what they held.
    int before = copied.get();
    sendFrom(pages.get(2), Frames.udp(1, 9, 77));
    sendFrom(pages.get(7), Frames.udp(1, 9, 78));
    assertThat(queue.statuses()).containsExactly(0, 0);
    assertThat(house.sink.take()).hasSize(2);
    assertThat(copied).hasValue(before);
  }

  /// Requests that name a page outlive its mapping: they go by grant copy, or fail if it is
  /// revoked.
  @Test
  void goesOnWithGrantCopiesOfWhatWasGivenUpWhileInUse() {
    List<RawGuest.Page> pages = pages(4);
    add(0, entries(pages, 0));
    ctrl.hash(Oracle.KEY);
    ctrl.map(0);
    queue.postPage(pages.get(0), 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.postPage(pages.get(1), 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.pushRx();
    assertThat(delete(0, entries(pages, 0)).data()).isEqualTo(4);
    RawGuest sender = house.guest().connect();
    sender.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(queue.receive()).hasSize(1);
    sendFrom(pages.get(2), Frames.udp(1, 9, 60));
    assertThat(queue.statuses()).containsExactly(0);
    assertThat(guest.tx().mappedCopies()).isZero();
    assertThat(revoke(pages.get(3))).isTrue();
    sendFrom(pages.get(3), Frames.udp(1, 9, 60));
    assertThat(queue.statuses()).containsExactly(-1);
  }

  /// Tables of any content, changed at random, know what a plain set knows.
  @Test
  void keepsTrackThroughAnyNumberOfChanges() {
    List<RawGuest.Page> pages = pages(60);
    boolean[] known = new boolean[60];
    Random random = new Random(11);
    for (int round = 0; round < 150; round++) {
      boolean adds = random.nextBoolean();
      List<RawGuest.Page> some = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        if (known[i] != adds && random.nextInt(4) == 0) {
          some.add(pages.get(i));
          known[i] = adds;
        }
      }
      if (adds) {
        assertThat(add(0, entries(some, random.nextInt(2)))).isEqualTo(SUCCESS);
      } else {
        assertThat(delete(0, entries(some, 0)).data()).isEqualTo(some.size());
      }
      house.advance(100_000_000);
      int at = random.nextInt(60);
      int before = copied.get();
      sendFrom(pages.get(at), Frames.udp(1, 9, 60));
      assertThat(queue.statuses()).containsExactly(0);
      assertThat(copied.get() - before).isEqualTo(known[at] ? 0 : 1);
    }
  }

  /// XSA-371: also what a refused list had mapped already.
  @Test
  void keepsNothingOfAListThatTheGroundRefuses() {
    int rings = mapped.get();
    List<GrefEntry> list = new ArrayList<>(entries(pages(5), 1));
    list.add(new GrefEntry(2047, 0, 0));
    assertThat(add(0, list)).isEqualTo(INVALID);
    assertThat(mapped).hasValue(rings);
    mapFails = true;
    assertThat(add(0, list.subList(0, 5))).isEqualTo(INVALID);
    mapFails = false;
    assertThat(mapped).hasValue(rings);
    assertThat(add(0, list.subList(0, 5))).isEqualTo(SUCCESS);
  }

  /// If what stays cannot be mapped anew, it goes by grant copy; what was asked for is done.
  @Test
  void doesWithoutWhatCannotBeMappedAnew() {
    List<RawGuest.Page> pages = pages(5);
    add(0, entries(pages, 0));
    mapFails = true;
    CtrlResponse response = delete(0, entries(pages.subList(0, 2), 0));
    mapFails = false;
    assertThat(response.data()).isEqualTo(2);
    sendFrom(pages.get(3), Frames.udp(1, 9, 60));
    assertThat(queue.statuses()).containsExactly(0);
    assertThat(guest.tx().mappedCopies()).isZero();
    assertThat(add(0, entries(pages, 0))).isEqualTo(SUCCESS);
  }

  @Test
  void letsGoOfEverythingAtDisconnect() {
    List<RawGuest.Page> pages = pages(300);
    add(0, entries(pages.subList(0, 100), 0));
    add(1, entries(pages.subList(100, 200), 1));
    add(1, entries(pages.subList(200, 300), 0));
    guest.vif.disconnect();
    assertThat(mapped).hasValue(0);
    pages.forEach(page -> assertThat(revoke(page)).isTrue());
    house.settle();
    // Granted in the order in which the references were given back, so the rings' are theirs again.
    assertThat(guest.isUnmapped()).isTrue();
  }

  /// A device that was given up lets go of them too.
  @Test
  void letsGoOfEverythingWhenTheRingIsBroken() {
    List<RawGuest.Page> pages = pages(10);
    add(0, entries(pages, 0));
    queue.put(new TxRequest(pages.getFirst().gref(), 4095, 0, 1, 60));
    queue.push();
    house.settle();
    assertThat(guest.failures).hasSize(1);
    guest.vif.disconnect();
    assertThat(mapped).hasValue(0);
  }
}
