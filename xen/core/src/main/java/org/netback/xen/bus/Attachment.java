package org.netback.xen.bus;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Guests;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;

/// What a backend holds of one connection of its frontend's: rings, mapped pages, channels, and
/// what serves them, each by the key of the frontend's directory that names it. Whatever is wrong
/// with a key, its reference or its channel is a [DeviceException] that names the key.
///
/// ```
/// BackRing ring = attachment.ring("ring-ref", Request.SIZE);
/// RingService service = new RingService(ring, loop, round, attachment::fail);
/// attachment.serve(service, attachment.bind("event-channel", loop, service::onEvent));
/// attachment.start();
/// ```
///
/// [#close()] lets go of everything in the reverse order; a class that has something of its own to
/// let go of in that order adds it by [#keep]. Made, started and closed on the bus's thread; only
/// [#fail] is for any.
public final class Attachment implements AutoCloseable {
  private static final long MAX_GREF = 0xffff_ffffL;

  /// What ten digits can say: 36 TiB of memory.
  private static final long MAX_FRAME = 9_999_999_999L;

  private final String owner;
  private final int domid;
  private final FrontendKeys keys;
  private final Guests guests;
  private final InternalErrors errors;
  private final Consumer<String> failure;

  /// By reference and by port, the key that has named it: a frontend that names one twice has made
  /// a mistake, or wants a page to be two rings.
  private final Map<Long, String> grefs = new HashMap<>();

  private final Map<Long, String> ports = new HashMap<>();
  private final Map<String, Integer> judged = new HashMap<>();
  private final Deque<Runnable> held = new ArrayDeque<>();
  private final List<Served> served = new ArrayList<>();
  private final AtomicBoolean over = new AtomicBoolean();

  private record Served(RingService service, EventChannel channel) {}

  /// Of a device on xenbus.
  ///
  /// @param keys one reading of the frontend's directory
  /// @param errors where a fault of ours is recorded, as the device's
  public Attachment(BackendDevice device, FrontendKeys keys, Guests guests, InternalErrors errors) {
    this("device " + device.id(), device.id().domid(), keys, guests, errors, device::fail);
  }

  /// Of something that is no device on xenbus, as a primary console.
  ///
  /// @param owner by whose name a fault of ours is recorded
  /// @param keys one reading of the directory that has the keys
  /// @param failure told why the connection has failed; called on any thread, must return at once
  public Attachment(
      String owner,
      int domid,
      FrontendKeys keys,
      Guests guests,
      InternalErrors errors,
      Consumer<String> failure) {
    this.owner = owner;
    this.domid = domid;
    this.keys = keys;
    this.guests = guests;
    this.errors = errors;
    this.failure = failure;
  }

  /// The guest's domain.
  public int domid() {
    return domid;
  }

  public Guests guests() {
    return guests;
  }

  /// Maps a ring of one page.
  ///
  /// @param key of the page's grant reference
  /// @param slotSize octets of the larger of request and response
  public BackRing ring(String key, int slotSize) throws DeviceException {
    return ring(List.of(key), slotSize);
  }

  /// Maps a ring of several pages.
  ///
  /// @param pages the keys of their grant references, in order: 1, 2, 4, 8 or 16
  public BackRing ring(List<String> pages, int slotSize) throws DeviceException {
    GrantMapping mapping = map(pages, false);
    try {
      return BackRing.attach(mapping.memory(), slotSize);
    } catch (RingViolation e) {
      throw new DeviceException(pages.getFirst() + ": " + e.getMessage(), e);
    }
  }

  /// Maps pages side by side.
  ///
  /// @param pages the keys of their grant references, in order
  public GrantMapping map(List<String> pages, boolean readOnly) throws DeviceException {
    int[] references = new int[pages.size()];
    for (int i = 0; i < references.length; i++) {
      references[i] = gref(pages.get(i));
    }
    try {
      GrantMapping mapping = guests.grants().map(domid(), references, readOnly);
      keep(mapping::close);
      return mapping;
    } catch (GrantException e) {
      throw new DeviceException(pages.getFirst() + ": " + e.getMessage(), e);
    }
  }

