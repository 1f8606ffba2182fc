package org.netback.xen.frontends;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.FrontRing;

/// One connection of a [Netfront]: what it has negotiated, its queues' rings and buffers, and its
/// control ring. Confined to the control loop; the rings are handed to the queues' loops.
final class NetfrontConnection implements FrontendConnection {
  private static final int PAGE = 1;
  private static final int TX_SLOTS = 256;
  private static final int RX_SLOTS = 256;

  /// Whose connection it is.
  ///
  /// @param path of its directory, by which a fault of ours is recorded
  /// @param control told of the control ring when there is one, and when there is none any more
  record Owner(String path, NetfrontListener listener, Consumer<Optional<CtrlFront>> control) {}

  /// What one queue works on.
  private record Made(
      NetfrontQueue queue, NetfrontQueue.Rings rings, GuestPages txPages, GuestPages rxPages) {}

  private final NetfrontFeatures features;
  private final boolean staticGrants;
  private final EventLoop loop;
  private final Owner owner;
  private final List<Made> queues;
  private final Optional<CtrlFront> control;

  private NetfrontConnection(
      NetfrontFeatures features,
      boolean staticGrants,
      EventLoop loop,
      Owner owner,
      List<Made> queues,
      Optional<CtrlFront> control) {
    this.features = features;
    this.staticGrants = staticGrants;
    this.loop = loop;
    this.owner = owner;
    this.queues = queues;
    this.control = control;
  }

  /// Negotiates with a backend in InitWait, and makes what is to be published.
  ///
  /// @param available of which as many are used as the backend takes
  /// @param loop the control loop
  /// @param ringStart index that the rings start at
  static NetfrontConnection offer(
      BackendKeys backend,
      Offer offer,
      NetfrontOptions options,
      List<NetfrontQueue> available,
      EventLoop loop,
      int ringStart,
      Owner owner)
      throws IOException {
    backend.require("feature-rx-copy");
    NetfrontFeatures features = negotiate(backend, options, available.size());
    if (backend.text("multi-queue-max-queues").isPresent()) {
      offer.key("multi-queue-num-queues", Integer.toString(features.queues()));
    }
    List<Made> queues = new ArrayList<>();
    for (int i = 0; i < features.queues(); i++) {
      String prefix = features.queues() == 1 ? "" : "queue-" + i + '/';
      queues.add(offerQueue(offer, prefix, available.get(i), options, features, ringStart));
    }
    Optional<CtrlFront> control = Optional.empty();
    if (options.controlRing() && backend.flag("feature-ctrl-ring")) {
      CtrlFront opened = CtrlFront.open(offer, loop, ringStart);
      offer.key("ctrl-ring-ref", Integer.toUnsignedString(opened.ringRef()));
      offer.key("event-channel-ctrl", Integer.toString(opened.port()));
      control = Optional.of(opened);
    }
    offer.key("request-rx-copy", "1");
    offer.flag("feature-rx-notify", options.rxNotify());
    offer.flag("feature-sg", options.scatterGather());
    offer.flag("feature-gso-tcpv4", options.gsoTcpv4());
    offer.flag("feature-gso-tcpv6", options.gsoTcpv6());
    offer.flag("feature-no-csum-offload", !options.checksumIpv4());
    offer.flag("feature-ipv6-csum-offload", options.checksumIpv6());
    return new NetfrontConnection(
        features, options.staticGrants(), loop, owner, List.copyOf(queues), control);
  }

  private static NetfrontFeatures negotiate(
      BackendKeys backend, NetfrontOptions options, int queues) throws IOException {
    int maxQueues = backend.number("multi-queue-max-queues", 1);
    boolean scatterGather = options.scatterGather() && backend.flag("feature-sg");
    return new NetfrontFeatures(
        Math.clamp(maxQueues, 1, queues),
        options.splitEventChannels() && backend.flag("feature-split-event-channels"),
        scatterGather,
        scatterGather && options.gsoTcpv4() && backend.flag("feature-gso-tcpv4"),
        scatterGather && options.gsoTcpv6() && backend.flag("feature-gso-tcpv6"),
        options.checksumIpv6() && backend.flag("feature-ipv6-csum-offload"));
  }

