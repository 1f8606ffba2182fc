package org.netback.xen.frontends;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.netback.loop.SteppedLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingMessage;
import org.netback.xen.ring.RingViolation;

/// The backend's end of a guest's network device, moved by the test.
final class HandBackend {
  static final String FRONT = "/local/domain/3/device/vif/0";
  static final String BACK = "/local/domain/0/backend/vif/3/0";

  private final HandDevice device = new HandDevice("vif", 0);
  final SteppedLoop loop = device.loop;
  final HandStore store = device.store;
  final HandMemory memory = device.memory;
  final HandChannels channels = device.channels;

  HandBackend() {
    for (String feature :
        List.of(
            "feature-rx-copy",
            "feature-sg",
            "feature-gso-tcpv4",
            "feature-gso-tcpv6",
            "feature-ipv6-csum-offload",
            "feature-split-event-channels")) {
      store.write(BACK + '/' + feature, "1");
    }
    store.write(BACK + "/multi-queue-max-queues", "4");
  }

  void enter(XenbusState state) {
    device.enter(state);
  }

  XenbusState frontState() {
    return device.frontState();
  }

  Optional<String> front(String key) {
    return device.front(key);
  }

  /// Attaches to what the frontend has published.
  ///
  /// @param prefix empty or `queue-1/`
  Queue attach(String prefix) throws RingViolation {
    boolean split = front(prefix + "event-channel-tx").isPresent();
    return new Queue(
        BackRing.attach(memory.page(device.number(prefix + "tx-ring-ref")), TxRequest.SIZE),
        BackRing.attach(memory.page(device.number(prefix + "rx-ring-ref")), RxResponse.SIZE),
        device.number(prefix + (split ? "event-channel-tx" : "event-channel")),
        device.number(prefix + (split ? "event-channel-rx" : "event-channel")));
  }

  /// What the guest sent as one packet.
  record Packet(
      ByteBuffer data, int flags, Optional<ExtraInfo.Gso> gso, int slots, List<Integer> ids) {}

  /// One queue as the backend sees it.
  final class Queue {
    final BackRing tx;
    final BackRing rx;
    final int txPort;
    final int rxPort;

    Queue(BackRing tx, BackRing rx, int txPort, int rxPort) {
      this.tx = tx;
      this.rx = rx;
      this.txPort = txPort;
      this.rxPort = rxPort;
    }

    /// Takes and answers every packet in the tx ring.
    List<Packet> takeAll() throws RingViolation {
      List<Packet> packets = new ArrayList<>();
      while (tx.unconsumedRequests() > 0) {
        packets.add(take());
      }
      if (tx.push()) {
        channels.raise(txPort);
      }
      tx.finalCheck();
      return packets;
    }

    /// Takes one packet and puts its responses, without pushing them.
    Packet take() throws RingViolation {
      tx.unconsumedRequests();
      TxRequest first = TxRequest.read(tx.copyRequest());
      tx.putResponse(new TxResponse(first.id(), TxResponse.OKAY));
      List<Integer> ids = new ArrayList<>(List.of(first.id()));
      Optional<ExtraInfo.Gso> gso = Optional.empty();
      boolean extra = first.extraInfo();
      while (extra) {
        ExtraInfo info = ExtraInfo.read(tx.copyRequest());
        tx.putResponse(new TxResponse(0, TxResponse.NULL));
        if (info instanceof ExtraInfo.Gso found) {
          gso = Optional.of(found);
        }
        extra = info.more();
      }
      List<TxRequest> rest = new ArrayList<>();
      boolean more = first.moreData();
      while (more) {
        TxRequest next = TxRequest.read(tx.copyRequest());
        tx.putResponse(new TxResponse(next.id(), TxResponse.OKAY));
        rest.add(next);
        ids.add(next.id());
        more = next.moreData();
      }
      int firstSize = first.size() - rest.stream().mapToInt(TxRequest::size).sum();
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      data.writeBytes(octets(first.gref(), first.offset(), firstSize));
      rest.forEach(r -> data.writeBytes(octets(r.gref(), r.offset(), r.size())));
      return new Packet(
          ByteBuffer.wrap(data.toByteArray()), first.flags(), gso, 1 + rest.size(), ids);
    }

    private byte[] octets(int gref, int offset, int size) {
      return memory.page(gref).asSlice(offset, size).toArray(ValueLayout.JAVA_BYTE);
    }

    /// Puts data into the guest's next buffer and answers its slot.
    void deliver(byte[] data, int flags) throws RingViolation {
      rx.unconsumedRequests();
      RxRequest request = RxRequest.read(rx.copyRequest());
      MemorySegment.copy(
          data, 0, memory.page(request.gref()), ValueLayout.JAVA_BYTE, 0, data.length);
      rx.putResponse(new RxResponse(request.id(), 0, flags, data.length));
    }

    /// Answers the guest's next slot with anything.
    void answer(RingMessage response) throws RingViolation {
      rx.unconsumedRequests();
      rx.copyRequest();
      rx.putResponse(response);
    }

    void pushRx() {
      if (rx.push()) {
        channels.raise(rxPort);
      }
      loop.runReady();
    }
  }
}
