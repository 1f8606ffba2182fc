package org.netback.guest;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.loop.Closing;
import org.netback.loop.netty.NettyLoop;
import org.netback.packet.MacAddress;
import org.netback.xen.embedded.DomainSize;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.embedded.VifSpec;
import org.netback.xen.frontends.Netfront;
import org.netback.xen.frontends.NetfrontFeatures;
import org.netback.xen.frontends.NetfrontListener;
import org.netback.xen.frontends.NetfrontOptions;
import org.netback.xen.frontends.NetfrontQueue;

/// A [Station] in a domain of its own, in this process. Any thread.
public final class StationGuest implements AutoCloseable {
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final String name;
  private final Inet4Address ipv4;
  private final Inet6Address ipv6;
  private final GuestDomain domain;
  private final NettyLoop control;
  private final NettyLoop queueLoop;
  private final Station station;
  private final Netfront netfront;
  private final CompletableFuture<NetfrontFeatures> connected;

  private StationGuest(
      String name,
      Inet4Address ipv4,
      Inet6Address ipv6,
      GuestDomain domain,
      NettyLoop control,
      NettyLoop queueLoop,
      Station station,
      Netfront netfront,
      CompletableFuture<NetfrontFeatures> connected) {
    this.name = name;
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
    this.domain = domain;
    this.control = control;
    this.queueLoop = queueLoop;
    this.station = station;
    this.netfront = netfront;
    this.connected = connected;
  }

  /// Creates the domain and begins to connect.
  public static StationGuest start(
      EmbeddedGround ground, String name, String network, String ipv4, String ipv6)
      throws IOException {
    VifSpec vif = VifSpec.named(name, 0, network);
    GuestDomain domain =
        ground.createDomain(new GuestSpec(name, DomainSize.DEFAULT, List.of(vif.device(0))));
    NettyLoop control = NettyLoop.start(name + "-control");
    NettyLoop queueLoop = NettyLoop.start(name);
    Inet4Address address4 = (Inet4Address) InetAddress.getByName(ipv4);
    Inet6Address address6 = (Inet6Address) InetAddress.getByName(ipv6);
    Station station = new Station(MacAddress.parse(vif.mac()), address4, address6);
    CompletableFuture<NetfrontFeatures> connected = new CompletableFuture<>();
    Netfront netfront =
        new Netfront(
            domain.frontendPath("vif", 0),
            domain.memory(),
            domain.events(),
            domain.store(),
            control,
            List.of(queueLoop),
            NetfrontOptions.LINUX,
            station,
            new NetfrontListener() {
              @Override
              public void connected(NetfrontFeatures features) {
                connected.complete(features);
              }

              @Override
              public void refused(String message) {
                connected.completeExceptionally(new IOException("refused: " + message));
              }

              @Override
              public void failed(String message) {
                connected.completeExceptionally(new IOException(message));
              }
            });
    netfront.start();
    return new StationGuest(
        name, address4, address6, domain, control, queueLoop, station, netfront, connected);
  }

  public String name() {
    return name;
  }

  public int domid() {
    return domain.domid();
  }

  public Inet4Address ipv4() {
    return ipv4;
  }

  public Inet6Address ipv6() {
    return ipv6;
  }

  public Station station() {
    return station;
  }

  public NetfrontQueue queue() {
    return netfront.queues().get(0);
  }

  /// Waits for the backend.
  public void awaitConnected(Duration limit) throws IOException {
    await(connected, limit, name + " to be connected");
  }

  /// Sends one echo request and waits for the reply.
  ///
  /// @return nanoseconds between them
  public long ping(InetAddress target, Duration limit) throws IOException {
    return await(
        station.ping(queue(), target),
        limit,
        "an echo reply from " + target.getHostAddress() + " for " + name);
  }

  private static <T> T await(CompletableFuture<T> future, Duration limit, String what)
      throws IOException {
    try {
      return future.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + what, e);
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    } catch (TimeoutException e) {
      throw new IOException("waited " + limit.toMillis() + " ms for " + what, e);
    }
  }

  /// Dies without a word, as a guest that is killed.
  public void abandon() {
    domain.close();
    var _ = netfront.abandon();
    queueLoop.close();
    control.close();
  }

  /// Closes the device in order, then destroys the domain.
  @Override
  public void close() {
    try {
      await(netfront.shutDown(), CLOSE, "the backend to close");
    } catch (IOException e) {
      try {
        await(netfront.abandon(), CLOSE, "the rings");
      } catch (IOException again) {
        again.addSuppressed(e);
        // The domain takes its rings along.
      }
    }
    Closing.all(domain::close, queueLoop::close, control::close);
  }
}
