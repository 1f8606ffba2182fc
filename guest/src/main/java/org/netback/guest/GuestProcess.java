package org.netback.guest;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.adapters.tap.Tap;
import org.netback.adapters.tap.TapOptions;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.packet.MacAddress;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.RemoteGround;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.frontends.Netfront;
import org.netback.xen.frontends.NetfrontFeatures;
import org.netback.xen.frontends.NetfrontListener;
import org.netback.xen.frontends.NetfrontOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A guest: a domain with one network device, and a kernel's network stack behind a tap in the
/// namespace that this process was started in.
///
/// When the ground goes, as it does with a daemon that it lives in, the tap stays with its
/// addresses and connections, and the guest attaches again as a new domain of the same name and MAC
/// address as soon as there is a ground again. The same holds for a shell at its console.
public final class GuestProcess implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger("guest");
  private static final long RETRY_MILLIS = 100;
  private static final long CLOSE_SECONDS = 5;

  /// A daemon that is there has connected a device long before.
  private static final long NOTICE_NANOS = 3_000_000_000L;

  private final Path runDirectory;
  private final GuestSpec spec;
  private final NetfrontOptions options;
  private final NettyLoop control;
  private final List<NettyLoop> loops;
  private final TapBridge bridge;
  private final Optional<ConsoleShell> shell;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final CompletableFuture<String> ended = new CompletableFuture<>();
  private Optional<Attachment> attachment = Optional.empty();

  private record Attachment(GuestDomain domain, Netfront netfront) {}

  private GuestProcess(
      Path runDirectory,
      GuestSpec spec,
      NetfrontOptions options,
      NettyLoop control,
      List<NettyLoop> loops,
      TapBridge bridge,
      Optional<ConsoleShell> shell) {
    this.runDirectory = runDirectory;
    this.spec = spec;
    this.options = options;
    this.control = control;
    this.loops = loops;
    this.bridge = bridge;
    this.shell = shell;
  }

  /// Makes the tap, attaches and begins to connect.
  ///
  /// @param runDirectory of the ground
  /// @param shell the command at its primary console; empty for no console
  /// @param patience how long the ground may take to answer now; when it is attached to again there
  ///   is no end to it
  /// @param errors where what escapes a callback is recorded
  /// @throws java.net.SocketTimeoutException the ground does not answer
  /// @throws IOException there is no ground, or the tap cannot be made; nothing stays behind
  public static GuestProcess start(
      Path runDirectory,
      String name,
      VifSpec vif,
      String tapName,
      NetfrontOptions options,
      Optional<String> shell,
      Duration patience,
      InternalErrors errors)
      throws IOException {
    GuestSpec spec = new GuestSpec(name, DomainSize.DEFAULT, List.of(vif.device(0)));
    GuestDomain domain = RemoteGround.attachGuest(runDirectory, spec, patience, errors);
    NettyLoop control = NettyLoop.start("control", 0, errors);
    List<NettyLoop> loops = new ArrayList<>();
    for (int i = 0; i < options.queues(); i++) {
      loops.add(NettyLoop.start("queue-" + i, 0, errors));
    }
    Optional<ConsoleShell> console = Optional.empty();
    try {
      if (shell.isPresent()) {
        console = Optional.of(ConsoleShell.start(shell.get(), errors));
      }
      Tap tap =
          Tap.open(
              TapOptions.named(tapName)
                  .withQueues(options.queues())
                  .withMtu(vif.mtu())
                  .withMac(MacAddress.parse(vif.mac())));
      GuestProcess guest =
          new GuestProcess(
              runDirectory, spec, options, control, loops, new TapBridge(tap, loops), console);
      guest.connect(domain);
      Thread.ofPlatform()
          .daemon()
          .name("attach")
          .uncaughtExceptionHandler(
              (thread, e) -> {
                errors.uncaught(thread, e);
                guest.ended.complete("internal error: " + e);
              })
          .start(() -> guest.stayAttached(domain));
      var _ =
          guest
              .bridge
              .gone()
              .whenComplete(
                  (_, failure) ->
                      guest.ended.complete(
                          failure == null
                              ? "tap " + tapName + " was deleted"
                              : "tap " + tapName + ": internal error: " + failure));
      return guest;
    } catch (Throwable e) {
      console.ifPresent(ConsoleShell::close);
      domain.close();
      loops.forEach(NettyLoop::close);
      control.close();
      throw e;
    }
  }

  /// Completes with the reason when the guest cannot go on: its tap was deleted, or the backend
  /// refuses its device.
  public CompletableFuture<String> ended() {
    return ended;
  }

  private synchronized void connect(GuestDomain domain) throws IOException {
    Listener listener = new Listener(domain);
    Netfront netfront =
        new Netfront(
            domain.frontendPath("vif", 0),
            domain.memory(),
            domain.events(),
            domain.store(),
            control,
            loops,
            options,
            bridge,
            listener);
    bridge.start(netfront.queues());
    attachment = Optional.of(new Attachment(domain, netfront));
    netfront.start();
    if (shell.isPresent()) {
      shell.get().connect(domain);
    }
    var _ = control.schedule(NOTICE_NANOS, listener::stillWaiting);
  }

  /// Lives as long as the process: whenever the ground goes, waits for the next.
  private void stayAttached(GuestDomain first) {
    GuestDomain domain = first;
    while (true) {
      String reason = domain.lost().toCompletableFuture().join();
      if (closing.getCount() == 0) {
        return;
      }
      LOG.warn("{} lost its ground ({}); waiting for another", spec.name(), reason);
      letGo();
      Optional<GuestDomain> next = attachAgain();
      if (next.isEmpty()) {
        return;
      }
      domain = next.get();
    }
  }

  private Optional<GuestDomain> attachAgain() {
    String last = "";
    while (true) {
      try {
        if (closing.await(RETRY_MILLIS, TimeUnit.MILLISECONDS)) {
          return Optional.empty();
        }
        GuestDomain domain =
            RemoteGround.attachGuest(runDirectory, spec, RemoteGround.PATIENCE, control.errors());
        connect(domain);
        return Optional.of(domain);
      } catch (IOException e) {
        String message = String.valueOf(e.getMessage());
        if (!message.equals(last)) {
          LOG.info("not attached yet: {}", message);
          last = message;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      }
    }
  }

  private synchronized void letGo() {
    attachment.ifPresent(
        old -> {
          await(old.netfront.abandon());
          shell.ifPresent(ConsoleShell::disconnect);
          old.domain.close();
        });
    attachment = Optional.empty();
  }

  private static boolean await(CompletableFuture<Void> future) {
    try {
      future.get(CLOSE_SECONDS, TimeUnit.SECONDS);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (TimeoutException e) {
      LOG.warn("the backend has not closed the device within {} s", CLOSE_SECONDS);
      return false;
    } catch (ExecutionException e) {
      LOG.warn("not closed in order", e);
      return false;
    }
  }

  /// Closes the device in step with the backend, destroys the domain and removes the tap.
  @Override
  public void close() {
    closing.countDown();
    Closing.all(
        this::closeDevice,
        () -> shell.ifPresent(ConsoleShell::close),
        () -> await(bridge.shutDown()),
        () -> Closing.each(loops, NettyLoop::close),
        control::close);
  }

  private synchronized void closeDevice() {
    Optional<Attachment> last = attachment;
    attachment = Optional.empty();
    last.ifPresent(
        now ->
            Closing.all(
                () -> {
                  if (!await(now.netfront.shutDown())) {
                    await(now.netfront.abandon());
                  }
                },
                () -> shell.ifPresent(ConsoleShell::disconnect),
                now.domain::close));
  }

  /// Says what happens, and hands it on to the bridge.
  private final class Listener implements NetfrontListener {
    private final GuestDomain domain;
    private boolean heard;

    Listener(GuestDomain domain) {
      this.domain = domain;
    }

    private void stillWaiting() {
      if (!heard && closing.getCount() > 0 && !domain.lost().toCompletableFuture().isDone()) {
        LOG.info(
            "{} is not connected yet, as vif{}.0: no daemon serves the ground {}; waiting for one,"
                + " \"netback run --config FILE\"",
            spec.name(),
            domain.domid(),
            runDirectory);
      }
    }

    @Override
    public void connected(NetfrontFeatures features) {
      heard = true;
      bridge.connected(features);
      LOG.info(
          "{} connected to {} as vif{}.0, tap {}, {} queues, {}{}{}",
          spec.name(),
          spec.devices().getFirst().backend().get("bridge"),
          domain.domid(),
          bridge.tap().name(),
          features.queues(),
          features.splitEventChannels() ? "split event channels" : "single event channel",
          features.scatterGather() ? ", sg" : "",
          features.gsoTcpv4() || features.gsoTcpv6() ? ", gso" : "");
    }

    @Override
    public void disconnected() {
      bridge.disconnected();
      LOG.info("{} disconnected", spec.name());
    }

    @Override
    public void refused(String message) {
      heard = true;
      ended.complete("the daemon refuses " + spec.name() + "'s device: " + message);
    }

    @Override
    public void failed(String message) {
      heard = true;
      if (closing.getCount() > 0 && !domain.lost().toCompletableFuture().isDone()) {
        bridge.failed(message);
      }
    }
  }
}
