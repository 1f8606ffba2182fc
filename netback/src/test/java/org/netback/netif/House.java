package org.netback.netif;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.SteppedLoop;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.ground.Guests;

/// A backend with a switch and some guests on the embedded ground, stepped by hand: nothing happens
/// before [#settle].
final class House implements AutoCloseable {
  static final int MAX_QUEUES = 4;
  private static final long DEADLINE_SECONDS = 60;

  final Hypervisor registry = new Hypervisor();
  final SteppedLoop loop;
  final SteppedLoop guestLoop = new SteppedLoop();
  final MapStore store = new MapStore();
  final Switch vswitch;
  final NetBackend backend;
  final Sink sink = new Sink();
  final SwitchPort sinkPort;
  private final List<RawGuest> guests = new ArrayList<>();
  private int created;

  House() {
    this(UnaryOperator.identity(), UnaryOperator.identity());
  }

  /// A house whose backend runs on threads of its own; only the guests are stepped.
  House(List<EventLoop> threads) {
    this(new SteppedLoop(), UnaryOperator.identity(), UnaryOperator.identity(), threads);
  }

  /// @param grants may put something between the backend and its grant table
  /// @param events likewise for its event channels
  House(UnaryOperator<GrantTable> grants, UnaryOperator<EventChannels> events) {
    this(new SteppedLoop(), grants, events, List.of());
  }

  /// @param errors gets the backend's own faults, which otherwise fail the test
  House(UnaryOperator<GrantTable> grants, InternalErrors errors) {
    this(new SteppedLoop(errors), grants, UnaryOperator.identity(), List.of());
  }

  private House(
      SteppedLoop loop,
      UnaryOperator<GrantTable> grants,
      UnaryOperator<EventChannels> events,
      List<EventLoop> threads) {
    this.loop = loop;
    vswitch =
        new Switch(
            MacLimits.DEFAULT, MulticastPolicy.DEFAULT, loop::nanoTime, loop.errors()::record);
    backend =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            new Guests(
                grants.apply(registry.grantTable(Hypervisor.BACKEND_DOMID)),
                events.apply(registry.backendEvents()),
                registry.foreign()),
            threads.isEmpty() ? List.of(loop) : threads,
            MAX_QUEUES,
            loop::execute);
    sinkPort = vswitch.network("default").attach(sink);
  }

  /// A guest with a device that is not connected yet.
  RawGuest guest() {
    return guest(0);
  }

  /// @param ringStart where the indices of its rings begin
  RawGuest guest(int ringStart) {
    return guest(ringStart, "65521");
  }

  /// @param mtu the toolstack's key, empty for none
  RawGuest guest(int ringStart, String mtu) {
    try {
      RawGuest guest =
          new RawGuest(
              this,
              registry.createDomain("guest" + ++created, new DomainSize(4, 1200)),
              ringStart,
              mtu);
      guests.add(guest);
      return guest;
    } catch (IOException | DeviceException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Runs everybody until nobody has anything to do, the clock standing still.
  void settle() {
    while (loop.runReady() + guestLoop.runReady() > 0) {}
  }

  void advance(long nanos) {
    settle();
    loop.advance(nanos);
    settle();
  }

  /// Everything of this backend's goes: on another thread than the loop's, as the bus's is, so that
  /// a lock which the loop did not give back is found.
  @Override
  public void close() {
    CompletableFuture.runAsync(
            () -> guests.forEach(RawGuest::close), task -> Thread.ofPlatform().daemon().start(task))
        .orTimeout(DEADLINE_SECONDS, TimeUnit.SECONDS)
        .join();
    settle();
    sinkPort.close();
    registry.close();
  }
}
