package org.netback.echo;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.BackendKeys;
import org.netback.xen.frontends.FrontendConnection;
import org.netback.xen.frontends.FrontendDriver;
import org.netback.xen.frontends.GuestPages;
import org.netback.xen.frontends.Offer;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.ring.SharedIndices;

/// A guest's end of an echo device. Requests wait until there is a connection with room for them.
/// Confined to the loop, which is the frontend's control loop too.
final class EchoDriver implements FrontendDriver {
  private final EventLoop loop;
  private final Consumer<EchoResponse> answers;
  private final Queue<EchoRequest> waiting = new ArrayDeque<>();
  private Optional<Connection> connection = Optional.empty();

  EchoDriver(EventLoop loop, Consumer<EchoResponse> answers) {
    this.loop = loop;
    this.answers = answers;
  }

  /// Any thread.
  void send(EchoRequest request) {
    loop.execute(
        () -> {
          waiting.add(request);
          connection.ifPresent(Connection::put);
        });
  }

  /// Claims more requests than the ring has slots. Any thread.
  void breakRing() {
    loop.execute(() -> connection.orElseThrow().breakRing());
  }

  @Override
  public XenbusState whenPublished() {
    return XenbusState.INITIALISED;
  }

  @Override
  public FrontendConnection connect(BackendKeys backend, Offer offer) throws IOException {
    return new Connection(offer);
  }

  private final class Connection implements FrontendConnection {
    private final Offer offer;
    private final GuestPages page;
    private final FrontRing ring;
    private final EventChannel channel;

    private Connection(Offer offer) throws IOException {
      this.offer = offer;
      page = offer.pages(1, false);
      ring = FrontRing.initialise(page.page(0), EchoRequest.SIZE);
      channel = offer.channel(loop, this::onEvent);
      offer.ref(EchoDevice.RING, page, 0);
      offer.port(EchoDevice.CHANNEL, channel);
    }

    private void put() {
      while (!waiting.isEmpty() && ring.freeRequests() > 0) {
        ring.putRequest(waiting.remove());
      }
      if (ring.push()) {
        channel.notifyPeer();
      }
    }

    private boolean onEvent() {
      boolean worked = false;
      try {
        while (ring.finalCheck()) {
          worked = true;
          answers.accept(EchoResponse.read(ring.copyResponse()));
        }
      } catch (RingViolation e) {
        offer.fail("the backend broke the ring: " + e.getMessage());
        return worked;
      }
      put();
      return worked;
    }

    private void breakRing() {
      SharedIndices.putReqProd(page.page(0), 1_000_000);
      channel.notifyPeer();
    }

    @Override
    public void connected(BackendKeys backend) {
      connection = Optional.of(this);
      put();
    }

    @Override
    public void disconnect(Runnable done) {
      connection = Optional.empty();
      done.run();
    }
  }
}
