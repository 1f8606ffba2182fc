package org.netback.xen.embedded.wire;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.netback.loop.Closing;
import org.netback.loop.libc.LibC;
import org.netback.xen.embedded.memory.DomainMemory;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.memory.EmbeddedForeignMemory;
import org.netback.xen.embedded.memory.EmbeddedGrantTable;
import org.netback.xen.embedded.memory.GrantPins;
import org.netback.xen.embedded.memory.MappedMemories;
import org.netback.xen.embedded.wire.GroundClient.Answer;
import org.netback.xen.embedded.wire.GroundMessage.Destroyed;
import org.netback.xen.embedded.wire.GroundMessage.MemoryOpened;
import org.netback.xen.embedded.wire.GroundMessage.OpenMemory;
import org.netback.xen.embedded.wire.GroundMessage.Pinned;
import org.netback.xen.embedded.wire.GroundMessage.Refused;
import org.netback.xen.embedded.wire.GroundMessage.Unpin;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.ground.Domids;

/// The guests' memory as a backends' process has mapped it, domain by domain when it first touches
/// one; grants are pinned in the ground.
///
/// The ground's words about a domain's birth and death arrive in order, and are acted upon by the
/// thread that they arrive on: so a domain that dies while its memory is being opened is not kept.
public final class RemoteMemories implements GrantPins, GroundClient.Notices {
  private final MappedMemories mapped = new MappedMemories();
  private final Map<Integer, DomainMemory> memories = new HashMap<>();

  /// Domains that were here and died: their drivers may copy on until they notice, and must not
  /// make a round trip to the ground for each.
  private final Set<Integer> dead = new HashSet<>();

  private Optional<GroundClient> ground = Optional.empty();
  private boolean closed;

  /// Grants given to a domain.
  public GrantTable grantTable(int domid) {
    return new EmbeddedGrantTable(domid, mapped, this);
  }

  public void attachTo(GroundClient client) {
    ground = Optional.of(client);
  }

  @Override
  public void said(Answer answer) throws IOException {
    switch (answer.reply()) {
      case MemoryOpened(int domid, DomainSize size) -> {
        if (answer.descriptors().size() != 1) {
          throw new IOException("memory of domain " + domid + " came without a descriptor");
        }
        opened(domid, size, answer.descriptors().getFirst());
      }
      case Destroyed(int domid) -> destroyed(domid);
      case GroundMessage.Attached _,
          GroundMessage.PortOpened _,
          Pinned _,
          GroundMessage.Done _,
          Refused _ -> {
        // the asker's alone
      }
    }
  }

  private synchronized void opened(int domid, DomainSize size, int descriptor) throws IOException {
    if (closed || memories.containsKey(domid)) {
      // Two threads asked at once.
      int _ = LibC.close(descriptor);
      return;
    }
    DomainMemory memory = DomainMemory.adopt(descriptor, size);
    memories.put(domid, memory);
    dead.remove(domid);
    mapped.put(domid, memory);
  }

  private synchronized void destroyed(int domid) {
    mapped.remove(domid);
    Optional<DomainMemory> memory = Optional.ofNullable(memories.remove(domid));
    if (memory.isPresent()) {
      dead.add(domid);
      memory.get().close();
    }
  }

  private synchronized Optional<DomainMemory> memory(int domid) {
    return Optional.ofNullable(memories.get(domid));
  }

  private synchronized boolean isDead(int domid) {
    return dead.contains(domid);
  }

  @Override
  public boolean open(int domid) {
    if (domid == 0 || !Domids.isDomain(domid) || isDead(domid)) {
      return false;
    }
    try {
      ask(domid);
      return memory(domid).isPresent();
    } catch (IOException e) {
      return false;
    }
  }

  private void ask(int domid) throws IOException {
    Answer _ = ground.orElseThrow().ask(new OpenMemory(domid));
  }

  @Override
  public Pin pin(int domid, int[] grefs, boolean readOnly) throws GrantException {
    if (grefs.length > GroundMessage.MAX_GREFS) {
      throw new GrantException(
          domid,
          grefs[0],
          GrantStatus.GENERAL_ERROR,
          grefs.length + " pages at once, more than " + GroundMessage.MAX_GREFS);
    }
    try {
      if (memory(domid).isEmpty()) {
        ask(domid);
      }
    } catch (IOException e) {
      throw new GrantException(
          domid, grefs[0], GrantStatus.BAD_DOMAIN, String.valueOf(e.getMessage()));
    }
    Optional<DomainMemory> memory = memory(domid);
    if (memory.isEmpty()) {
      throw GrantPins.refused(domid, grefs[0], GrantStatus.BAD_DOMAIN);
    }
    try {
      List<Integer> references = Arrays.stream(grefs).boxed().toList();
      Answer answer =
          ground.orElseThrow().askAnyway(new GroundMessage.Pin(domid, readOnly, references));
      return switch (answer.reply()) {
        case Pinned(long id, List<Integer> frames) ->
            new Pin(id, frames.stream().mapToInt(Integer::intValue).toArray(), memory.get());
        case Refused(int gref, short status, String _) ->
            throw GrantPins.refused(domid, gref, status);
        case GroundMessage.Attached _,
            GroundMessage.PortOpened _,
            MemoryOpened _,
            GroundMessage.Done _,
            Destroyed _ ->
            throw new IOException("the ground answered a pin with " + answer.reply());
      };
    } catch (GrantException e) {
      throw e;
    } catch (IOException e) {
      throw new GrantException(
          domid, grefs[0], GrantStatus.GENERAL_ERROR, String.valueOf(e.getMessage()));
    }
  }

  @Override
  public void unpin(Pin pin) {
    try {
      Answer _ = ground.orElseThrow().ask(new Unpin(pin.id()));
    } catch (IOException e) {
      // The connection has gone, and the pin with it.
      return;
    }
  }

  /// Any page of a domain, for domain 0.
  public ForeignMemory foreign() {
    return new EmbeddedForeignMemory(this::memoryOf);
  }

  private DomainMemory memoryOf(int domid) throws IOException {
    if (memory(domid).isEmpty() && !isDead(domid)) {
      ask(domid);
    }
    return memory(domid).orElseThrow(() -> new IOException("domain " + domid + " does not exist"));
  }

  public synchronized void close() {
    closed = true;
    memories.keySet().forEach(mapped::remove);
    List<DomainMemory> all = List.copyOf(memories.values());
    memories.clear();
    Closing.each(all, DomainMemory::close);
  }
}