  /// Maps the page behind a grant reference that the toolstack has given from the start
  /// (`GNTTAB_RESERVED_CONSOLE`), or, where there is no such grant, the page whose frame number a
  /// key has.
  public GrantMapping reserved(int gref, String frameKey) throws DeviceException {
    try {
      GrantMapping mapping = guests.grants().map(domid, new int[] {gref}, false);
      keep(mapping::close);
      return mapping;
    } catch (GrantException e) {
      return foreign(frameKey, e);
    }
  }

  private GrantMapping foreign(String key, GrantException notGranted) throws DeviceException {
    long frame = keys.number(key, 0, MAX_FRAME);
    try {
      GrantMapping mapping = guests.foreign().map(domid, new long[] {frame}, false);
      keep(mapping::close);
      return mapping;
    } catch (IOException e) {
      e.addSuppressed(notGranted);
      throw new DeviceException(key + ": " + e.getMessage() + "; " + notGranted.getMessage(), e);
    }
  }

  /// Binds to a channel that the guest has offered.
  ///
  /// @param key of its port
  public EventChannel bind(String key, EventLoop loop, EventHandler handler)
      throws DeviceException {
    int port = port(key);
    try {
      EventChannel channel = guests.events().bind(domid(), port, loop, handler);
      keep(channel::close);
      return channel;
    } catch (IOException e) {
      throw new DeviceException(key + ": " + e.getMessage(), e);
    }
  }

  /// The grant reference that a key names, which no other key may. Read and judged at the first
  /// call: a class that calls this for all its keys first has mapped nothing when one of them is
  /// wrong.
  public int gref(String key) throws DeviceException {
    return judge(key, 0, MAX_GREF, grefs);
  }

  /// The channel's port that a key names, as [#gref] does it.
  public int port(String key) throws DeviceException {
    return judge(key, 1, Integer.MAX_VALUE, ports);
  }

  private int judge(String key, long min, long max, Map<Long, String> claimed)
      throws DeviceException {
    Integer known = judged.get(key);
    if (known != null) {
      return known;
    }
    long value = keys.number(key, min, max);
    String other = claimed.putIfAbsent(value, key);
    if (other != null) {
      throw new DeviceException(key + " is " + value + ", as is " + other);
    }
    judged.put(key, (int) value);
    return (int) value;
  }

  /// Has something let go of when everything kept later has been.
  public void keep(Runnable release) {
    held.push(release);
  }

  /// Has a service started by [#start()], told of its guest by the channel.
  public void serve(RingService service, EventChannel channel) {
    served.add(new Served(service, channel));
    keep(service::close);
  }

  /// Starts what is to be served, in the order of [#serve].
  public void start() {
    served.forEach(each -> each.service().start(each.channel()));
  }

  /// Ends the connection for what its guest or we have done: no service begins another round, and
  /// the device fails, which has it closed. Any thread, also under a service's guard; the first
  /// failure counts.
  ///
  /// @param cause a [RingViolation], or a fault of ours, which is recorded as such
  /// @return whether it was the first, and the connection was not being closed
  public boolean fail(Throwable cause) {
    if (!over.compareAndSet(false, true)) {
      return false;
    }
    served.forEach(each -> each.service().halt());
    if (cause instanceof RingViolation) {
      failure.accept("broken ring: " + cause.getMessage());
    } else {
      errors.record(owner, cause);
      failure.accept("internal error: " + cause);
    }
    return true;
  }

  /// Lets go of everything. Idempotent; what throws is not tried again.
  @Override
  public void close() {
    over.set(true);
    List<Runnable> all = List.copyOf(held);
    held.clear();
    Closing.each(all, Runnable::run);
  }
}
