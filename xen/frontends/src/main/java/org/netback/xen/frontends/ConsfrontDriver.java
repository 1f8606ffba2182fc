package org.netback.xen.frontends;

import java.io.IOException;
import java.util.Optional;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;
import org.netback.xen.ring.RingViolation;

/// Connects a console that is a device on xenbus, that is any but the primary one, as Linux's
/// hvc_xen does: keys `ring-ref` and `port`, state Initialised, and Connected when the backend is.
public final class ConsfrontDriver implements FrontendDriver {
  private final EventLoop loop;
  private final EventHandler handler;

  /// Written on the control loop, read by any thread.
  private volatile Optional<Consfront> console = Optional.empty();

  /// @param loop on which the handler is called
  /// @param handler hears that the backend has notified: there may be more to take, or more room
  public ConsfrontDriver(EventLoop loop, EventHandler handler) {
    this.loop = loop;
    this.handler = handler;
  }

  /// The console while both ends are Connected. Any thread.
  public Optional<Consfront> console() {
    return console;
  }

  @Override
  public XenbusState whenPublished() {
    return XenbusState.INITIALISED;
  }

  @Override
  public FrontendConnection connect(BackendKeys backend, Offer offer) throws IOException {
    GuestPages page = offer.pages(1, false);
    EventChannel channel = offer.channel(loop, handler);
    offer.ref("ring-ref", page, 0);
    offer.port("port", channel);
    try {
      return new Connection(Consfront.attach(page.page(0), channel));
    } catch (RingViolation e) {
      throw new IOException("a new console's page is not zeroed", e);
    }
  }

  private final class Connection implements FrontendConnection {
    private final Consfront front;

    private Connection(Consfront front) {
      this.front = front;
    }

    @Override
    public void connected(BackendKeys backend) {
      console = Optional.of(front);
    }

    @Override
    public void disconnect(Runnable done) {
      console = Optional.empty();
      front.close();
      done.run();
    }
  }
}
