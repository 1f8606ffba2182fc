package org.netback.benchmarks.scale;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.netback.loop.Closing;
import org.netback.loop.netty.NettyLoop;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.ground.Backend;
import org.netback.xen.ring.RingViolation;

/// A whole backend on an embedded ground with any number of guests on one network: one loop for all
/// queues, the guests in the hands of the caller's thread. Guests 0 and 1, 2 and 3 and so on talk
/// to each other, both ways.
final class Crowd implements AutoCloseable {
  private static final String NETWORK = "bench";

  /// Two rings with a page per slot, and little more.
  private static final DomainSize SIZE = new DomainSize(4, 1024);

  private static final long FIRST_GUEST = 0x0200_3e00_0000L;
  private static final long FIRST_STATION = 0x0600_0000_0000L;
  private static final int MOST_ADDRESSES = 1 << 18;

  private final Path run = Files.createTempDirectory("netback-scale");
  private final EmbeddedGround ground = EmbeddedGround.open(run);
  private final Backend backend = ground.backend();
  private final Switch vswitch =
      new Switch(
          new MacLimits(MOST_ADDRESSES, MOST_ADDRESSES, Duration.ofDays(1)), System::nanoTime);
  private final NettyLoop queueLoop = NettyLoop.start("queues");
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop guestLoop = NettyLoop.start("guests");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final BackendBus bus;
  private final List<Guest> guests = new ArrayList<>();
  private int stations;

  Crowd() throws IOException {
    NetBackend netBackend =
        new NetBackend(
            vswitch, NetworkPolicy.OPEN, backend.guests(), List.of(queueLoop), 1, storeWriter);
    bus =
        new BackendBus(
            backend.store(), busLoop, backend.domid(), List.of(netBackend.deviceClass()));
    bus.start();
  }

  /// Connects guests until there are so many, and has each say a word, so that it is known.
  void grow(int count) throws IOException, InterruptedException {
    while (guests.size() < count) {
      String name = "guest" + guests.size();
      Guest guest =
          new Guest(
              ground.createDomain(
                  new GuestSpec(name, SIZE, List.of(VifSpec.named(name, 0, NETWORK).device(0)))),
              FIRST_GUEST + guests.size(),
              guestLoop);
      guests.add(guest);
      guest.connect();
      learn(port(guest), guest.address(), 1);
    }
  }

  int size() {
    return guests.size();
  }

  /// Lets stations be known behind guests 0 and 1, until there are so many.
  void learn(int count) {
    for (int guest = 0; guest < 2; guest++) {
      learn(port(guests.get(guest)), station(guest), (count + 1) / 2);
    }
    stations = (count + 1) / 2;
  }

  /// The first of the addresses behind a guest.
  private static long station(int guest) {
    return FIRST_STATION + ((long) guest << 24);
  }

  private static void learn(SwitchPort port, long first, int count) {
    FrameBatch batch = new FrameBatch(1);
    FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 512);
    Frame frame = arena.allocate(60);
    frame.octets().fill((byte) 0);
    batch.add(frame);
    try (Ingress ingress = port.openIngress()) {
      for (long address = first; address < first + count; address++) {
        // To its own address, so it goes nowhere.
        for (int at = 0; at < 12; at += 6) {
          frame.putU16(at, (int) (address >>> 32));
          frame.putI32(at + 2, (int) address);
        }
        ingress.forward(batch);
      }
    }
  }

  private SwitchPort port(Guest guest) {
    String name = new DeviceId(NetBackend.TYPE, guest.domid(), 0).toString();
    return vswitch.network(NETWORK).ports().stream()
        .filter(port -> port.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /// Addresses that the switch knows.
  int addresses() {
    return vswitch.network(NETWORK).addresses().size();
  }

  /// What the daemon has done every second.
  void age() {
    vswitch.age();
  }

  /// What every guest of the first few has to do once.
  ///
  /// @param talking how many
  /// @param scattered whether they send to the stations behind each other instead
  /// @return whether anybody had anything to do
  boolean round(int talking, boolean scattered) throws RingViolation {
    boolean worked = false;
    for (int i = 0; i < talking; i++) {
      Guest guest = guests.get(i);
      worked |= guest.receive();
      int other = i ^ 1;
      worked |=
          scattered
              ? guest.send(station(other), stations)
              : guest.send(guests.get(other).address(), 1);
    }
    return worked;
  }

  /// Takes what is still under way, without sending anything.
  ///
  /// @return whether anything came
  boolean take(int talking) throws RingViolation {
    boolean came = false;
    for (int i = 0; i < talking; i++) {
      came |= guests.get(i).receive();
    }
    return came;
  }

  /// Frames that the guests have got.
  long frames() {
    return guests.stream().mapToLong(Guest::frames).sum();
  }

  /// Frames that they have not got.
  long lost() {
    return guests.stream().mapToLong(Guest::lost).sum();
  }

  /// The thread of the loop that serves the queues.
  Thread backendThread() {
    CompletableFuture<Thread> thread = new CompletableFuture<>();
    queueLoop.execute(() -> thread.complete(Thread.currentThread()));
    return thread.join();
  }

  @Override
  public void close() throws IOException {
    Closing.all(
        // Before its devices go one after the other.
        () -> bus.abandon().toCompletableFuture().join(),
        () -> Closing.each(guests, Guest::close),
        backend::close,
        ground::close,
        queueLoop::close,
        busLoop::close,
        guestLoop::close,
        storeWriter::shutdownNow,
        this::deleteFiles);
  }

  private void deleteFiles() throws IOException {
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
