package org.netback.xen.embedded;

import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;
import org.netback.loop.Closing;
import org.netback.loop.libc.LibC;
import org.netback.xen.embedded.Hypervisor.Opened;
import org.netback.xen.embedded.event.ChannelEnd;
import org.netback.xen.embedded.event.EventfdPair;
import org.netback.xen.embedded.event.LocalChannel;
import org.netback.xen.embedded.memory.GrantPins;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.wire.GroundMessage;
import org.netback.xen.embedded.wire.GroundMessage.Allocate;
import org.netback.xen.embedded.wire.GroundMessage.AttachBackend;
import org.netback.xen.embedded.wire.GroundMessage.AttachGuest;
import org.netback.xen.embedded.wire.GroundMessage.Attached;
import org.netback.xen.embedded.wire.GroundMessage.Bind;
import org.netback.xen.embedded.wire.GroundMessage.ClosePort;
import org.netback.xen.embedded.wire.GroundMessage.Destroyed;
import org.netback.xen.embedded.wire.GroundMessage.Done;
import org.netback.xen.embedded.wire.GroundMessage.MemoryOpened;
import org.netback.xen.embedded.wire.GroundMessage.OpenConsole;
import org.netback.xen.embedded.wire.GroundMessage.OpenMemory;
import org.netback.xen.embedded.wire.GroundMessage.Pin;
import org.netback.xen.embedded.wire.GroundMessage.Pinned;
import org.netback.xen.embedded.wire.GroundMessage.PortOpened;
import org.netback.xen.embedded.wire.GroundMessage.Refused;
import org.netback.xen.embedded.wire.GroundMessage.Reply;
import org.netback.xen.embedded.wire.GroundMessage.Request;
import org.netback.xen.embedded.wire.GroundMessage.Unpin;
import org.netback.xen.embedded.wire.SeqpacketSocket;
import org.netback.xen.grant.GrantException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One attached process, as the ground serves it, on a thread of its own.
///
/// What the process sends may be anything. A message that is none of the protocol's, or that comes
/// from the wrong role, ends the connection; so does a full socket, for it is never waited for. And
/// with the connection goes everything that it made: that is also how a killed process is cleaned
/// up.
final class GroundSession implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(GroundSession.class);

  /// Within this time a process must say who it is.
  private static final Duration INTRODUCTION = Duration.ofSeconds(10);

  /// How long a new guest waits for the end of another of its name.
  private static final Duration PREDECESSOR = Duration.ofSeconds(1);

  private final EmbeddedGround ground;
  private final Hypervisor hypervisor;
  private final SeqpacketSocket socket;

  GroundSession(EmbeddedGround ground, Hypervisor hypervisor, SeqpacketSocket socket) {
    this.ground = ground;
    this.hypervisor = hypervisor;
    this.socket = socket;
  }

  /// Serves until either side closes.
  @Override
  public void run() {
    try (socket) {
      socket.receiveWithin(INTRODUCTION);
      Optional<Asked> first = next();
      if (first.isEmpty()) {
        return;
      }
      socket.receiveWithin(Duration.ZERO);
      switch (first.get().request) {
        case AttachBackend _ -> serveBackend(first.get().id);
        case AttachGuest(GuestSpec spec) -> serveGuest(first.get().id, spec);
        case Allocate _, OpenConsole _, Bind _, ClosePort _, OpenMemory _, Pin _, Unpin _ ->
            throw new IOException("a first message that is not to attach");
      }
    } catch (IOException e) {
      // Once per connection.
      LOG.info("a process was detached from the ground: {}", e.getMessage());
    } catch (RuntimeException | Error e) {
      ground.errors().record("ground, which detached a process for it", e);
    }
  }

  private record Asked(int id, Request request) {}

  private Optional<Asked> next() throws IOException {
    Optional<SeqpacketSocket.Message> message = socket.receive(false);
    if (message.isEmpty()) {
      return Optional.empty();
    }
    if (message.get().octets().remaining() < 5) {
      throw new IOException("message of " + message.get().octets().remaining() + " octets");
    }
    int id = message.get().octets().getInt();
    if (GroundMessage.read(message.get().octets()) instanceof Request request) {
      return Optional.of(new Asked(id, request));
    }
    throw new IOException("a message that only the ground sends");
  }

  private void reply(int id, Reply reply, int... descriptors) throws IOException {
    socket.send(GroundMessage.write(id, reply), descriptors);
  }

  private void refuse(int id, IOException why) throws IOException {
    // The text may name a path of any length; the message is bounded.
    String text = String.valueOf(why.getMessage());
    reply(id, new Refused(0, (short) 0, text.substring(0, Math.min(text.length(), 1000))));
  }

  private void serveGuest(int id, GuestSpec spec) throws IOException {
    CompletableFuture<String> lost = new CompletableFuture<>();
    Domain domain;
    try {
      domain = create(spec);
    } catch (IOException e) {
      refuse(id, e);
      return;
    }
    try {
      String store;
      try {
        store = ground.introduce(domain, spec, lost).toString();
      } catch (IOException e) {
        refuse(id, e);
        return;
      }
      // Destroyed from elsewhere: the guest finds out by the end of its connection.
      var _ = lost.thenRun(socket::close);
      Attached attached = new Attached(domain.domid, spec.size(), store);
      domain.memory.orElseThrow().lend(memory -> reply(id, attached, memory));
      Set<Integer> ports = new HashSet<>();
      Optional<Asked> asked = next();
      while (asked.isPresent()) {
        serveChannels(asked.get(), domain, ports);
        asked = next();
      }
    } finally {
      ground.destroy(domain, "its process has gone");
    }
  }

  /// A guest that was killed and started again may come before its end was noticed here.
  private Domain create(GuestSpec spec) throws IOException {
    long end = System.nanoTime() + PREDECESSOR.toNanos();
    while (true) {
      try {
        return hypervisor.create(spec.name(), spec.size());
      } catch (NameTakenException e) {
        if (System.nanoTime() - end >= 0) {
          throw e;
        }
      }
      try {
        Thread.sleep(Duration.ofMillis(10));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
  }

  private void serveBackend(int id) throws IOException {
    int user = socket.peerUser();
    if (user != LibC.getuid() && user != 0) {
      refuse(
          id,
          new IOException(
              "backends run as user " + LibC.getuid() + " or root, not as user " + user));
      return;
    }
    Domain domain = hypervisor.domain(Hypervisor.BACKEND_DOMID);
    Set<Integer> ports = new HashSet<>();
    Set<Long> pins = new HashSet<>();
    IntConsumer listener = this::tellDestroyed;
    hypervisor.onDestroyed(listener);
    try {
      String store = EmbeddedGround.storeSocket(ground.runDirectory()).toString();
      reply(id, new Attached(domain.domid, domain.size, store));
      Optional<Asked> asked = next();
      while (asked.isPresent()) {
        serveBackend(asked.get(), domain, ports, pins);
        asked = next();
      }
    } finally {
      hypervisor.forgetListener(listener);
      Closing.all(
          () -> Closing.each(ports, port -> hypervisor.close(domain, port)),
          () -> Closing.each(pins, hypervisor::unpin));
    }
  }

  private void tellDestroyed(int domid) {
    try {
      reply(0, new Destroyed(domid));
    } catch (IOException e) {
      // Without this notice it would keep a dead domain's memory for ever.
      socket.close();
    }
  }

  private void serveBackend(Asked asked, Domain domain, Set<Integer> ports, Set<Long> pins)
      throws IOException {
    switch (asked.request) {
      case OpenMemory(int domid) -> openMemory(asked.id, domid);
      case Pin(int domid, boolean readOnly, List<Integer> grefs) -> {
        try {
          int[] references = grefs.stream().mapToInt(Integer::intValue).toArray();
          GrantPins.Pin pin = hypervisor.pin(domain.domid, domid, references, readOnly);
          pins.add(pin.id());
          reply(asked.id, new Pinned(pin.id(), asList(pin.frames())));
        } catch (GrantException e) {
          reply(asked.id, new Refused(e.gref(), e.status(), "refused"));
        }
      }
      case Unpin(long pin) -> {
        if (pins.remove(pin)) {
          hypervisor.unpin(pin);
        }
        reply(asked.id, new Done());
      }
      case Allocate _, OpenConsole _, Bind _, ClosePort _, AttachBackend _, AttachGuest _ ->
          serveChannels(asked, domain, ports);
    }
  }

  private static List<Integer> asList(int[] numbers) {
    return Arrays.stream(numbers).boxed().toList();
  }

  private void openMemory(int id, int domid) throws IOException {
    Optional<Domain> domain = hypervisor.find(domid).filter(d -> d.memory.isPresent());
    if (domain.isEmpty()) {
      refuse(id, new IOException("domain " + domid + " does not exist"));
      return;
    }
    MemoryOpened opened = new MemoryOpened(domid, domain.get().size);
    domain.get().memory.orElseThrow().lend(memory -> reply(id, opened, memory));
  }

  private void serveChannels(Asked asked, Domain domain, Set<Integer> ports) throws IOException {
    try {
      switch (asked.request) {
        case Allocate(int remoteDomid) ->
            opened(
                asked.id,
                hypervisor.allocate(domain, remoteDomid, (_, _) -> EventfdPair.create()),
                ports);
        case OpenConsole() -> {
          if (domain.domid == Hypervisor.BACKEND_DOMID) {
            throw new DetachException("a backend that asks for a console");
          }
          Opened<EventfdPair> offered =
              hypervisor.allocate(domain, Hypervisor.BACKEND_DOMID, (_, _) -> EventfdPair.create());
          try {
            ground.announceConsole(domain, offered.port());
          } catch (IOException e) {
            hypervisor.close(domain, offered.port());
            throw e;
          }
          opened(asked.id, offered, ports);
        }
        case Bind(int remoteDomid, int remotePort) ->
            opened(
                asked.id,
                hypervisor.bind(domain, remoteDomid, remotePort, (_, offered) -> endFor(offered)),
                ports);
        case ClosePort(int port) -> {
          // Another process of the same domain may have ports too.
          if (ports.remove(port)) {
            hypervisor.close(domain, port);
          }
          reply(asked.id, new Done());
        }
        case AttachBackend _, AttachGuest _ -> throw new DetachException("attached already");
        case OpenMemory _, Pin _, Unpin _ ->
            throw new DetachException("a guest that asks for other domains' memory");
      }
    } catch (DetachException e) {
      throw e;
    } catch (IOException e) {
      refuse(asked.id, e);
    }
  }

  /// Two processes share the pair that was made for the offer; a channel to one of this process
  /// gets a pair of its own.
  private static EventfdPair endFor(Optional<ChannelEnd> offered) throws IOException {
    return switch (offered.orElseThrow()) {
      case EventfdPair remote -> remote.opposite();
      case LocalChannel local -> {
        if (!local.canBeWired()) {
          throw new IOException("the guest's loop cannot wait for another process");
        }
        yield EventfdPair.create();
      }
    };
  }

  private void opened(int id, Opened<EventfdPair> opened, Set<Integer> ports) throws IOException {
    ports.add(opened.port());
    PortOpened reply = new PortOpened(opened.port());
    if (!opened.end().lend((inbox, outbox) -> reply(id, reply, inbox, outbox))) {
      throw new IOException("port " + opened.port() + " is gone with its domain");
    }
  }

  /// Ends the connection.
  private static final class DetachException extends IOException {
    private static final long serialVersionUID = 1;

    DetachException(String why) {
      super(why);
    }
  }
}
