package org.netback.xen.embedded;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntConsumer;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.Domain.Port;
import org.netback.xen.embedded.event.ChannelEnd;
import org.netback.xen.embedded.event.EventfdPair;
import org.netback.xen.embedded.event.LocalChannel;
import org.netback.xen.embedded.memory.DomainMemory;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.memory.EmbeddedForeignMemory;
import org.netback.xen.embedded.memory.EmbeddedGrantTable;
import org.netback.xen.embedded.memory.EmbeddedGuestMemory;
import org.netback.xen.embedded.memory.GrantPins;
import org.netback.xen.embedded.memory.MappedMemories;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.ground.Domids;
import org.netback.xen.ground.Guests;

/// What a hypervisor keeps: the domains, their memory, who mapped what, and which event channels
/// join them. Any thread; one lock, which is never held while foreign code runs, and which no copy
/// and no event takes.
///
/// The backends' domain is there from the start. It has no memory of its own here, as it grants
/// nothing.
public final class Hypervisor implements AutoCloseable {
  /// The domain that backends run in. This ground has no other that could: it is domain 0, as dom0
  /// is, and nothing else here says so.
  public static final int BACKEND_DOMID = 0;

  private static final int MAX_DOMAINS = 1024;
  private static final int MAX_BACKEND_PORTS = MAX_DOMAINS * Domain.MAX_PORTS;

  private final MappedMemories mapped = new MappedMemories();
  private final Map<Integer, Domain> domains = new HashMap<>();
  private final Map<Long, PinnedGrants> pinned = new LinkedHashMap<>();
  private final List<IntConsumer> destroyed = new CopyOnWriteArrayList<>();
  private int lastDomid;
  private long lastPin;
  private boolean closed;

  public Hypervisor() {
    domains.put(BACKEND_DOMID, new Domain(BACKEND_DOMID, "Domain-0"));
  }

  /// Creates a domain whose guest lives in this process.
  ///
  /// @param name no two domains that live have the same
  public BareDomain createDomain(String name, DomainSize size) throws IOException {
    Domain domain = create(name, size);
    return new BareDomain(
        new EmbeddedGuestMemory(domain.domid, domain.memory.orElseThrow(), size),
        events(domain),
        name,
        () -> destroy(domain));
  }

  /// Grants given to a domain, for a driver in this process.
  public GrantTable grantTable(int domid) {
    return new EmbeddedGrantTable(domid, mapped, new LocalPins(this, domid));
  }

  /// Any page of any domain, for the backends' domain.
  public ForeignMemory foreign() {
    return new EmbeddedForeignMemory(this::memoryOf);
  }

  private DomainMemory memoryOf(int domid) throws IOException {
    return find(domid)
        .flatMap(domain -> domain.memory)
        .orElseThrow(() -> new IOException("domain " + domid + " does not exist"));
  }

  /// What the backends' drivers in this process reach guests by.
  public Guests guests() {
    return new Guests(grantTable(BACKEND_DOMID), backendEvents(), foreign());
  }

  /// Event channels of the backends' domain, for drivers in this process.
  public EventChannels backendEvents() {
    return events(domain(BACKEND_DOMID));
  }

  EventChannels events(Domain domain) {
    return new LocalEventChannels(this, domain);
  }

  synchronized Domain domain(int domid) {
    return Optional.ofNullable(domains.get(domid))
        .orElseThrow(() -> new IllegalStateException("domain " + domid + " does not exist"));
  }

  synchronized Domain create(String name, DomainSize size) throws IOException {
    if (closed) {
      throw new IOException("create domain " + name + ": the ground is closed");
    }
    for (Domain other : domains.values()) {
      if (other.name.equals(name)) {
        throw new NameTakenException(name, other.domid);
      }
    }
    if (domains.size() > MAX_DOMAINS) {
      throw new IOException("create domain " + name + ": there are " + MAX_DOMAINS + " already");
    }
    do {
      lastDomid = lastDomid == Domids.FIRST_RESERVED - 1 ? 1 : lastDomid + 1;
    } while (domains.containsKey(lastDomid));
    DomainMemory memory = DomainMemory.create(size);
    memory.grantConsole(BACKEND_DOMID);
    Domain domain = new Domain(lastDomid, name, size, memory);
    domains.put(domain.domid, domain);
    mapped.put(domain.domid, memory);
    return domain;
  }

