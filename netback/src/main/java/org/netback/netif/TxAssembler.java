package org.netback.netif;

import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.GsoType;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;

/// Puts the slots of one transmitted packet together (io/netif.h, "Guest transmit") and judges
/// them. Touches no guest memory and never throws on account of what a slot holds; whatever comes
/// out, it has listed every slot that went in, so that every one can be answered.
///
/// ```
/// assembler.begin(ring.unconsumedRequests());
/// do {
///   assembler.accept(ring.slots(), ring.takeRequest());
/// } while (assembler.wantsSlot());
/// switch (assembler.outcome()) …
/// ```
///
/// The first slot's size is that of the whole packet; its own fragment is what the others leave of
/// it. Extras come directly after the first slot, ahead of the other data.
///
/// Judged as Linux does it, except for:
/// - A multicast dummy request takes its `more_data` chain with it. Linux leaves the chain to be
///   read as the next packet. Sizes, offsets and references in it mean nothing and are not judged.
/// - Extra type 5 is unknown, as in netif.h. Linux accepts it for a private extension (XDP) and
///   ignores it.
/// - A fragment without octets is listed with the others, with a length of zero; it is not to be
///   copied and is answered OKAY (XSA-448).
///
/// An extra that occurs twice counts as sent last; a HASH extra is accepted and not looked at.
///
/// A flyweight: [#begin] forgets the packet before. Confined to one thread.
public final class TxAssembler {
  /// Slots of data in a packet that is served: netif.h asks for 18, Linux serves 19.
  public static final int MAX_DATA_SLOTS = 19;

  /// Slots of data in a packet that is dropped without the device being disconnected.
  public static final int MAX_TOLERATED_DATA_SLOTS = 21;

  private final int[] ids;
  private final boolean[] extras;
  private int slots;

  private final int[] grefs = new int[MAX_DATA_SLOTS];
  private final int[] offsets = new int[MAX_DATA_SLOTS];
  private final int[] lengths = new int[MAX_DATA_SLOTS];
  private final int[] slotOf = new int[MAX_DATA_SLOTS];
  private int dataSlots;

  private int available;
  private Expected expected = Expected.NOTHING;
  private boolean moreDataAfterExtras;
  private boolean multicast;
  private boolean multicastAdd;
  private long multicastAddress;
  private boolean gso;
  private int gsoSize;
  private int gsoType;
  private int flags;
  private int total;
  private int remaining;
  private TxOutcome drop = TxOutcome.PACKET;
  private TxOutcome outcome = TxOutcome.PACKET;

  /// @param ringSize the most slots that a packet can have
  public TxAssembler(int ringSize) {
    ids = new int[ringSize];
    extras = new boolean[ringSize];
  }

  /// Whether a slot is by itself a packet that is served: no extra, no more data. Most are, and
  /// need not be put together; what comes out would be a [TxOutcome#PACKET] of this one fragment.
  ///
  /// @param at where the slot's first word is
  static boolean isPlain(int[] from, int at) {
    int size = TxRequest.size(from, at);
    return (TxRequest.flags(from, at) & (TxRequest.MORE_DATA | TxRequest.EXTRA_INFO)) == 0
        && size >= Frame.MIN_LENGTH
        && TxRequest.offset(from, at) + size <= GrantTable.PAGE_SIZE;
  }

  /// Starts a packet.
  ///
  /// @param availableSlots how many the frontend has published, at least 1 and at most the ring's
  ///   size
  public void begin(int availableSlots) {
    if (availableSlots < 1 || availableSlots > ids.length) {
      throw new IllegalArgumentException(
          availableSlots + " slots available in a ring of " + ids.length);
    }
    available = availableSlots;
    slots = 0;
    dataSlots = 0;
    expected = Expected.FIRST;
    multicast = false;
    multicastAdd = false;
    gso = false;
    drop = TxOutcome.PACKET;
    outcome = TxOutcome.PACKET;
  }

  /// Whether the packet is not at its end yet.
  public boolean wantsSlot() {
    return expected != Expected.NOTHING;
  }

  /// Takes the packet's next slot.
  ///
  /// @param from private memory, which is not kept
  /// @param at where the slot's first word is
  public void accept(int[] from, int at) {
    int index = slots++;
    switch (expected) {
      case FIRST -> acceptFirst(index, from, at);
      case EXTRA -> acceptExtra(index, from, at);
      case DATA -> acceptData(index, from, at);
      case NOTHING -> throw new IllegalStateException("the packet has all its " + index + " slots");
    }
  }

  private void acceptFirst(int index, int[] from, int at) {
    ids[index] = TxRequest.id(from, at);
    extras[index] = false;
    flags = TxRequest.flags(from, at);
    total = TxRequest.size(from, at);
    remaining = total;
    grefs[0] = TxRequest.gref(from, at);
    offsets[0] = TxRequest.offset(from, at);
    slotOf[0] = index;
    dataSlots = 1;
    boolean moreData = (flags & TxRequest.MORE_DATA) != 0;
    if ((flags & TxRequest.EXTRA_INFO) != 0) {
      moreDataAfterExtras = moreData;
      expect(Expected.EXTRA);
    } else if (moreData) {
      expect(Expected.DATA);
    } else {
      finish();
    }
  }

