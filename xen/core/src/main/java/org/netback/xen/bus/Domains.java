package org.netback.xen.bus;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.netback.loop.EventLoop;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// Which domains there are, for devices that are found by their domain and not on xenbus, such as a
/// domain's primary console.
///
/// A domain is there while its directory below `/local/domain` has a `domid`, which the toolstack
/// writes before it introduces the domain to xenstored and which no guest may write. A domain that
/// has shut down is there until the toolstack removes it. The backends' own domain is one of them.
///
/// xenstored says that domains have come or gone, not which, by the watches `@introduceDomain` and
/// `@releaseDomain`; the domains are then listed. Each `domid` is watched besides, since a
/// toolstack may make a domain anew under the same number before anyone has looked (libxl does so
/// for a soft reset). Then the domain is told as gone and as appeared. A life that begins in the
/// moment in which it is looked at may be told so twice.
///
/// Runs on one loop, which may block for round trips to the store, as [BackendBus] does. What the
/// store refuses is tried again.
public final class Domains {
  private static final String DIRECTORY = "/local/domain";
  private static final List<String> CHANGES = List.of("@introduceDomain", "@releaseDomain");

  private final XenStore store;
  private final EventLoop loop;
  private final Listener listener;
  private final BusLog log;

  /// Domains, or all of them: an empty one.
  private final Marks<OptionalInt> marks;

  private final Map<Integer, Life> lives = new HashMap<>();
  private final Set<Integer> present = new ConcurrentSkipListSet<>();
  private final List<XenStore.Watch> watches = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  /// Hears of domains, on the loop. What it throws is recorded as the domain's own, and keeps
  /// nothing from being told to it later.
  public interface Listener {
    /// A domain is there, or there anew.
    void appeared(int domid);

    /// A domain that had appeared is there no more.
    void gone(int domid);
  }

  /// A domain's directory from when it is found to when its `domid` changes. Confined to the loop,
  /// except the count of changes.
  private static final class Life {
    private final AtomicInteger changes = new AtomicInteger();
    private int seen;
    private boolean told;
    private Optional<XenStore.Watch> watch = Optional.empty();
  }

  public Domains(XenStore store, EventLoop loop, Listener listener) {
    this.store = store;
    this.loop = loop;
    this.listener = listener;
    this.log = new BusLog(loop);
    this.marks = new Marks<>(loop, this::look);
  }

  /// Begins to tell of domains, those that are there already included. Any thread; once.
  public void start() throws StoreException {
    for (String change : CHANGES) {
      watches.add(store.watch(change, _ -> marks.mark(OptionalInt.empty())));
    }
  }

  /// The domains that have appeared and are not gone, in order. Any thread.
  public List<Integer> present() {
    return List.copyOf(present);
  }

  /// Ends; domains that are there are not told as gone. Any thread.
  ///
  /// @return completes on the loop, from when on nothing is told
  public CompletionStage<Void> close() {
    loop.execute(this::end);
    return ended.minimalCompletionStage();
  }

  private void look(SequencedSet<OptionalInt> marked) {
    for (OptionalInt mark : marked) {
      if (ended.isDone()) {
        return;
      }
      try {
        if (mark.isPresent()) {
          lookAtOne(mark.getAsInt());
        } else {
          lookAtAll();
        }
      } catch (StoreException e) {
        log.storeRefused(owner(mark), e);
        lookAgainLater(mark);
      } catch (Throwable e) {
        log.bug(owner(mark), e);
        lookAgainLater(mark);
      }
    }
  }

  private static String owner(OptionalInt mark) {
    return mark.isPresent() ? "domain " + mark.getAsInt() : "domains";
  }

  private void lookAgainLater(OptionalInt mark) {
    loop.schedule(BusDevice.RETRY_NANOS, () -> marks.mark(mark));
  }

  private void lookAtAll() throws StoreException {
    Set<Integer> listed = new HashSet<>();
    for (String name : store.directory(DIRECTORY)) {
      int domid = PathNumber.domid(name);
      if (domid >= 0) {
        listed.add(domid);
      }
    }
    for (int domid : List.copyOf(lives.keySet())) {
      if (!listed.contains(domid)) {
        end(domid);
      }
    }
    for (int domid : listed) {
      if (!lives.containsKey(domid)) {
        begin(domid);
      }
    }
  }

  /// The watch tells at once, by which the domain is looked at.
  private void begin(int domid) throws StoreException {
    Life life = new Life();
    life.watch =
        Optional.of(
            store.watch(
                path(domid),
                _ -> {
                  life.changes.incrementAndGet();
                  marks.mark(OptionalInt.of(domid));
                }));
    lives.put(domid, life);
  }

  private static String path(int domid) {
    return DIRECTORY + '/' + domid + "/domid";
  }

  private void lookAtOne(int domid) throws StoreException {
    Life life = lives.get(domid);
    if (life == null || life.changes.get() == life.seen) {
      return;
    }
    if (life.told) {
      end(domid);
      marks.mark(OptionalInt.empty()); // there may be another life already
      return;
    }
    int changes = life.changes.get();
    boolean there = store.read(path(domid)).isPresent();
    life.seen = changes;
    if (there) {
      life.told = true;
      present.add(domid);
      tell(domid, () -> listener.appeared(domid));
    } else {
      // Being made, or removed: then the directory has gone too, and its watch is to go.
      marks.mark(OptionalInt.empty());
    }
  }

  private void end(int domid) {
    Life life = lives.remove(domid);
    if (life == null) {
      return;
    }
    life.watch.ifPresent(watch -> tell(domid, watch::close));
    if (life.told) {
      present.remove(domid);
      tell(domid, () -> listener.gone(domid));
    }
  }

  private void tell(int domid, Runnable what) {
    try {
      what.run();
    } catch (Throwable e) {
      log.bug("domain " + domid, e);
    }
  }

  private void end() {
    if (ended.isDone()) {
      return;
    }
    List<XenStore.Watch> all = new ArrayList<>(watches);
    lives.values().forEach(life -> life.watch.ifPresent(all::add));
    lives.clear();
    present.clear();
    for (XenStore.Watch watch : all) {
      try {
        watch.close();
      } catch (Throwable e) {
        log.bug("domains", e);
      }
    }
    ended.complete(null);
  }
}