  /// Ends a domain: its channels close, and its memory goes as soon as nobody maps it.
  void destroy(Domain domain) {
    synchronized (this) {
      if (!domains.remove(domain.domid, domain)) {
        return;
      }
      mapped.remove(domain.domid);
      for (Port port : List.copyOf(domain.ports.values())) {
        close(port);
      }
      pinned.values().removeIf(pin -> pin.domain == domain);
    }
    Closing.all(
        domain.memory.orElseThrow()::close,
        () -> Closing.each(destroyed, listener -> listener.accept(domain.domid)));
  }

  /// Calls back with the domid of each domain that is destroyed, on the destroying thread.
  void onDestroyed(IntConsumer listener) {
    destroyed.add(listener);
  }

  void forgetListener(IntConsumer listener) {
    destroyed.remove(listener);
  }

  synchronized Optional<Domain> find(int domid) {
    return Optional.ofNullable(domains.get(domid));
  }

  /// Offers a new port (`EVTCHNOP_alloc_unbound`).
  synchronized <E extends ChannelEnd> Opened<E> allocate(
      Domain domain, int remoteDomid, EndFactory<E> end) throws IOException {
    if (!Domids.isDomain(remoteDomid)) {
      throw new IOException("offer a port of domain " + domain.domid + " to domain " + remoteDomid);
    }
    return open(domain, remoteDomid, end, Optional.empty());
  }

  /// Binds to an offered port (`EVTCHNOP_bind_interdomain`).
  synchronized <E extends ChannelEnd> Opened<E> bind(
      Domain domain, int remoteDomid, int remotePort, EndFactory<E> end) throws IOException {
    Optional<Domain> remote = Optional.ofNullable(domains.get(remoteDomid));
    String what = "bind port " + Integer.toUnsignedString(remotePort) + " of domain " + remoteDomid;
    if (remote.isEmpty()) {
      throw new IOException(what + ": no such domain");
    }
    Optional<Port> offered = Optional.ofNullable(remote.get().ports.get(remotePort));
    if (offered.isEmpty()) {
      throw new IOException(what + ": no such port");
    }
    if (offered.get().remoteDomid != domain.domid) {
      throw new IOException(
          what
              + ": offered to domain "
              + offered.get().remoteDomid
              + ", not to domain "
              + domain.domid);
    }
    if (offered.get().peer.isPresent()) {
      throw new IOException(
          what + ": taken by port " + offered.get().peer.get().number + " already");
    }
    return open(domain, remoteDomid, end, offered);
  }

  private <E extends ChannelEnd> Opened<E> open(
      Domain domain, int remoteDomid, EndFactory<E> factory, Optional<Port> peer)
      throws IOException {
    if (domains.get(domain.domid) != domain) {
      throw new IOException("open a port: domain " + domain.domid + " is gone");
    }
    int limit = domain.domid == BACKEND_DOMID ? MAX_BACKEND_PORTS : Domain.MAX_PORTS;
    if (domain.ports.size() >= limit) {
      throw new IOException("open a port: domain " + domain.domid + " has " + limit + " already");
    }
    int number = domain.freePort(limit);
    E end = factory.make(number, peer.map(offered -> offered.end));
    Port port = new Port(domain, number, remoteDomid, end);
    domain.ports.put(number, port);
    peer.ifPresent(
        offered -> {
          offered.peer = Optional.of(port);
          port.peer = Optional.of(offered);
          connect(offered.end, port.end);
          connect(port.end, offered.end);
        });
    return new Opened<>(number, end);
  }

  private static void connect(ChannelEnd end, ChannelEnd peer) {
    switch (end) {
      case LocalChannel here -> {
        switch (peer) {
          case LocalChannel there -> here.connect(there);
          case EventfdPair there -> here.connect(there.opposite());
        }
      }
      case EventfdPair _ -> {
        // Its owner holds the eventfds from the start.
      }
    }
  }

