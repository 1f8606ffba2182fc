package org.netback.vswitch;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.RemovalCause;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.MacAddress;

/// Behind which port of a network a station is.
///
/// **Two structures.** A Caffeine cache is the authority on what is in the table: it ages entries,
/// bounds them and keeps the statistics, and is only touched under the lock. Frames are decided on
/// an open-addressing table of bare longs, which any number of loops read without a lock while one
/// writer changes it. An entry leaves both at once, and whoever still holds it sees a flood.
///
/// **Age.** A learned entry is forgotten when its station has not been seen for [MacLimits#age()].
/// A sighting is put down at most once a second per entry, since it costs the lock; between two of
/// them a frame costs a look-up only. A look-up compares the times itself, so that an entry is
/// unknown on time even if nobody has tidied up since.
///
/// **Bounds, and who is evicted.** Whoever sends can invent addresses, so what one port can have is
/// bounded twice:
/// - A port has at most [PortPolicy#addresses()] learned addresses. Further ones are not learned:
///   their frames are forwarded, frames to them are flooded.
/// - When the network has [MacLimits#addresses()], a port with fewer than its fair share (the bound
///   divided by the number of ports) still learns: the port that has most of all gives up the
///   address it has not seen for longest. A port with its fair share or more learns no more until
///   entries age.
///
/// So nothing is ever taken from a port that has no more than its fair share, whatever the others
/// send; a flood costs the flooding port its own places and nobody else's. (When the table is full
/// and one port has less than its share, another one must have more.) It also ends: a port below
/// its share takes until it has it, and what it took is not taken back. A cache's own policy, which
/// keeps what is used often, would serve whoever sends most.
///
/// **Moves.** A station that is seen behind another port has moved and is relearned at once, unless
/// that port has its bound. One that has moved [#MAX_MOVES] times within a second (a loop, or two
/// stations with one address) stays where it is until the second is over, so that a dispute does
/// not keep the lock busy.
///
/// **Static entries** are the operator's: no sighting moves them, they don't age, don't count
/// towards the bounds and go with their port.
///
/// Group addresses never come here; [Ingress] refuses them as a source.
final class MacTable {
  /// How fresh a sighting must be for the next one not to be put down.
  static final long REFRESH_NANOS = TimeUnit.SECONDS.toNanos(1);

  static final int MAX_MOVES = 8;

  private static final VarHandle KEYS = MethodHandles.arrayElementVarHandle(long[].class);
  private static final long EMPTY = 0;
  private static final long REMOVED = -1;
  private static final int INITIAL_SLOTS = 64;

  /// Slots of a table whose keys and entries take a megabyte or more.
  private static final int LARGE = 1 << 14;

  private final MacLimits limits;
  private final long ageNanos;
  private final LongSupplier nanoClock;
  private final Network network;

  /// What a look-up answers for an unknown address.
  private final MacEntry none = MacEntry.listEnd();

  private final Cache<MacAddress, MacEntry> authority;
  private final ReentrantLock lock = new ReentrantLock();

  /// Odd and drawn anew for each table, so that nobody can send addresses that collide.
  private final long multiplier = new SplittableRandom().nextLong() | 1;

  private volatile Slots slots;

  /// Learned entries.
  private final AtomicInteger size = new AtomicInteger();

  private int statics;
  private long learned;
  private long moved;
  private long aged;
  private long evicted;
  private volatile long tidiedAt;

  MacTable(Network network, MacLimits limits, LongSupplier nanoClock) {
    this.network = network;
    this.limits = limits;
    this.ageNanos = limits.age().toNanos();
    this.nanoClock = nanoClock;
    this.slots = new Slots(INITIAL_SLOTS, none);
    this.tidiedAt = nanoClock.getAsLong();
    this.authority =
        Caffeine.newBuilder()
            .maximumWeight(limits.addresses())
            .weigher((MacAddress _, MacEntry entry) -> entry.isStatic ? 0 : 1)
            .expireAfter(new Ageing(ageNanos))
            .ticker(nanoClock::getAsLong)
            .executor(Runnable::run)
            .evictionListener(this::onEviction)
            .recordStats()
            .build();
  }

