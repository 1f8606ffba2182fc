package org.netback.netif;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// The control ring of a [RawGuest], as free of manners: puts what a test tells it to.
final class RawCtrl {
  final RawGuest.Page ringPage;

  /// For keys, mappings and lists.
  final RawGuest.Page data;

  FrontRing ring;
  final EventChannel channel;
  int events;
  private final House house;
  private final RawGuest guest;
  private final int ringStart;
  private int nextId = 40_000;

  RawCtrl(House house, RawGuest guest, int ringStart) {
    this.house = house;
    this.guest = guest;
    this.ringStart = ringStart;
    ringPage = guest.page(false);
    data = guest.page(false);
    ring = FrontRing.initialiseAt(ringPage.memory(), CtrlRequest.SIZE, ringStart);
    try {
      channel = guest.domain.events().allocate(0, house.guestLoop, () -> events++ >= 0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    publish();
  }

  void publish() {
    guest.write("ctrl-ring-ref", Integer.toString(ringPage.gref()));
    guest.write("event-channel-ctrl", Integer.toString(channel.port()));
  }

  void reset() {
    ring = FrontRing.initialiseAt(ringPage.memory(), CtrlRequest.SIZE, ringStart);
  }

  /// Puts a request without telling anybody.
  ///
  /// @return its id
  int put(int type, int data0, int data1, int data2) {
    int id = nextId++ & 0xffff;
    ring.putRequest(new CtrlRequest(id, type, data0, data1, data2));
    return id;
  }

  void push() {
    if (ring.push()) {
      channel.notifyPeer();
    }
  }

  List<CtrlResponse> responses() {
    List<CtrlResponse> responses = new ArrayList<>();
    try {
      while (ring.finalCheck()) {
        responses.add(CtrlResponse.read(ring.copyResponse()));
      }
    } catch (RingViolation e) {
      throw new AssertionError("the backend broke the ring", e);
    }
    return responses;
  }

  /// Asks one thing and gets its answer.
  CtrlResponse ask(int type, int data0, int data1, int data2) {
    int id = put(type, data0, data1, data2);
    push();
    house.settle();
    List<CtrlResponse> responses = responses();
    if (responses.size() != 1
        || responses.getFirst().id() != id
        || responses.getFirst().type() != type) {
      throw new AssertionError("request " + id + " of type " + type + " answered " + responses);
    }
    return responses.getFirst();
  }

  /// Asks what must succeed.
  ///
  /// @return the response's data
  int demand(int type, int data0, int data1, int data2) {
    CtrlResponse response = ask(type, data0, data1, data2);
    if (response.status() != CtrlResponse.STATUS_SUCCESS) {
      throw new AssertionError("request of type " + type + " answered " + response);
    }
    return response.data();
  }

  void putKey(byte... key) {
    MemorySegment.copy(key, 0, data.memory(), ValueLayout.JAVA_BYTE, 0, key.length);
  }

  void putWords(int... words) {
    MemorySegment.copy(words, 0, data.memory(), ValueLayout.JAVA_INT, 0, words.length);
  }

  void putList(List<GrefEntry> entries) {
    for (int i = 0; i < entries.size(); i++) {
      entries.get(i).writeTo(data.memory().asSlice(i * 8L, 8));
    }
  }

  GrefEntry entry(int i) {
    return GrefEntry.read(data.memory().asSlice(i * 8L, 8));
  }

  /// Switches Toeplitz hashing of all types on.
  void hash(byte... key) {
    demand(CtrlRequest.TYPE_SET_HASH_ALGORITHM, CtrlRequest.HASH_ALGORITHM_TOEPLITZ, 0, 0);
    putKey(key);
    demand(CtrlRequest.TYPE_SET_HASH_KEY, data.gref(), key.length, 0);
    demand(CtrlRequest.TYPE_SET_HASH_FLAGS, 15, 0, 0);
  }

  void map(int... queues) {
    demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, queues.length, 0, 0);
    remap(queues);
  }

  void remap(int... queues) {
    putWords(queues);
    demand(CtrlRequest.TYPE_SET_HASH_MAPPING, data.gref(), queues.length, 0);
  }

  /// Whether the backend has let go of the ring.
  boolean isUnmapped() {
    if (!guest.domain.memory().revoke(ringPage.gref())) {
      return false;
    }
    if (guest.domain.memory().grant(ringPage.memory(), 0, false) != ringPage.gref()) {
      throw new AssertionError("references are handed out in another order than they came");
    }
    return true;
  }
}