  synchronized void close(Domain domain, int number) {
    Optional.ofNullable(domain.ports.get(number)).ifPresent(this::close);
  }

  private void close(Port port) {
    port.domain.ports.remove(port.number);
    switch (port.end) {
      case LocalChannel here -> here.disconnect();
      case EventfdPair there -> there.release();
    }
    port.peer.ifPresent(
        peer -> {
          peer.peer = Optional.empty();
          if (peer.end instanceof LocalChannel here) {
            here.disconnect();
          }
        });
    port.peer = Optional.empty();
  }

  /// Marks grants as in use, all or none.
  synchronized GrantPins.Pin pin(int user, int domid, int[] grefs, boolean readOnly)
      throws GrantException {
    Optional<Domain> domain =
        Optional.ofNullable(domains.get(domid)).filter(d -> d.memory.isPresent());
    if (domain.isEmpty()) {
      throw GrantPins.refused(domid, grefs[0], GrantStatus.BAD_DOMAIN);
    }
    int[] frames = domain.get().grants.pin(user, grefs, readOnly);
    pinned.put(++lastPin, new PinnedGrants(domain.get(), grefs.clone(), readOnly));
    return new GrantPins.Pin(lastPin, frames, domain.get().memory.orElseThrow());
  }

  synchronized void unpin(long id) {
    Optional.ofNullable(pinned.remove(id))
        .ifPresent(pin -> pin.domain.grants.unpin(pin.grefs, pin.readOnly));
  }

  /// Destroys every domain.
  @Override
  public void close() {
    List<Domain> left;
    synchronized (this) {
      closed = true;
      left = new ArrayList<>(domains.values());
    }
    left.removeIf(domain -> domain.memory.isEmpty());
    Closing.each(left, this::destroy);
  }

  /// Makes the end of a port that is being opened.
  @FunctionalInterface
  interface EndFactory<E extends ChannelEnd> {
    /// @param offered the end that it is going to be bound to
    E make(int port, Optional<ChannelEnd> offered) throws IOException;
  }

  record Opened<E extends ChannelEnd>(int port, E end) {}

  private static final class PinnedGrants {
    private final Domain domain;
    private final int[] grefs;
    private final boolean readOnly;

    PinnedGrants(Domain domain, int[] grefs, boolean readOnly) {
      this.domain = domain;
      this.grefs = grefs;
      this.readOnly = readOnly;
    }
  }

  private record LocalPins(Hypervisor hypervisor, int user) implements GrantPins {
    @Override
    public Pin pin(int domid, int[] grefs, boolean readOnly) throws GrantException {
      return hypervisor.pin(user, domid, grefs, readOnly);
    }

    @Override
    public boolean open(int domid) {
      return false; // all that live are mapped
    }

    @Override
    public void unpin(Pin pin) {
      hypervisor.unpin(pin.id());
    }
  }

  private record LocalEventChannels(Hypervisor hypervisor, Domain domain) implements EventChannels {
    @Override
    public EventChannel bind(int remoteDomid, int remotePort, EventLoop loop, EventHandler handler)
        throws IOException {
      LocalChannel bound =
          hypervisor
              .bind(
                  domain,
                  remoteDomid,
                  remotePort,
                  (port, offered) -> channel(port, offered, loop, handler))
              .end();
      // What was rung while nobody was bound is lost: make it up, as Xen does.
      bound.ring();
      return bound;
    }

    @Override
    public EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler)
        throws IOException {
      return hypervisor
          .allocate(domain, remoteDomid, (port, offered) -> channel(port, offered, loop, handler))
          .end();
    }

    private LocalChannel channel(
        int port, Optional<ChannelEnd> offered, EventLoop loop, EventHandler handler) {
      if (offered.filter(EventfdPair.class::isInstance).isPresent()
          && !(loop instanceof NettyLoop)) {
        throw new IllegalArgumentException("a channel to another process needs a NettyLoop");
      }
      return new LocalChannel(port, loop, handler, () -> hypervisor.close(domain, port));
    }
  }
}
