package org.netback.capture;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.netback.vswitch.SwitchPort;

/// Records on their way from one thread to another, in a ring of octets: neither side waits for the
/// other, and nothing is allocated. A record lies in one piece, at a multiple of 8 octets, may be
/// as long as a quarter of the ring, and takes 64 octets at least. Beside its octets it has a port
/// and a verdict.
///
/// One producer and one consumer, each one thread at a time. What there is no room for is the
/// producer's to drop and count.
final class RecordRing {
  /// [#begin]: there is no room. [#peek]: there is no record.
  static final long NONE = -1;

  private static final int ALIGNMENT = 8;

  /// The record's length, and a word to keep what follows aligned.
  private static final int HEADER = 8;

  /// Octets that a record takes at least, so that there are no more records than [#ports] holds.
  private static final int LEAST = 64;

  /// In the place of a verdict that has been read, so that nothing is kept alive.
  private static final Object READ = new Object();

  /// A length: nothing follows, up to the ring's end.
  private static final int SKIP = -1;

  private static final VarHandle TAIL;
  private static final VarHandle HEAD;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      TAIL = lookup.findVarHandle(Produced.class, "tail", long.class);
      HEAD = lookup.findVarHandle(Consumed.class, "head", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final MemorySegment memory;
  private final long size;

  /// By the record's number.
  private final SwitchPort[] ports;

  private final Object[] verdicts;
  private final Produced produced = new Produced();
  private final Consumed consumed = new Consumed();

  /// The producer's, on cache lines of its own.
  @SuppressWarnings("unused") // what pads
  private static final class Produced {
    long p1, p2, p3, p4, p5, p6, p7;

    /// Up to where records are published: free-running.
    long tail;

    /// The consumer's head, as last seen.
    long headSeen;

    /// Where the record that was begun ends.
    long begun;

    /// Its number.
    int number;

    long q1, q2, q3, q4, q5, q6, q7;
  }

  /// The consumer's.
  @SuppressWarnings("unused") // what pads
  private static final class Consumed {
    long p1, p2, p3, p4, p5, p6, p7;
    long head;
    long tailSeen;
    int number;
    long q1, q2, q3, q4, q5, q6, q7;
  }

  /// @param octets a power of two, at least 1024
  RecordRing(int octets) {
    if (octets < 1024 || Integer.bitCount(octets) != 1) {
      throw new IllegalArgumentException("a ring of " + octets + " octets");
    }
    // Whoever is late with a record may still write when nobody reads any more.
    this.memory = Arena.ofAuto().allocate(octets, 64);
    this.size = octets;
    this.ports = new SwitchPort[octets / LEAST];
    this.verdicts = new Object[octets / LEAST];
    Arrays.fill(verdicts, READ);
  }

  /// Where records lie.
  MemorySegment memory() {
    return memory;
  }

  /// The longest record that is taken, in octets.
  int mostOctets() {
    return (int) (size / 4 - HEADER);
  }

  /// The producer's: takes room for a record, which is nobody's until [#commit].
  ///
  /// @return where it begins in [#memory], or [#NONE]
  long begin(int length, SwitchPort port, Object verdict) {
    if (length > mostOctets()) {
      throw new IllegalArgumentException("a record of " + length + " octets");
    }
    long taken = taken(length);
    long tail = produced.tail;
    long at = tail & size - 1;
    boolean wraps = at + taken > size;
    long end = tail + taken + (wraps ? size - at : 0);
    if (end - produced.headSeen > size) {
      produced.headSeen = (long) HEAD.getAcquire(consumed);
      if (end - produced.headSeen > size) {
        return NONE;
      }
    }
    if (wraps) {
      memory.set(ValueLayout.JAVA_INT, at, SKIP);
      at = 0;
    }
    memory.set(ValueLayout.JAVA_INT, at, length);
    ports[produced.number & ports.length - 1] = port;
    verdicts[produced.number & verdicts.length - 1] = verdict;
    produced.begun = end;
    return at + HEADER;
  }

  /// The producer's: hands over the record that was begun.
  void commit() {
    produced.number++;
    // Release: the consumer sees the record's octets when it sees the tail.
    TAIL.setRelease(produced, produced.begun);
  }

  /// The consumer's: the oldest record, which stays until [#release].
  ///
  /// @return where it begins in [#memory], or [#NONE]
  long peek() {
    long head = consumed.head;
    if (head == consumed.tailSeen) {
      consumed.tailSeen = (long) TAIL.getAcquire(produced);
      if (head == consumed.tailSeen) {
        return NONE;
      }
    }
    long at = head & size - 1;
    if (memory.get(ValueLayout.JAVA_INT, at) == SKIP) {
      // A record follows: both were published by one commit.
      consumed.head = head + size - at;
      at = 0;
    }
    return at + HEADER;
  }

  /// Octets of the record that [#peek] has found.
  int length(long at) {
    return memory.get(ValueLayout.JAVA_INT, at - HEADER);
  }

  /// The consumer's: of the oldest record.
  SwitchPort port() {
    return ports[consumed.number & ports.length - 1];
  }

  /// The consumer's: of the oldest record.
  Object verdict() {
    return verdicts[consumed.number & verdicts.length - 1];
  }

  private static long taken(int length) {
    return Math.max(LEAST, HEADER + (length + ALIGNMENT - 1L & -ALIGNMENT));
  }

  /// The consumer's: gives the room of the oldest record back.
  void release(long at) {
    long end = consumed.head + taken(length(at));
    verdicts[consumed.number++ & verdicts.length - 1] = READ;
    // Release: the producer writes there only after this has read it.
    HEAD.setRelease(consumed, end);
  }
}