  /// The keys and entries of one size; replaced by a larger or a tidier one. A key is written after
  /// its entry, with release; a slot that had a key is not used again for another.
  private static final class Slots {
    final long[] keys;
    final MacEntry[] entries;
    final int mask;
    final int shift;
    int used;

    Slots(int count, MacEntry none) {
      keys = new long[count];
      entries = new MacEntry[count];
      // Found by whoever looks for address 0, whose key is that of an empty slot.
      Arrays.fill(entries, none);
      mask = count - 1;
      shift = Long.SIZE - Integer.numberOfTrailingZeros(count);
    }
  }

  private record Ageing(long nanos) implements Expiry<MacAddress, MacEntry> {
    @Override
    public long expireAfterCreate(MacAddress address, MacEntry entry, long now) {
      return entry.isStatic ? Long.MAX_VALUE : nanos;
    }

    @Override
    public long expireAfterUpdate(MacAddress address, MacEntry entry, long now, long left) {
      return expireAfterCreate(address, entry, now);
    }

    @Override
    public long expireAfterRead(MacAddress address, MacEntry entry, long now, long left) {
      return expireAfterCreate(address, entry, now);
    }
  }

  long ageNanos() {
    return ageNanos;
  }

  /// The entry of an address, or one with [MacEntry#isNone()]. Without a lock, from any thread. It
  /// may be too old: see [#isTooOld].
  MacEntry lookup(long address) {
    Slots current = slots;
    long[] keys = current.keys;
    int mask = current.mask;
    int at = (int) (address * multiplier >>> current.shift);
    while (true) {
      long key = (long) KEYS.getAcquire(keys, at);
      if (key == address) {
        return current.entries[at];
      }
      if (key == EMPTY) {
        return none;
      }
      at = at + 1 & mask;
    }
  }

  /// Has the entries of all frames' destinations brought into the processor's cache, if the table
  /// is so large that they are hardly there. One after the other, each between the work on the
  /// frame before and the next, they would each be waited for; read in a row and without a decision
  /// in between, they come together. Most are where a look-up begins. Nothing is changed.
  ///
  /// @return of no meaning, but to be kept, or the compiler would leave it all out
  long fetch(FrameBatch frames) {
    Slots current = slots;
    long[] keys = current.keys;
    long sum = 0;
    if (keys.length >= LARGE) {
      int count = frames.size();
      for (int i = 0; i < count; i++) {
        Frame frame = frames.get(i);
        if (frame.length() >= Frame.MIN_LENGTH) {
          int at = (int) (frame.destination() * multiplier >>> current.shift);
          sum += keys[at] + current.entries[at].seenAt;
        }
      }
    }
    return sum;
  }

  boolean isTooOld(MacEntry entry, long now) {
    return now - entry.seenAt >= ageNanos && !entry.isStatic;
  }

  /// Puts down that a station was seen: refreshes, moves or learns it.
  ///
  /// @param address individual and not zero
  /// @return its entry now, of another port if it could not be moved, or one with
  ///   [MacEntry#isNone()] if it could not be learned
  MacEntry sight(long address, SwitchPort port, long now) {
    MacEntry known = lookup(address);
    if (isRefused(known, port, now)) {
      // What fills the bound may be too old, and nobody has noticed yet.
      if (now - tidiedAt >= REFRESH_NANOS) {
        age(now);
      }
      if (isRefused(known, port, now)) {
        refuse(port);
        return known.forwarding == Forwarding.Flood.ALL_BUT_INGRESS ? none : known;
      }
    }
    lock.lock();
    try {
      return put(address, port, now);
    } finally {
      lock.unlock();
    }
  }

  /// Whether a sighting would change nothing: asked without the lock first, so that a port that has
  /// its bound cannot keep the lock busy.
  private boolean isRefused(MacEntry known, SwitchPort port, long now) {
    Forwarding forwarding = known.forwarding;
    if (forwarding == port.unicast()) {
      return false;
    }
    boolean atHome = forwarding != Forwarding.Flood.ALL_BUT_INGRESS && !isTooOld(known, now);
    if (port.addresses().learnedCount() >= port.policy().addresses()) {
      return true;
    }
    if (atHome) {
      return known.moves >= MAX_MOVES && now - known.movesSince < REFRESH_NANOS;
    }
    return size.get() >= limits.addresses() && port.addresses().learnedCount() >= fairShare();
  }

