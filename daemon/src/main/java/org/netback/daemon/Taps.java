package org.netback.daemon;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.netback.adapters.tap.Tap;
import org.netback.adapters.tap.TapOptions;
import org.netback.adapters.tap.TapPort;
import org.netback.daemon.Events.Kind;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.vswitch.PortName;
import org.netback.vswitch.PortNameTakenException;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The taps that are ports of the switch now. Any thread.
final class Taps implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Taps.class);
  private static final long CLOSE_SECONDS = 5;

  private final Switch vswitch;
  private final List<NettyLoop> loops;
  private final Events events;
  private final InternalErrors errors;
  private final Map<String, Attached> taps = new ConcurrentSkipListMap<>();

  private record Attached(TapChoice choice, TapPort port, SwitchPort switchPort, PortName name) {}

  Taps(Switch vswitch, List<NettyLoop> loops, Events events, InternalErrors errors) {
    this.vswitch = vswitch;
    this.events = events;
    this.loops = loops;
    this.errors = errors;
  }

  /// Makes a tap and attaches it to its network.
  ///
  /// @throws IOException says what the kernel refused; nothing stays behind
  /// @throws IllegalStateException there is a port of this name, or is to be
  synchronized void add(TapChoice choice) throws IOException {
    PortName name;
    try {
      name = vswitch.reserve(choice.name(), "a tap");
    } catch (PortNameTakenException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
    try {
      attach(choice, name);
    } catch (IOException | RuntimeException e) {
      name.close();
      throw e;
    }
  }

  private void attach(TapChoice choice, PortName name) throws IOException {
    TapOptions options =
        TapOptions.named(choice.name())
            .withQueues(choice.queues())
            .withMtu(choice.mtu())
            .withPersistent(choice.persistent());
    if (!choice.namespace().isEmpty()) {
      options = options.inNamespace(choice.namespace());
    }
    Tap tap = Tap.open(options);
    TapPort port;
    SwitchPort switchPort;
    try {
      port = new TapPort(tap);
      switchPort = vswitch.network(choice.network()).attach(port);
    } catch (IOException | RuntimeException e) {
      tap.close();
      throw e;
    }
    Attached attached = new Attached(choice, port, switchPort, name);
    taps.put(choice.name(), attached);
    port.start(switchPort, loops);
    events.publish(Kind.TAP_ADDED, choice.name(), choice.network());
    var _ =
        port.gone()
            .thenRun(
                () -> {
                  if (taps.remove(choice.name(), attached)) {
                    LOG.warn("tap {} has been deleted; the rest goes on", choice.name());
                    events.publish(Kind.TAP_GONE, choice.name(), "deleted");
                    var _ = detach(attached);
                  }
                })
            .whenComplete((_, failure) -> recordIfFailed(choice.name(), failure));
  }

  private void recordIfFailed(String tap, @Nullable Throwable failure) {
    if (failure != null) {
      errors.record("tap " + tap, failure);
    }
  }

  /// The choice that a tap was made by.
  Optional<TapChoice> find(String name) {
    return Optional.ofNullable(taps.get(name)).map(Attached::choice);
  }

  List<TapPort> ports() {
    return taps.values().stream().map(Attached::port).toList();
  }

  int size() {
    return taps.size();
  }

  /// Lets every port follow the MTU that its interface has by now.
  void followMtus() {
    forEachPort(TapPort::followMtu);
  }

  /// What one port throws keeps none of the others from its turn.
  void forEachPort(Consumer<TapPort> work) {
    taps.forEach(
        (name, attached) -> {
          try {
            work.accept(attached.port);
          } catch (Throwable e) {
            errors.record("tap " + name, e);
          }
        });
  }

  /// Takes a tap out of its network and closes it, for which it waits, so that the name is free
  /// afterwards.
  ///
  /// @return false if there is none of this name
  boolean remove(String name) {
    Optional<Attached> attached = Optional.ofNullable(taps.remove(name));
    attached.ifPresent(
        tap -> {
          await(tap, detach(tap));
          events.publish(Kind.TAP_GONE, name, "removed");
        });
    return attached.isPresent();
  }

  /// @return completes when the interface has gone and the name is free
  private CompletableFuture<Void> detach(Attached attached) {
    attached.switchPort.close();
    return attached
        .port
        .shutDown()
        .thenRun(attached.name::close)
        .whenComplete((_, failure) -> recordIfFailed(attached.choice.name(), failure));
  }

  private static void await(Attached attached, CompletableFuture<Void> detached) {
    try {
      var _ = detached.get(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("tap {} not closed: {}", attached.choice.name(), e.toString());
    }
  }

  @Override
  public void close() {
    Closing.all(
        () -> Closing.each(taps.values(), attached -> await(attached, detach(attached))),
        taps::clear);
  }
}
