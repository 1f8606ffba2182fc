package org.netback.packet;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// One Ethernet frame in private memory, without its FCS, and the offload work still to be done on
/// it.
///
/// A frame belongs to the [FrameArena] that made it and is valid until that arena is cleared. It is
/// *lent* for a call: who wants it longer copies it. At least [FrameArena#HEADROOM] octets in front
/// of the first one may be written by the port that is sending it.
///
/// It may be lent before all of its octets are private. Then it is *partial*: up to [#head()] its
/// octets are private, the others are still with their [FrameLender], where they may change at any
/// time. [#need] and [#pull()] bring them, and nothing else does: a reader asks for what it reads
/// or writes beyond the first [#MIN_LENGTH] octets. An accessor that reaches an octet which is not
/// private, or not the frame's, throws an [IndexOutOfBoundsException]; whoever goes by [#memory()]
/// is not checked. If the octets cannot be had the frame is *torn*: what is missing reads as zeros,
/// it goes to nobody, and who lent it counts it.
///
/// Confined to the thread that drives its arena.
public final class Frame {
  private static final ValueLayout.OfInt INT_BE =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG_BE =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);
  private static final ValueLayout.OfShort SHORT_BE =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);

  /// The shortest frame that a port may hand over: an Ethernet header (netif `ETH_HLEN`).
  public static final int MIN_LENGTH = 14;

  private static final FrameLender NONE =
      new FrameLender() {
        @Override
        public void pull(Frame frame) {
          frame.pulled(false);
        }

        @Override
        public void pull(FrameBatch frames, int base, long mask) {}
      };

  private final MemorySegment memory;
  private final int index;
  private long offset;
  private int length;
  private ChecksumState checksum = ChecksumState.COMPLETE;
  private GsoType gso = GsoType.NONE;
  private int gsoSize;
  private int segmentLength;
  private int head;
  private int intact;
  private boolean torn;
  private long number;
  private final Headers headers;

  /// Whether [#headers] are those of the frame as it is.
  private boolean parsed;

  private FrameLender lender = NONE;

  /// @param index of the frame in its arena
  /// @param headers to be the frame's own
  Frame(MemorySegment memory, int index, Headers headers) {
    this.memory = memory;
    this.index = index;
    this.headers = headers;
  }

  Frame reset(long newOffset, int newLength, long newNumber) {
    number = newNumber;
    offset = newOffset;
    length = newLength;
    setChecksum(ChecksumState.COMPLETE);
    setGso(GsoType.NONE, 0);
    head = newLength;
    torn = false;
    parsed = false;
    return this;
  }

  /// Which of its arena's frames this is, from 0 in the order in which they were allocated.
  public int index() {
    return index;
  }

  /// Tells the frame from all others of this process, and is the same for all that is made of it:
  /// segments, copies that wait. 0 for a frame that came from nowhere.
  public long number() {
    return number;
  }

  /// For who makes a part or a copy of another frame: takes over its number.
  public void setNumber(long of) {
    number = of;
  }

  /// Leaves the octets from one on with their lender.
  ///
  /// @param octets that are private, at least [#MIN_LENGTH]
  public void lendFrom(int octets, FrameLender of) {
    if (octets < MIN_LENGTH || octets > length) {
      throw new IllegalArgumentException(octets + " of " + length + " octets are private");
    }
    head = octets;
    lender = of;
  }

  /// How many octets, from the first on, are private; never more than the frame has.
  public int head() {
    return head;
  }

  /// Whether all octets are private.
  public boolean isWhole() {
    return head == length;
  }

  /// Where the octets are that are not private. Only of a frame that is not [#isWhole()].
  public FrameLender lender() {
    return lender;
  }

  /// Makes the frame whole.
  ///
  /// @return false if it is torn
  public boolean pull() {
    if (!isWhole()) {
      lender.pull(this);
    }
    return !torn;
  }

  /// Sees to it that the first octets are private, or zeros if they cannot be had.
  public void need(int octets) {
    if (octets > head) {
      pull();
    }
  }

  /// For a [FrameLender]: all octets are private, or cannot be had.
  public void pulled(boolean had) {
    if (!had) {
      tear(head);
    }
    head = length;
  }

  /// For who made the frame: nothing of it could be had.
  public void lose() {
    tear(0);
    head = length;
  }

  private void tear(int from) {
    torn = true;
    intact = from;
    memory.asSlice(offset + from, length - from).fill((byte) 0);
  }

  /// How many octets, from the first on, are private and the sender's: [#head()], of a torn frame
  /// those that it had before.
  public int intact() {
    return torn ? intact : head;
  }

  /// Whether octets of the frame are lost.
  public boolean isTorn() {
    return torn;
  }

  /// The memory that the frame lies in; its first octet is at [#offset()].
  public MemorySegment memory() {
    return memory;
  }

  public long offset() {
    return offset;
  }

  /// Length in octets, Ethernet header included.
  public int length() {
    return length;
  }

  /// Makes the frame shorter. What it loses is not asked for any more.
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IllegalArgumentException("truncate " + length + " octets to " + newLength);
    }
    if (newLength != length) {
      parsed = false;
    }
    length = newLength;
    head = Math.min(head, newLength);
  }

  public ChecksumState checksum() {
    return checksum;
  }

  public void setChecksum(ChecksumState state) {
    // Mostly it is what the frame before it in this place was, and a reference costs more to write
    // than to compare.
    if (checksum != state) {
      checksum = state;
    }
  }

  public GsoType gso() {
    return gso;
  }

  /// The most payload that a segment may carry, in octets; 0 without [#gso()].
  public int gsoSize() {
    return gsoSize;
  }

  public void setGso(GsoType type, int size) {
    if (gso != type) {
      gso = type;
      parsed = false;
    }
    gsoSize = size;
    segmentLength = 0;
  }

  /// Octets of the longest segment, Ethernet header included. Known once the headers were judged,
  /// when the frame comes into the switch; 0 before, and without [#gso()].
  public int segmentLength() {
    return segmentLength;
  }

  public void setSegmentLength(int octets) {
    segmentLength = octets;
  }

  /// Where the frame's headers are. They are parsed when somebody asks for the first time, and
  /// carried with the frame from then on: whoever comes later reads what was judged. They are the
  /// frame's own and not to be parsed anew.
  public Headers headers() {
    if (!parsed) {
      headers.parse(this);
      parsed = true;
    }
    return headers;
  }

  /// For who has written to octets that tell where headers are and how long: types, lengths,
  /// protocols. Addresses and checksums do not.
  public void forgetHeaders() {
    parsed = false;
  }

  /// Destination MAC address, in the form of [MacAddress]. Only of a frame of [#MIN_LENGTH].
  public long destination() {
    return memory.get(LONG_BE, offset) >>> 16;
  }

  /// Source MAC address, in the form of [MacAddress]. Only of a frame of [#MIN_LENGTH].
  public long source() {
    return memory.get(LONG_BE, offset + 6) >>> 16;
  }

  /// Fails if octets of a partial frame are not private yet, or lie behind the end of a whole one.
  void check(int at, int octets) {
    if (at > head - octets) {
      throw beyond(at, octets);
    }
  }

  private IndexOutOfBoundsException beyond(int at, int octets) {
    return new IndexOutOfBoundsException(
        octets + " octets at " + at + " of " + length + ", of which " + head + " are private");
  }

  public int u8(int at) {
    check(at, 1);
    return memory.get(ValueLayout.JAVA_BYTE, offset + at) & 0xff;
  }

  public int u16(int at) {
    check(at, 2);
    return memory.get(SHORT_BE, offset + at) & 0xffff;
  }

  /// The 32 bits at an offset of the frame, in network order.
  public int i32(int at) {
    check(at, 4);
    return memory.get(INT_BE, offset + at);
  }

  /// The 64 bits at an offset of the frame, in network order.
  public long i64(int at) {
    check(at, 8);
    return memory.get(LONG_BE, offset + at);
  }

  public void putU8(int at, int value) {
    check(at, 1);
    memory.set(ValueLayout.JAVA_BYTE, offset + at, (byte) value);
  }

  public void putU16(int at, int value) {
    check(at, 2);
    memory.set(SHORT_BE, offset + at, (short) value);
  }

  public void putI32(int at, int value) {
    check(at, 4);
    memory.set(INT_BE, offset + at, value);
  }

  /// The octets of a whole frame as a segment: garbage, so for tests, captures and slow paths.
  public MemorySegment octets() {
    check(0, length);
    return memory.asSlice(offset, length);
  }

  @Override
  public String toString() {
    return new MacAddress(source())
        + " > "
        + new MacAddress(destination())
        + ", "
        + length
        + " octets, checksum "
        + checksum
        + ", gso "
        + gso
        + ' '
        + gsoSize;
  }
}