  private void refuse(SwitchPort port) {
    port.addresses().countRefusal();
    network.countRefusal();
  }

  private int fairShare() {
    return limits.addresses() / Math.max(1, network.snapshot().length);
  }

  private MacEntry put(long address, SwitchPort port, long now) {
    // A round of a port that was detached meanwhile must not bring its addresses back.
    if (!port.isAttached()) {
      return none;
    }
    MacEntry known = lookup(address);
    if (!known.isNone() && !known.linked) {
      known = none;
    }
    if (known.isStatic) {
      return known;
    }
    if (!known.isNone()
        && (isTooOld(known, now) || authority.getIfPresent(known.address) == null)) {
      if (known.linked) {
        aged++;
        remove(known);
      }
      known = none;
    }
    if (isRefused(known, port, now)) {
      refuse(port);
      return known;
    }
    if (known.isNone()) {
      return learn(address, port, now);
    }
    if (known.port() != port) {
      move(known, port, now);
    } else {
      known.unchain();
      port.addresses().learned().append(known);
    }
    known.seenAt = now;
    return known;
  }

  private MacEntry learn(long address, SwitchPort port, long now) {
    if (size.get() >= limits.addresses()) {
      evictFor(port);
    }
    MacEntry entry = new MacEntry(new MacAddress(address), port, now, false);
    authority.put(entry.address, entry);
    link(entry);
    learned++;
    return entry;
  }

  private void evictFor(SwitchPort newcomer) {
    SwitchPort richest = newcomer;
    for (SwitchPort port : network.snapshot()) {
      if (port.addresses().learnedCount() > richest.addresses().learnedCount()) {
        richest = port;
      }
    }
    MacEntry oldest = richest.addresses().learned().next();
    if (oldest.linked) {
      evicted++;
      remove(oldest);
    }
  }

  private void move(MacEntry entry, SwitchPort to, long now) {
    int before = entry.moves;
    if (now - entry.movesSince >= REFRESH_NANOS) {
      entry.movesSince = now;
      before = 0;
    }
    entry.moves = before + 1;
    entry.unchain();
    entry.port().addresses().addLearned(-1);
    to.addresses().addLearned(1);
    to.addresses().learned().append(entry);
    to.addresses().countMove();
    entry.forwarding = to.unicast();
    moved++;
  }

  /// Enters an address by hand, in place of what was known of it.
  void putStatic(MacAddress address, SwitchPort port, long now) {
    lock.lock();
    try {
      if (!port.isAttached()) {
        throw new IllegalStateException("port " + port.name() + " is detached");
      }
      MacEntry known = lookup(address.value());
      if (known.linked) {
        remove(known);
      }
      MacEntry entry = new MacEntry(address, port, now, true);
      authority.put(address, entry);
      link(entry);
    } finally {
      lock.unlock();
    }
  }

  boolean forget(MacAddress address) {
    lock.lock();
    try {
      MacEntry known = lookup(address.value());
      boolean linked = known.linked;
      if (linked) {
        remove(known);
      }
      return linked;
    } finally {
      lock.unlock();
    }
  }

  /// Forgets what was learned at a port.
  void flush(SwitchPort port) {
    lock.lock();
    try {
      removeAll(port.addresses().learned());
    } finally {
      lock.unlock();
    }
  }

  /// Forgets a port that has been marked as detached: after this, no entry leads there.
  void detach(SwitchPort port) {
    lock.lock();
    try {
      removeAll(port.addresses().learned());
      removeAll(port.addresses().entered());
    } finally {
      lock.unlock();
    }
  }

  private void removeAll(MacEntry list) {
    for (MacEntry entry = list.next(); entry != list; entry = list.next()) {
      remove(entry);
    }
  }

