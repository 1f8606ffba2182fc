package org.netback.vswitch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/// Which ports of a network are in which groups, as their hosts have said.
///
/// Frames are decided on an open-addressing table of bare longs, which any number of loops read
/// without a lock while one writer changes it; a frame costs a look-up and no garbage. The longs
/// are hashes, seeded anew for each table, so that nobody can send addresses that collide; the
/// whole address is compared in the group.
///
/// **Bounds, and who is evicted.** Whoever sends can invent groups. As in the [MacTable], what one
/// port can have is bounded twice: a port is in [PortPolicy#memberships()] groups at most, and when
/// the network has [MulticastPolicy#memberships()], only a port with less than its fair share (the
/// bound divided by the number of ports) still joins, and the port that has most gives up the
/// membership it has not repeated for longest. So a flood of reports costs the flooding port its
/// own places and nobody else's. A membership that is refused is not lost to others: its port does
/// not get the group while others are in it, and that is all.
///
/// Memberships end by [#age], which is to be called every second or so.
final class MulticastTable {
  private static final VarHandle KEYS = MethodHandles.arrayElementVarHandle(long[].class);
  private static final long EMPTY = 0;
  private static final long REMOVED = -1;
  private static final int INITIAL_SLOTS = 64;

  private final Network network;
  private final MulticastPolicy policy;
  private final long lifeNanos;
  private final ReentrantLock lock = new ReentrantLock();
  private final long seed = new SplittableRandom().nextLong();
  private volatile Slots slots = new Slots(INITIAL_SLOTS);
  private int groups;
  private int memberships;

  private long joined;
  private long left;
  private long aged;
  private long evicted;
  private final AtomicLong refused = new AtomicLong();

  MulticastTable(Network network, MulticastPolicy policy) {
    this.network = network;
    this.policy = policy;
    this.lifeNanos = policy.membershipInterval().toNanos();
  }

  /// The keys and groups of one size; replaced by a larger or a tidier one. A key is written after
  /// its group, with release; a slot that had a key is not used again for another.
  private static final class Slots {
    final long[] keys;
    final MulticastGroup[] groups;
    final int mask;
    int used;

    Slots(int count) {
      keys = new long[count];
      groups = new MulticastGroup[count];
      Arrays.fill(groups, MulticastGroup.NONE);
      mask = count - 1;
    }
  }

  private long key(long high, long low) {
    // The finish of a 64-bit mixer (Stafford's variant 13) over both halves and the seed.
    long h = (high ^ seed) * 0x9e37_79b9_7f4a_7c15L + low;
    h = (h ^ h >>> 30) * 0xbf58_476d_1ce4_e5b9L;
    h = (h ^ h >>> 27) * 0x94d0_49bb_1331_11ebL;
    h ^= h >>> 31;
    return h == EMPTY || h == REMOVED ? 1 : h;
  }

  /// The group of an address, or [MulticastGroup#NONE]. Without a lock, from any thread.
  MulticastGroup lookup(long high, long low) {
    long wanted = key(high, low);
    Slots current = slots;
    int at = (int) wanted & current.mask;
    while (true) {
      long key = (long) KEYS.getAcquire(current.keys, at);
      if (key == wanted) {
        MulticastGroup group = current.groups[at];
        if (group.low == low && group.high == high) {
          return group;
        }
      } else if (key == EMPTY) {
        return MulticastGroup.NONE;
      }
      at = at + 1 & current.mask;
    }
  }

  /// Puts down that a host behind a port has said that it is in a group.
  void join(long high, long low, boolean ipv6, SwitchPort port, long now) {
    MulticastGroup known = lookup(high, low);
    // Without the lock first, so that a port that has its bound cannot keep the lock busy.
    if (!known.has(port.index()) && port.groups().count() >= port.policy().memberships()) {
      refused.incrementAndGet();
      return;
    }
    lock.lock();
    try {
      joinLocked(high, low, ipv6, port, now);
    } finally {
      lock.unlock();
    }
  }

  private void joinLocked(long high, long low, boolean ipv6, SwitchPort port, long now) {
    // A round of a port that was detached meanwhile must not bring its memberships back.
    if (!port.isAttached()) {
      return;
    }
    MulticastGroup group = lookup(high, low);
    Optional<Membership> known = group.member(port);
    if (known.isPresent()) {
      Membership membership = known.get();
      membership.expiresAt = now + lifeNanos;
      membership.queriesLeft = 0;
      membership.unchain();
      port.groups().joined().append(membership);
      return;
    }
    if (port.groups().count() >= port.policy().memberships() || isFull() && !evictFor(port)) {
      refused.incrementAndGet();
      return;
    }
    // The eviction may have taken the group.
    group = lookup(high, low);
    if (group == MulticastGroup.NONE) {
      group = new MulticastGroup(high, low, ipv6);
      link(group);
    }
    Membership membership = new Membership(group, port);
    membership.expiresAt = now + lifeNanos;
    group.add(membership);
    port.groups().joined().append(membership);
    port.groups().add(1);
    memberships++;
    joined++;
  }

  private boolean isFull() {
    return memberships >= policy.memberships();
  }

  private boolean evictFor(SwitchPort newcomer) {
    SwitchPort[] ports = network.snapshot();
    if (newcomer.groups().count() >= policy.memberships() / Math.max(1, ports.length)) {
      return false;
    }
    SwitchPort richest = newcomer;
    for (SwitchPort port : ports) {
      if (port.groups().count() > richest.groups().count()) {
        richest = port;
      }
    }
    Membership oldest = richest.groups().joined().next();
    if (oldest == richest.groups().joined()) {
      return false;
    }
    evicted++;
    remove(oldest);
    return true;
  }

