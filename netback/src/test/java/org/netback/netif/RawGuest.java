package org.netback.netif;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.embedded.BareDomain;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.store.StoreException;

/// A frontend without manners: puts into rings, pages and store what a test tells it to.
final class RawGuest implements AutoCloseable {
  /// A page that is granted to the backend.
  record Page(MemorySegment memory, int gref) {}

  /// A frame from the backend, put together again.
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  record Received(
      byte[] octets, int flags, int gsoType, int gsoSize, Optional<ExtraInfo.Hash> hash) {}

  /// One pair of rings, with their channels.
  final class Queue {
    final Page txPage = page(false);
    final Page rxPage = page(false);
    FrontRing tx = FrontRing.initialiseAt(txPage.memory(), TxRequest.SIZE, ringStart);
    FrontRing rx = FrontRing.initialiseAt(rxPage.memory(), RxRequest.SIZE, ringStart);
    final EventChannel txChannel;
    final EventChannel rxChannel;
    int txEvents;
    int rxEvents;

    /// What is posted, by slot.
    final Map<Integer, Page> posted = new HashMap<>();

    private final Deque<Page> spare = new ArrayDeque<>();
    private int nextId;

    Queue() {
      try {
        txChannel = domain.events().allocate(0, house.guestLoop, () -> txEvents++ >= 0);
        rxChannel = domain.events().allocate(0, house.guestLoop, () -> rxEvents++ >= 0);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    void put(RingMessage message) {
      tx.putRequest(message);
    }

    /// Publishes what was put, and notifies if it is asked for.
    void push() {
      if (tx.push()) {
        txChannel.notifyPeer();
      }
    }

    /// Sends a frame, in fragments of up to some octets, each at the end of a page of its own.
    ///
    /// @return ids of the slots; -1 for extras
    List<Integer> send(byte[] frame, int fragment, int flags, RingMessage... extras) {
      List<Integer> ids = new ArrayList<>();
      for (int at = 0; at < frame.length; at += fragment) {
        int length = Math.min(fragment, frame.length - at);
        Page page = page(true);
        int offset = 4096 - length;
        MemorySegment.copy(MemorySegment.ofArray(frame), at, page.memory(), offset, length);
        int id = nextId++ & 0xffff;
        ids.add(id);
        int slotFlags = at + fragment < frame.length ? TxRequest.MORE_DATA : 0;
        if (at == 0) {
          slotFlags |= flags | (extras.length > 0 ? TxRequest.EXTRA_INFO : 0);
          put(new TxRequest(page.gref(), offset, slotFlags, id, frame.length));
          for (RingMessage extra : extras) {
            put(extra);
            ids.add(-1);
          }
        } else {
          put(new TxRequest(page.gref(), offset, slotFlags, id, length));
        }
      }
      push();
      return ids;
    }

    /// Sends a frame in one slot.
    void send(byte[] frame) {
      send(frame, 4096, 0);
    }

    List<TxResponse> responses() {
      List<TxResponse> responses = new ArrayList<>();
      try {
        while (tx.finalCheck()) {
          responses.add(TxResponse.read(tx.copyResponse()));
        }
      } catch (RingViolation e) {
        throw new AssertionError("the backend broke the ring", e);
      }
      return responses;
    }

    List<Integer> statuses() {
      return responses().stream().map(TxResponse::status).toList();
    }

    /// Posts buffers to receive into; their ids are past 256, as Windows' are.
    void post(int buffers) {
      for (int i = 0; i < buffers; i++) {
        Page page = spare.isEmpty() ? page(false) : spare.pop();
        postPage(page, 300 + (rx.reqProdPvt() & 0xff));
      }
      pushRx();
    }

    void postPage(Page page, int id) {
      posted.put(rx.reqProdPvt() & 0xff, page);
      rx.putRequest(new RxRequest(id, page.gref()));
    }

    void pushRx() {
      if (rx.push()) {
        rxChannel.notifyPeer();
      }
    }

    /// Takes all responses as they are.
    List<RxResponse> rxResponses() {
      List<RxResponse> responses = new ArrayList<>();
      try {
        while (rx.finalCheck()) {
          responses.add(RxResponse.read(rx.copyResponse()));
        }
      } catch (RingViolation e) {
        throw new AssertionError("the backend broke the ring", e);
      }
      return responses;
    }

    /// Puts all frames together that have come; every slot must be right.
    List<Received> receive() {
      List<Received> frames = new ArrayList<>();
      try {
        while (rx.finalCheck()) {
          frames.add(receiveOne());
        }
      } catch (RingViolation e) {
        throw new AssertionError("the backend broke the ring", e);
      }
      return frames;
    }

    private Received receiveOne() throws RingViolation {
      byte[] octets = new byte[65536];
      int length = 0;
      int gsoType = 0;
      int gsoSize = 0;
      int flags = 0;
      Optional<ExtraInfo.Hash> hash = Optional.empty();
      boolean first = true;
      boolean more;
      do {
        int slot = rx.rspCons() & 0xff;
        RxResponse response = RxResponse.read(rx.copyResponse());
        if (response.id() != 300 + slot) {
          throw new AssertionError("id " + response.id() + " in slot " + slot);
        }
        if (response.status() < 0) {
          throw new AssertionError("status " + response.status());
        }
        Page page = taken(slot);
        MemorySegment.copy(
            page.memory(),
            ValueLayout.JAVA_BYTE,
            response.offset(),
            octets,
            length,
            response.status());
        length += response.status();
        if (first) {
          flags = response.flags();
          boolean extra = response.extraInfo();
          while (extra) {
            taken(rx.rspCons() & 0xff);
            ExtraInfo info = ExtraInfo.read(rx.copyResponse());
            if (hash.isPresent()) {
              throw new AssertionError("a hash is always the last extra: " + info);
            }
            switch (info) {
              case ExtraInfo.Gso gso -> {
                gsoSize = gso.size();
                gsoType = gso.gsoType();
              }
              case ExtraInfo.Hash found -> hash = Optional.of(found);
              default -> throw new AssertionError("extra " + info);
            }
            extra = info.more();
          }
        }
        first = false;
        more = response.moreData();
      } while (more);
      return new Received(java.util.Arrays.copyOf(octets, length), flags, gsoType, gsoSize, hash);
    }

    private Page taken(int slot) {
      Page page = posted.remove(slot);
      if (page == null) {
        throw new AssertionError("nothing is posted in slot " + slot);
      }
      spare.push(page);
      return page;
    }
  }

  final BareDomain domain;
  final Vif vif;
  final DeviceId id;
  final List<Queue> queues = new ArrayList<>();
  final List<String> failures = new ArrayList<>();
  private final House house;
  private final int ringStart;
  private final String path;
  private final String backendPath;
  private final Deque<Page> txPages = new ArrayDeque<>();
  private int txPagesMade;
  private Optional<RawCtrl> ctrl = Optional.empty();

  /// @param mtu the toolstack's key if it is not there yet, empty for none
  RawGuest(House house, BareDomain domain, int ringStart, String mtu) throws DeviceException {
    this.house = house;
    this.domain = domain;
    this.ringStart = ringStart;
    this.id = new DeviceId("vif", domain.domid(), 0);
    this.path = "/local/domain/" + domain.domid() + "/device/vif/0";
    this.backendPath = "/local/domain/0/backend/vif/" + domain.domid() + "/0";
    if (house.store.read(backendPath + "/mtu").isEmpty()) {
      writeBackend("mtu", mtu);
    }
    writeBackend("state", XenbusState.INIT_WAIT.text());
    this.vif =
        house.backend.create(
            new BackendDevice(
                id,
                house.store,
                Hypervisor.BACKEND_DOMID,
                path,
                house.backend.deviceClass().bounds(),
                failures::add));
    queues.add(new Queue());
    write("request-rx-copy", "1");
    write("feature-rx-notify", "1");
    write("feature-sg", "1");
    write("feature-gso-tcpv4", "1");
    write("feature-gso-tcpv6", "1");
    write("feature-ipv6-csum-offload", "1");
    publishRings();
  }

  /// The guest's control ring, published when it is first asked for.
  RawCtrl ctrl() {
    RawCtrl made = ctrl.orElseGet(() -> new RawCtrl(house, this, ringStart));
    ctrl = Optional.of(made);
    return made;
  }

  Queue queue() {
    return queues.get(0);
  }

  void write(String key, String value) {
    house.store.write(path + '/' + key, value);
  }

  /// Writes a key of the backend directory, as the toolstack does.
  void writeBackend(String key, String value) {
    house.store.write(backendPath + '/' + key, value);
  }

  void remove(String key) {
    house.store.remove(path + '/' + key);
  }

  /// Makes more queues and publishes their rings in place of the one queue's.
  void useQueues(int count) {
    while (queues.size() < count) {
      queues.add(new Queue());
    }
    for (String key :
        List.of("tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx")) {
      remove(key);
    }
    publishRings();
  }

  /// Writes references and channels of all queues.
  void publishRings() {
    if (queues.size() > 1) {
      write("multi-queue-num-queues", Integer.toString(queues.size()));
    }
    for (int i = 0; i < queues.size(); i++) {
      String prefix = queues.size() == 1 ? "" : "queue-" + i + '/';
      Queue queue = queues.get(i);
      write(prefix + "tx-ring-ref", Integer.toString(queue.txPage.gref()));
      write(prefix + "rx-ring-ref", Integer.toString(queue.rxPage.gref()));
      write(prefix + "event-channel-tx", Integer.toString(queue.txChannel.port()));
      write(prefix + "event-channel-rx", Integer.toString(queue.rxChannel.port()));
    }
  }

  RawGuest connect() {
    try {
      vif.connect();
    } catch (DeviceException | StoreException e) {
      throw new AssertionError("connect", e);
    }
    house.settle();
    return this;
  }

  /// New rings in the same pages, as after a reset.
  void resetRings() {
    for (Queue queue : queues) {
      queue.tx = FrontRing.initialiseAt(queue.txPage.memory(), TxRequest.SIZE, ringStart);
      queue.rx = FrontRing.initialiseAt(queue.rxPage.memory(), RxRequest.SIZE, ringStart);
      queue.spare.addAll(queue.posted.values());
      queue.posted.clear();
    }
    ctrl.ifPresent(RawCtrl::reset);
  }

  /// A granted page.
  ///
  /// @param again pages are handed out in turn, and come again after 256
  Page page(boolean again) {
    if (again && txPagesMade >= 256) {
      Page page = txPages.removeFirst();
      txPages.addLast(page);
      return page;
    }
    MemorySegment memory = domain.memory().allocate(1);
    Page page = new Page(memory, domain.memory().grant(memory, 0, false));
    if (again) {
      txPagesMade++;
      txPages.addLast(page);
    }
    return page;
  }

  /// Whether the backend has let go of the rings.
  boolean isUnmapped() {
    for (Queue queue : queues) {
      for (Page page : List.of(queue.txPage, queue.rxPage)) {
        if (!domain.memory().revoke(page.gref())) {
          return false;
        }
        if (domain.memory().grant(page.memory(), 0, false) != page.gref()) {
          throw new AssertionError("references are handed out in another order than they came");
        }
      }
    }
    return ctrl.map(RawCtrl::isUnmapped).orElse(true);
  }

  VifStatistics statistics() {
    return vif.statistics();
  }

  QueueStatistics.Tx tx() {
    return statistics().queues().get(0).tx();
  }

  QueueStatistics.Rx rx() {
    return statistics().queues().get(0).rx();
  }

  @Override
  public void close() {
    vif.remove();
    domain.close();
  }
}