  /// Takes those that are too old out of both structures.
  void age(long now) {
    lock.lock();
    try {
      tidiedAt = now;
      authority.cleanUp();
      // The cache's timer is a second coarse; the list of each port is in the order of age.
      for (SwitchPort port : network.snapshot()) {
        MacEntry list = port.addresses().learned();
        for (MacEntry oldest = list.next();
            oldest != list && isTooOld(oldest, now);
            oldest = list.next()) {
          aged++;
          remove(oldest);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void remove(MacEntry entry) {
    unlink(entry);
    authority.invalidate(entry.address);
  }

  private void onEviction(
      @Nullable MacAddress address, @Nullable MacEntry entry, RemovalCause cause) {
    if (entry != null && entry.linked) {
      if (cause == RemovalCause.EXPIRED) {
        aged++;
      } else {
        evicted++;
      }
      try {
        unlink(entry);
      } catch (Throwable e) {
        // Thrown from here it would be a line of Caffeine's and nothing more.
        network.fault(e);
      }
    }
  }

  private void link(MacEntry entry) {
    SwitchPort port = entry.port();
    if (entry.isStatic) {
      statics++;
      port.addresses().addEntered(1);
      port.addresses().entered().append(entry);
    } else {
      size.incrementAndGet();
      port.addresses().addLearned(1);
      port.addresses().learned().append(entry);
    }
    entry.linked = true;
    Slots current = slots;
    if (current.used >= current.keys.length >> 1) {
      current = rehash(current);
    }
    insert(current, entry);
  }

  private void unlink(MacEntry entry) {
    SwitchPort port = entry.port();
    entry.linked = false;
    entry.forwarding = Forwarding.Flood.ALL_BUT_INGRESS;
    entry.unchain();
    if (entry.isStatic) {
      statics--;
      port.addresses().addEntered(-1);
    } else {
      size.decrementAndGet();
      port.addresses().addLearned(-1);
    }
    Slots current = slots;
    int at = (int) (entry.key * multiplier >>> current.shift);
    while (current.keys[at] != entry.key) {
      if (current.keys[at] == EMPTY) {
        throw new IllegalStateException(entry.address + " is linked but has no slot");
      }
      at = at + 1 & current.mask;
    }
    KEYS.setRelease(current.keys, at, REMOVED);
    current.entries[at] = none;
  }

  /// Copies what is in use into slots of their own, which readers get whole or not at all.
  private Slots rehash(Slots old) {
    int live = 0;
    for (long key : old.keys) {
      if (key != EMPTY && key != REMOVED) {
        live++;
      }
    }
    // A quarter full at most afterwards, so that the next time is at least that many entries away.
    Slots fresh = new Slots(Math.max(INITIAL_SLOTS, Integer.highestOneBit(live + 1) << 3), none);
    for (int i = 0; i < old.keys.length; i++) {
      if (old.keys[i] != EMPTY && old.keys[i] != REMOVED) {
        insert(fresh, old.entries[i]);
      }
    }
    slots = fresh;
    return fresh;
  }

  private void insert(Slots into, MacEntry entry) {
    int at = (int) (entry.key * multiplier >>> into.shift);
    while (into.keys[at] != EMPTY) {
      at = at + 1 & into.mask;
    }
    into.entries[at] = entry;
    into.used++;
    KEYS.setRelease(into.keys, at, entry.key);
  }

  /// Those known now, ordered by address.
  List<FdbRow> rows(long now) {
    List<FdbRow> rows = new ArrayList<>();
    lock.lock();
    try {
      for (MacEntry entry : authority.asMap().values()) {
        if (!isTooOld(entry, now)) {
          long age =
              entry.isStatic ? 0 : TimeUnit.NANOSECONDS.toSeconds(Math.max(0, now - entry.seenAt));
          rows.add(new FdbRow(entry.address, entry.port().name(), age, entry.isStatic));
        }
      }
    } finally {
      lock.unlock();
    }
    rows.sort(Comparator.comparingLong(row -> row.address().value()));
    return rows;
  }

  /// Adds the table's figures to those that the network has.
  NetworkStatistics statistics(
      String name,
      int ports,
      long unicast,
      long flooded,
      long multicast,
      long discarded,
      long refused) {
    lock.lock();
    try {
      age(nanoClock.getAsLong());
      return new NetworkStatistics(
          name,
          ports,
          size.get() + statics,
          unicast,
          flooded,
          multicast,
          discarded,
          learned,
          moved,
          aged,
          evicted,
          refused);
    } finally {
      lock.unlock();
    }
  }
}