  /// Puts down that a host behind a port has left a group: at once with fast leave, else after the
  /// port was asked whether others are left.
  ///
  /// @param ask whether the switch is the one who asks; if not, the querier's own question will
  ///   come by
  void leave(long high, long low, SwitchPort port, boolean ask) {
    lock.lock();
    try {
      Optional<Membership> known = lookup(high, low).member(port);
      if (known.isEmpty()) {
        return;
      }
      Membership membership = known.get();
      if (policy.fastLeave()) {
        left++;
        remove(membership);
      } else if (ask && membership.queriesLeft == 0) {
        membership.queriesLeft = Querier.LAST_MEMBER_QUERIES;
      }
    } finally {
      lock.unlock();
    }
  }

  /// Ends the memberships of a group within a time, if they are not repeated: a querier has asked
  /// for them.
  void expectReports(long high, long low, long nanos, long now) {
    lock.lock();
    try {
      for (Membership membership : lookup(high, low).members()) {
        membership.expiresAt = earlier(membership.expiresAt, now + nanos);
      }
    } finally {
      lock.unlock();
    }
  }

  private static long earlier(long a, long b) {
    return a - b < 0 ? a : b;
  }

  /// Ends what was not repeated in time.
  ///
  /// @return those whose port is to be asked now whether somebody is left
  List<Membership> age(long now) {
    List<Membership> ask = new ArrayList<>();
    lock.lock();
    try {
      for (SwitchPort port : network.snapshot()) {
        Membership end = port.groups().joined();
        Membership membership = end.next();
        while (membership != end) {
          Membership next = membership.next();
          if (membership.queriesLeft > 0) {
            membership.queriesLeft--;
            membership.expiresAt = earlier(membership.expiresAt, now + Querier.LAST_MEMBER_NANOS);
            ask.add(membership);
          } else if (now - membership.expiresAt >= 0) {
            aged++;
            remove(membership);
          }
          membership = next;
        }
      }
    } finally {
      lock.unlock();
    }
    return ask;
  }

  /// Forgets the memberships of a port.
  void flush(SwitchPort port) {
    lock.lock();
    try {
      Membership end = port.groups().joined();
      for (Membership next = end.next(); next != end; next = end.next()) {
        left++;
        remove(next);
      }
    } finally {
      lock.unlock();
    }
  }

  private void remove(Membership membership) {
    MulticastGroup group = membership.group();
    group.remove(membership);
    membership.unchain();
    membership.port().groups().add(-1);
    memberships--;
    if (group.isEmpty()) {
      unlink(group);
    }
  }

  private void link(MulticastGroup group) {
    group.key = key(group.high, group.low);
    groups++;
    Slots current = slots;
    if (current.used >= current.keys.length >> 1) {
      current = rehash(current);
    }
    insert(current, group);
  }

  private void unlink(MulticastGroup group) {
    groups--;
    Slots current = slots;
    int at = (int) group.key & current.mask;
    while (current.groups[at] != group) {
      if (current.keys[at] == EMPTY) {
        throw new IllegalStateException("a group is linked but has no slot");
      }
      at = at + 1 & current.mask;
    }
    KEYS.setRelease(current.keys, at, REMOVED);
    current.groups[at] = MulticastGroup.NONE;
  }

  /// Copies what is in use into slots of their own, which readers get whole or not at all.
  private Slots rehash(Slots old) {
    // A quarter full at most afterwards, so that the next time is at least that many groups away.
    Slots fresh = new Slots(Math.max(INITIAL_SLOTS, Integer.highestOneBit(groups + 1) << 3));
    for (MulticastGroup group : old.groups) {
      if (group != MulticastGroup.NONE) {
        insert(fresh, group);
      }
    }
    slots = fresh;
    return fresh;
  }

  private static void insert(Slots into, MulticastGroup group) {
    int at = (int) group.key & into.mask;
    while (into.keys[at] != EMPTY) {
      at = at + 1 & into.mask;
    }
    into.groups[at] = group;
    into.used++;
    KEYS.setRelease(into.keys, at, group.key);
  }

  /// Those known now, ordered by address and port.
  List<MulticastRow> rows(long now) {
    List<Membership> all = new ArrayList<>();
    List<MulticastRow> rows = new ArrayList<>();
    lock.lock();
    try {
      for (SwitchPort port : network.snapshot()) {
        Membership end = port.groups().joined();
        for (Membership m = end.next(); m != end; m = m.next()) {
          all.add(m);
        }
      }
      all.sort(
          Comparator.comparing((Membership m) -> m.group().ipv6)
              .thenComparing(m -> m.group().high, Long::compareUnsigned)
              .thenComparing(m -> m.group().low, Long::compareUnsigned)
              .thenComparing(m -> m.port().name()));
      for (Membership m : all) {
        rows.add(
            new MulticastRow(
                GroupAddress.text(m.group()),
                m.port().name(),
                m.group().ipv6 ? MulticastRow.Origin.MLD : MulticastRow.Origin.IGMP,
                TimeUnit.NANOSECONDS.toSeconds(Math.max(0, m.expiresAt - now))));
      }
    } finally {
      lock.unlock();
    }
    return rows;
  }

  /// What the table has done, to be completed by what [Snooping] knows.
  MulticastStatistics statistics(String name, long malformed, long refusedQueries, long queries) {
    lock.lock();
    try {
      return new MulticastStatistics(
          name,
          groups,
          memberships,
          joined,
          left,
          aged,
          evicted,
          refused.get(),
          malformed,
          refusedQueries,
          queries);
    } finally {
      lock.unlock();
    }
  }
}
