package org.netback.console;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.Domains;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// All consoles: the domains' primary ones, which it finds itself, and those of type `console`,
/// which the bus brings.
///
/// Consoles have a loop of their own, and their logs threads of their own: a slow disk holds back
/// the consoles whose logs are on it, and nothing else.
public final class Consoles implements DeviceBackend.Factory {
  /// Of the type in a device's path: `backend/console/3/1`.
  public static final String TYPE = "console";

  static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// What libxl writes.
  private static final int USUAL_LIMIT = 1 << 20;

  private static final int LEAST_LIMIT = 4096;
  private static final int MOST_LIMIT = 1 << 26;

  /// The toolstack writes some ten, the guest three.
  private static final KeyBounds BOUNDS = new KeyBounds(32, 0, 0);

  private final XenStore store;
  private final EventLoop bus;
  private final Guests guests;
  private final NettyLoop loop;
  private final ConsoleSettings settings;
  private final Access access;
  private final LogWriters writers;
  private final Domains domains;
  private final Map<Integer, PrimaryConsole> primaries = new HashMap<>();
  private final Set<DeviceId> made = ConcurrentHashMap.newKeySet();
  private final ConcurrentSkipListMap<ConsoleId, OpenConsole> open = new ConcurrentSkipListMap<>();

  /// @param bus the bus's loop, which may block for round trips to the store
  /// @param loop the consoles'
  /// @param access a further way to each of them
  public Consoles(
      XenStore store,
      EventLoop bus,
      Guests guests,
      NettyLoop loop,
      ConsoleSettings settings,
      Access access) {
    this.store = store;
    this.bus = bus;
    this.guests = guests;
    this.loop = loop;
    this.settings = settings;
    this.access = access;
    this.writers = LogWriters.start(loop.errors());
    this.domains = new Domains(store, bus, new Primaries());
  }

  public DeviceClass deviceClass() {
    return new DeviceClass(TYPE, this, DeviceStates.USUAL, false, Optional.empty(), BOUNDS);
  }

  @Override
  public DeviceBackend create(BackendDevice device) throws DeviceException {
    made.add(device.id());
    return new ConsoleDevice(device, this);
  }

  void removed(DeviceId id) {
    made.remove(id);
  }

  /// Whether a device of this class is made, connected or not. Any thread.
  public boolean serves(DeviceId id) {
    return made.contains(id);
  }

  /// Begins to look for primary consoles. Any thread; once.
  public void start() throws StoreException {
    domains.start();
  }

  /// Lets go of every primary console; those on xenbus the bus ends. Any thread.
  ///
  /// @return completes on the bus's loop when that is done
  public CompletionStage<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    var _ =
        domains
            .close()
            .thenRunAsync(
                () -> {
                  try {
                    Closing.each(List.copyOf(primaries.values()), PrimaryConsole::end);
                  } finally {
                    primaries.clear();
                    done.complete(null);
                  }
                },
                bus::execute);
    return done.minimalCompletionStage();
  }

  /// Waits until the logs of consoles that have ended are written, half a second at most. After
  /// [#close()], and when the bus's devices have ended.
  ///
  /// @return whether they are
  public boolean finishLogs() {
    return writers.close();
  }

  private final class Primaries implements Domains.Listener {
    @Override
    public void appeared(int domid) {
      PrimaryConsole console = new PrimaryConsole(domid, store, bus, Consoles.this);
      primaries.put(domid, console);
      console.begin();
    }

    @Override
    public void gone(int domid) {
      PrimaryConsole console = primaries.remove(domid);
      if (console != null) {
        console.end();
      }
    }
  }

  NettyLoop loop() {
    return loop;
  }

  Guests guests() {
    return guests;
  }

  ConsoleSettings settings() {
    return settings;
  }

  LogWriters writers() {
    return writers;
  }

  Access access() {
    return access;
  }

  /// A domain's name, as its toolstack has written it; empty if it has none.
  String guestName(int domid) throws StoreException {
    return store.read("/local/domain/" + domid + "/name").orElse("");
  }

  /// The toolstack's `limit`, or what is usual if it has written none that makes sense.
  static int limit(Optional<String> node) {
    return node.filter(text -> text.matches("[0-9]{1,9}"))
        .map(Integer::parseInt)
        .map(limit -> Math.clamp(limit, LEAST_LIMIT, MOST_LIMIT))
        .orElse(USUAL_LIMIT);
  }

  void opened(OpenConsole console) {
    open.put(console.id(), console);
  }

  void close(OpenConsole console) {
    open.remove(console.id(), console);
    console.attachment().close();
  }

  /// All consoles, ordered by domain and number. Any thread.
  public List<ConsoleStatistics> statistics() {
    return open.values().stream().map(OpenConsole::statistics).toList();
  }

  /// Finds a console by "console1.0", by its guest's name (the primary one) or by name and number
  /// ("web/1"), in this order: no guest's name hides another's console. Any thread.
  public Optional<GuestConsole> find(String name) {
    return first(console -> console.id().toString().equals(name))
        .or(() -> first(console -> console.id().number() == 0 && name.equals(console.guest())))
        .or(() -> first(console -> name.equals(console.guest() + '/' + console.id().number())));
  }

  private Optional<GuestConsole> first(Predicate<OpenConsole> wanted) {
    return open.values().stream().filter(wanted).map(OpenConsole::console).findFirst();
  }

  /// Has all log files opened anew. Any thread.
  public void reopenLogs() {
    open.values().forEach(console -> console.console().reopenLog());
  }
}
