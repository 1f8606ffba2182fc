package org.netback.netif;

import java.lang.foreign.Arena;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.netback.ctrl.GrefBudget;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.vswitch.Network;
import org.netback.vswitch.PortName;
import org.netback.vswitch.PortNameTakenException;
import org.netback.vswitch.Switch;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreException;

/// Makes a [Vif] of each device of type `vif`, and joins it to the network that the `bridge` key of
/// its backend directory names, as the toolstack would have joined it to a bridge of that name. Any
/// thread.
public final class NetBackend implements DeviceBackend.Factory {
  /// Of the type in a device's path: `backend/vif/3/0`.
  public static final String TYPE = "vif";

  /// The kernel's own backend of these devices.
  private static final KernelDriver XEN_NETBACK = new KernelDriver(TYPE, "xen-netback");

  /// Linux's netfront has some thirty keys with those of the toolstack, and writes four per queue;
  /// headers to come have room.
  private static final KeyBounds BOUNDS = new KeyBounds(64, VifSettings.MOST_QUEUES, 16);

  /// Pages that guests may have mapped for good, all together: a fourth of the mappings that Linux
  /// allows a process, since a list may need one per page.
  static final int MOST_STATIC_PAGES = 16384;

  private final Switch vswitch;
  private final NetworkPolicy networks;
  private final Guests guests;
  private final InternalErrors errors;
  private final GrefBudget grefBudget = new GrefBudget(MOST_STATIC_PAGES);
  private final int maxQueues;
  private final Executor storeWriter;
  private final List<LoopMemory> loops;

  /// One for all queues of a vif, whose loops tell the same time.
  private final LongSupplier clock;

  private final AtomicInteger nextLoop = new AtomicInteger();
  private final ThreadLocal<PortScratch> scratch = ThreadLocal.withInitial(PortScratch::new);
  private final Map<DeviceId, Vif> vifs = new ConcurrentHashMap<>();

  /// @param loops that serve the queues, which are dealt out to them in turn
  /// @param maxQueues what a guest may ask for, 1 to 64
  /// @param storeWriter runs writes to the store that a loop has no time for, in order: one thread
  public NetBackend(
      Switch vswitch,
      NetworkPolicy networks,
      Guests guests,
      List<EventLoop> loops,
      int maxQueues,
      Executor storeWriter) {
    if (maxQueues < 1 || maxQueues > VifSettings.MOST_QUEUES || loops.isEmpty()) {
      throw new IllegalArgumentException(maxQueues + " queues on " + loops.size() + " loops");
    }
    this.vswitch = vswitch;
    this.networks = networks;
    this.guests = guests;
    this.errors = loops.get(0).errors();
    this.loops =
        loops.stream().map(loop -> new LoopMemory(loop, guests.grants(), Arena.ofAuto())).toList();
    this.clock = loops.get(0)::nanoTime;
    this.maxQueues = maxQueues;
    this.storeWriter = storeWriter;
  }

  /// What the bus has to know of vifs.
  public DeviceClass deviceClass() {
    return new DeviceClass(TYPE, this, DeviceStates.USUAL, true, Optional.of(XEN_NETBACK), BOUNDS);
  }

  @Override
  public Vif create(BackendDevice device) throws DeviceException {
    DeviceId id = device.id();
    BackendSettings settings = BackendSettings.read(device);
    Network network = network(settings.network());
    PortName name = reserve(settings.name(), id);
    Vif vif =
        new Vif(
            device,
            settings,
            guests,
            errors,
            grefBudget,
            maxQueues,
            this::nextLoop,
            network,
            new VifPort(settings.name(), scratch, new Credit(clock)),
            storeWriter,
            new Credit(clock),
            () -> {
              vifs.remove(id);
              name.close();
            });
    vifs.put(id, vif);
    return vif;
  }

  private PortName reserve(String name, DeviceId id) throws DeviceException {
    try {
      return vswitch.reserve(name, "the device " + id);
    } catch (PortNameTakenException e) {
      throw new DeviceException(
          "vifname: " + e.getMessage() + "; the device is served when that has gone", e);
    }
  }

  private Network network(String named) throws DeviceException {
    String name = named.isEmpty() ? networks.defaultNetwork() : named;
    if (networks.createUnknown()) {
      return vswitch.network(name);
    }
    return vswitch
        .find(name)
        .orElseThrow(
            () ->
                new DeviceException(
                    "bridge: there is no network \""
                        + name
                        + "\"; the daemon's are "
                        + String.join(
                            ", ", vswitch.networks().stream().map(Network::name).toList())));
  }

  private LoopMemory nextLoop() {
    return loops.get(Math.floorMod(nextLoop.getAndIncrement(), loops.size()));
  }

  /// Changes the rates of a vif by the nodes that it watches, where the toolstack would write them,
  /// so that a backend that comes after this one finds them. Both are written or none. Any thread
  /// that may wait for the store.
  ///
  /// @param fromGuest empty to leave it as it is
  /// @param toGuest likewise
  /// @return false if there is no such vif, or its directory has gone
  public boolean writeRates(DeviceId id, Optional<Rate> fromGuest, Optional<Rate> toGuest)
      throws StoreException {
    Vif vif = vifs.get(id);
    return vif != null && vif.writeRates(fromGuest, toGuest);
  }

  /// All vifs, ordered by domain and handle.
  public List<VifStatistics> statistics() {
    return vifs.values().stream()
        .map(Vif::statistics)
        .sorted(
            Comparator.comparingInt((VifStatistics vif) -> vif.id().domid())
                .thenComparingInt(vif -> vif.id().handle()))
        .toList();
  }

  public Optional<VifStatistics> statistics(DeviceId id) {
    return Optional.ofNullable(vifs.get(id)).map(Vif::statistics);
  }
}