  /// @param prefix of the queue's keys: empty or `queue-1/`
  private static Made offerQueue(
      Offer offer,
      String prefix,
      NetfrontQueue queue,
      NetfrontOptions options,
      NetfrontFeatures features,
      int ringStart)
      throws IOException {
    GuestPages txRing = offer.pages(PAGE, false);
    GuestPages rxRing = offer.pages(PAGE, false);
    GuestPages txPages = offer.pages(TX_SLOTS, true);
    GuestPages rxPages = offer.pages(RX_SLOTS, false);
    offer.ref(prefix + "tx-ring-ref", txRing, 0);
    offer.ref(prefix + "rx-ring-ref", rxRing, 0);
    EventChannel txChannel;
    EventChannel rxChannel;
    if (features.splitEventChannels()) {
      txChannel = offer.channel(queue.loop(), queue::onTxEvent);
      rxChannel = offer.channel(queue.loop(), queue::onRxEvent);
      offer.port(prefix + "event-channel-tx", txChannel);
      offer.port(prefix + "event-channel-rx", rxChannel);
    } else {
      txChannel = offer.channel(queue.loop(), queue::onEvent);
      rxChannel = txChannel;
      offer.port(prefix + "event-channel", txChannel);
    }
    NetfrontTx tx =
        new NetfrontTx(
            FrontRing.initialiseAt(txRing.page(0), TxRequest.SIZE, ringStart),
            txPages,
            txChannel,
            options,
            features,
            queue.counters());
    NetfrontRx rx =
        new NetfrontRx(
            FrontRing.initialiseAt(rxRing.page(0), RxResponse.SIZE, ringStart),
            rxPages,
            rxChannel,
            options,
            queue.counters());
    return new Made(queue, new NetfrontQueue.Rings(tx, rx, offer::fail), txPages, rxPages);
  }

  @Override
  public void published() {
    owner.control.accept(control);
    for (Made each : queues) {
      each.queue.loop().execute(() -> each.queue.start(each.rings));
    }
  }

  @Override
  public void connected(BackendKeys backend) {
    owner.listener.connected(features);
    if (staticGrants && control.isPresent()) {
      mapBuffers(control.get());
    }
  }

  /// Has the backend map the buffers of every queue for good. What it refuses goes on as before.
  private void mapBuffers(CtrlFront ctrl) {
    for (int i = 0; i < queues.size(); i++) {
      int queue = i;
      List<GrefEntry> entries = new ArrayList<>();
      addAll(queues.get(i).txPages, GrefEntry.READONLY, entries);
      addAll(queues.get(i).rxPages, 0, entries);
      CompletableFuture<Void> _ =
          ctrl.addGrefs(i, entries)
              .thenAccept(
                  response ->
                      owner.listener.buffersMapped(
                          queue, response.status() == CtrlResponse.STATUS_SUCCESS))
              .whenComplete(
                  (_, failure) -> {
                    if (failure != null) {
                      loop.errors().record("device " + owner.path, failure);
                    }
                  });
    }
  }

  private static void addAll(GuestPages pages, int flags, List<GrefEntry> to) {
    for (int i = 0; i < pages.count(); i++) {
      to.add(new GrefEntry(pages.grant(i), flags, 0));
    }
  }

  /// Takes the rings from the queues; done when all of them have let go.
  @Override
  public void disconnect(Runnable done) {
    owner.control.accept(Optional.empty());
    control.ifPresent(CtrlFront::close);
    AtomicInteger stopping = new AtomicInteger(queues.size());
    for (Made each : queues) {
      each.queue
          .loop()
          .execute(
              () -> {
                each.queue.stop();
                if (stopping.decrementAndGet() == 0) {
                  done.run();
                }
              });
    }
  }
}