  private void acceptExtra(int index, int[] from, int at) {
    ids[index] = ExtraInfo.type(from, at) | ExtraInfo.flags(from, at) << 8;
    extras[index] = true;
    switch (ExtraInfo.type(from, at)) {
      case ExtraInfo.TYPE_GSO -> {
        gso = true;
        gsoSize = ExtraInfo.gsoSize(from, at);
        gsoType = ExtraInfo.gsoType(from, at);
      }
      case ExtraInfo.TYPE_MCAST_ADD -> {
        multicast = true;
        multicastAdd = true;
        multicastAddress = ExtraInfo.mcastAddress(from, at);
      }
      case ExtraInfo.TYPE_MCAST_DEL -> {
        if (!multicastAdd) {
          multicast = true;
          multicastAddress = ExtraInfo.mcastAddress(from, at);
        }
      }
      case ExtraInfo.TYPE_HASH -> {}
      default -> {
        end(TxOutcome.EXTRA_UNKNOWN);
        return;
      }
    }
    if (ExtraInfo.more(from, at)) {
      expect(Expected.EXTRA);
    } else if (moreDataAfterExtras) {
      expect(Expected.DATA);
    } else {
      finish();
    }
  }

  private void acceptData(int index, int[] from, int at) {
    ids[index] = TxRequest.id(from, at);
    extras[index] = false;
    int number = dataSlots++;
    if (number >= MAX_TOLERATED_DATA_SLOTS) {
      end(TxOutcome.FAR_TOO_MANY_SLOTS);
      return;
    }
    int offset = TxRequest.offset(from, at);
    int size = TxRequest.size(from, at);
    if (!multicast) {
      if (offset + size > GrantTable.PAGE_SIZE) {
        end(TxOutcome.FRAGMENT_CROSSES_PAGE);
        return;
      }
      if (drop == TxOutcome.PACKET) {
        if (number >= MAX_DATA_SLOTS) {
          drop = TxOutcome.TOO_MANY_SLOTS;
        } else if (size > remaining) {
          drop = TxOutcome.FRAGMENTS_EXCEED_TOTAL;
        } else {
          remaining -= size;
          grefs[number] = TxRequest.gref(from, at);
          offsets[number] = offset;
          lengths[number] = size;
          slotOf[number] = index;
        }
      }
    }
    if ((TxRequest.flags(from, at) & TxRequest.MORE_DATA) != 0) {
      expect(Expected.DATA);
    } else {
      finish();
    }
  }

  private void expect(Expected next) {
    if (slots == available) {
      end(next == Expected.EXTRA ? TxOutcome.EXTRA_MISSING : TxOutcome.DATA_MISSING);
    } else {
      expected = next;
    }
  }

  /// The last slot is in: what can only be judged now.
  private void finish() {
    if (multicast) {
      end(multicastAdd ? TxOutcome.MULTICAST_ADD : TxOutcome.MULTICAST_DEL);
    } else if (drop != TxOutcome.PACKET) {
      end(drop);
    } else if (remaining < Frame.MIN_LENGTH) {
      end(TxOutcome.FIRST_FRAGMENT_TOO_SHORT);
    } else if (offsets[0] + remaining > GrantTable.PAGE_SIZE) {
      end(TxOutcome.FRAGMENT_CROSSES_PAGE);
    } else if (gso && gsoSize == 0) {
      end(TxOutcome.GSO_SIZE_ZERO);
    } else if (gso && gsoType != ExtraInfo.GSO_TYPE_TCPV4 && gsoType != ExtraInfo.GSO_TYPE_TCPV6) {
      end(TxOutcome.GSO_TYPE_UNKNOWN);
    } else {
      lengths[0] = remaining;
      end(TxOutcome.PACKET);
    }
  }

  private void end(TxOutcome with) {
    outcome = with;
    expected = Expected.NOTHING;
  }

  /// What became of the packet; of meaning once no slot is wanted.
  public TxOutcome outcome() {
    return outcome;
  }

  /// How many slots were taken, extras included.
  public int slotCount() {
    return slots;
  }

  /// Whether a slot held an extra, which is answered NULL.
  public boolean isExtra(int slot) {
    return extras[slot];
  }

  /// The id of a slot of data; of an extra, which has none, what lies in its place.
  public int id(int slot) {
    return ids[slot];
  }

  /// Fragments of an assembled packet, those without octets included.
  public int fragmentCount() {
    return dataSlots;
  }

  public int gref(int fragment) {
    return grefs[fragment];
  }

  /// Offset of a fragment in its page; with its length it stays within the page.
  public int offset(int fragment) {
    return offsets[fragment];
  }

  /// Octets of a fragment; 0 is possible for any but the first.
  public int length(int fragment) {
    return lengths[fragment];
  }

  /// The slot that a fragment came in.
  public int slotOf(int fragment) {
    return slotOf[fragment];
  }

  /// Octets of an assembled packet, 14 to 65535.
  public int total() {
    return total;
  }

  /// Of a multicast dummy request: the address, as [org.netback.packet.MacAddress] has it. If there
  /// was one to be added, one to be removed beside it is ignored, as in Linux.
  public long multicastAddress() {
    return multicastAddress;
  }

  public ChecksumState checksum() {
    return checksum(flags);
  }

  /// What a packet's first slot says of the checksum.
  static ChecksumState checksum(int flags) {
    if ((flags & TxRequest.CSUM_BLANK) != 0) {
      return ChecksumState.BLANK;
    }
    return (flags & TxRequest.DATA_VALIDATED) != 0
        ? ChecksumState.VALIDATED
        : ChecksumState.COMPLETE;
  }

  public GsoType gso() {
    if (!gso) {
      return GsoType.NONE;
    }
    return gsoType == ExtraInfo.GSO_TYPE_TCPV4 ? GsoType.TCPV4 : GsoType.TCPV6;
  }

  /// Octets of payload in a segment; 0 without [#gso()].
  public int gsoSize() {
    return gso ? gsoSize : 0;
  }

  private enum Expected {
    FIRST,
    EXTRA,
    DATA,
    NOTHING
  }
}
