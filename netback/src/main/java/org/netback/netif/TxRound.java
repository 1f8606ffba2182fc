package org.netback.netif;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.netback.ctrl.GrefMappings;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortTraffic;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.BackRing;

/// The private memory of one round of a [TxQueue]: the frames that are copied in, and whose
/// responses are whose. One per event loop, shared by its queues, since a round runs from ring to
/// receiver without a break.
///
/// A packet lies in one piece, so no header is ever split, however the guest cut it (XSA-423).
///
/// Of a packet longer than a page only the [#HEAD] is copied in at once, to decide by. The rest
/// goes from the sender's pages to the receiver's, if that is a guest's ring too ([#copyRest]), and
/// is pulled in for everybody else. What was copied in is also what is delivered, so that nothing
/// is judged in one version and delivered in another.
final class TxRound implements GrantLender {
  /// Packets of one round, rejected ones included: what one queue does before others have a turn.
  static final int PACKETS = 64;

  /// Octets that are copied in of a packet in any case: room for the headers that are looked at.
  static final int HEAD = 128;

  /// Octets of one round: at most some 15 packets of 64 KiB.
  private static final long OCTETS = 1 << 20;

  /// A ring's slots: no more can be consumed between two pushes.
  private static final int SLOTS = 256;

  private final TxAssembler assembler = new TxAssembler(SLOTS);
  private final FrameArena arena;
  private final FrameBatch batch = new FrameBatch(PACKETS);
  private final GrantCopies copies;
  private int domid;
  private int slots;

  /// Frames to be segmented whose checksum is not blank, as the switch makes it
  /// ([org.netback.offload.Admission]).
  private int checksumFixups;

  /// By copy, the index of the response to its slot.
  private final int[] responseOf = new int[SLOTS];

  // By packet, the number of which is its frame's in the arena. Its responses, copies and fragments
  // follow each other.
  private final int[] firstResponse = new int[PACKETS];
  private final int[] endResponse = new int[PACKETS];
  private final int[] firstCopy = new int[PACKETS + 1];
  private final int[] firstFragment = new int[PACKETS + 1];
  private int staged;

  // By fragment of those packets that are not copied in whole; none is empty.
  private final int[] grefs = new int[SLOTS];
  private final int[] offsets = new int[SLOTS];
  private final int[] lengths = new int[SLOTS];
  private final int[] responses = new int[SLOTS];
  private final boolean[] unreadable = new boolean[SLOTS];
  private int fragments;

  // What is pulled in together: by copy, the fragment, and by packet, which copies are its.
  private final GrantCopies pulls;
  private final int[] fragmentOf = new int[SLOTS];
  private final int[] firstPull = new int[PACKETS];
  private final int[] endPull = new int[PACKETS];
  private Optional<IllegalStateException> refusal = Optional.empty();
  private int pulledPackets;
  private int tornPackets;

  // Where the last copy of a rest ended: the next one goes on there, if it is of the same packet.
  private int cursorPacket;
  private int cursorAt;
  private int cursorFragment;
  private int cursorOffset;

  /// @param memory outlives it
  TxRound(GrantTable grants, Arena memory) {
    copies = grants.copies(SLOTS);
    pulls = grants.copies(SLOTS);
    arena = new FrameArena(memory, PACKETS, OCTETS);
  }

  /// Begins the round of one of a guest's queues; what is left of the last round is gone.
  void begin(int ofDomid) {
    domid = ofDomid;
    arena.clear();
    batch.clear();
    copies.clear();
    refusal = Optional.empty();
    slots = 0;
    staged = 0;
    fragments = 0;
    pulledPackets = 0;
    tornPackets = 0;
    checksumFixups = 0;
    cursorPacket = -1;
  }

  /// Has the pages of the next requests brought into the processor's cache, where many guests are
  /// served or much is sent: read one after the other, each between the work on two packets, they
  /// would each be waited for.
  ///
  /// @param count how many requests there are at least
  void expect(BackRing ring, int count) {
    ring.copyRequests();
    int[] words = ring.slots();
    for (int i = 0; i < count; i++) {
      int at = ring.slotAt(ring.reqCons() + i);
      // An extra among them names no page, and does no harm.
      copies.expect(domid, TxRequest.gref(words, at), TxRequest.offset(words, at));
    }
  }

  TxAssembler assembler() {
    return assembler;
  }

  /// Whether a packet of any length can still be staged.
  boolean hasRoom() {
    return arena.fits(0xffff);
  }

  /// Slots that were answered.
  int slots() {
    return slots;
  }

  /// Takes over a packet of one slot ([TxAssembler#isPlain]), as [#stage(GrefMappings, BackRing,
  /// boolean)] does any other.
  int stage(GrefMappings mappings, BackRing ring, int[] words, int at) {
    int size = TxRequest.size(words, at);
    Frame frame = begin(size, ring);
    frame.setChecksum(TxAssembler.checksum(TxRequest.flags(words, at)));
    int mapped =
        copyIn(
            mappings,
            TxRequest.gref(words, at),
            TxRequest.offset(words, at),
            size,
            frame,
            0,
            ring.rspProdPvt());
    ring.putResponse(TxResponse.word(TxRequest.id(words, at), TxResponse.OKAY));
    slots++;
    end(ring);
    return mapped;
  }

  /// Takes over the packet that the assembler holds. What lies in pages that are mapped is copied
  /// here, the rest with [#copy]. Its slots are answered as if nothing could go wrong with that;
  /// until the push nobody sees it, and [#copy] and [#settle] amend what did.
  ///
  /// @param whole whether nothing is to be left in the sender's pages, of a long packet neither
  /// @return slots copied already
  int stage(GrefMappings mappings, BackRing ring, boolean whole) {
    int total = assembler.total();
    Frame frame = begin(total, ring);
    frame.setChecksum(assembler.checksum());
    frame.setGso(assembler.gso(), assembler.gsoSize());
    if (frame.gso() != GsoType.NONE && frame.checksum() != ChecksumState.BLANK) {
      checksumFixups++;
    }
    int first = ring.rspProdPvt();
    int head = total;
    if (!whole && total > GrantTable.PAGE_SIZE && mappings.isEmpty()) {
      head = HEAD;
      keepFragments(first);
      frame.lendFrom(head, this);
    }
    int mapped = 0;
    int at = 0;
    for (int i = 0; at < head; i++) {
      int length = Math.min(assembler.length(i), head - at);
      if (length > 0) {
        mapped +=
            copyIn(
                mappings,
                assembler.gref(i),
                assembler.offset(i),
                length,
                frame,
                at,
                first + assembler.slotOf(i));
        at += length;
      }
    }
    answer(ring, TxResponse.OKAY);
    end(ring);
    return mapped;
  }

  private Frame begin(int length, BackRing ring) {
    Frame frame = arena.allocate(length);
    firstResponse[staged] = ring.rspProdPvt();
    batch.add(frame);
    return frame;
  }

  private void end(BackRing ring) {
    endResponse[staged] = ring.rspProdPvt();
    staged++;
    firstCopy[staged] = copies.size();
    firstFragment[staged] = fragments;
  }

  /// Has octets of a packet copied to their place.
  ///
  /// @param response the index of that to their slot
  /// @return 1 if they lie in a mapped page and are copied already
  private int copyIn(
      GrefMappings mappings, int gref, int offset, int length, Frame frame, int at, int response) {
    int place = mappings.find(gref);
    if (place >= 0) {
      MemorySegment page = mappings.page(place);
      MemorySegment.copy(page, offset, frame.memory(), frame.offset() + at, length);
      return 1;
    }
    int copy = copies.fromGuest(domid, gref, offset, length, frame.memory(), frame.offset() + at);
    responseOf[copy] = response;
    return 0;
  }

  private void keepFragments(int response) {
    int count = assembler.fragmentCount();
    for (int i = 0; i < count; i++) {
      if (assembler.length(i) > 0) {
        grefs[fragments] = assembler.gref(i);
        offsets[fragments] = assembler.offset(i);
        lengths[fragments] = assembler.length(i);
        responses[fragments] = response + assembler.slotOf(i);
        unreadable[fragments] = false;
        fragments++;
      }
    }
  }

  /// Answers the slots of a packet that is not served.
  void reject(BackRing ring) {
    answer(ring, TxResponse.ERROR);
  }

  /// Answers the slots of a dummy request that was served.
  void acknowledge(BackRing ring) {
    answer(ring, TxResponse.OKAY);
  }

  /// Only the struct's 4 octets are written: should the daemon be killed within the push, its
  /// successor may find requests with wrong references but with their own ids, flags and sizes, and
  /// extras of their own type, which it can answer with errors.
  private void answer(BackRing ring, int status) {
    int count = assembler.slotCount();
    for (int i = 0; i < count; i++) {
      int of = assembler.isExtra(i) ? TxResponse.NULL : status;
      ring.putResponse(TxResponse.word(assembler.id(i), of));
    }
    slots += count;
  }

  /// Copies the staged packets in, all at once, and sorts out those that could not be copied.
  ///
  /// @param port the sender's, and its queue's number
  void copy(TxCounters counters, PortTraffic port, int queue, BackRing ring) {
    copies.carryOut();
    if (copies.hasFailures()) {
      batch.clear();
      for (int i = 0; i < staged; i++) {
        if (isCopied(i, ring)) {
          batch.add(arena.get(i));
        } else {
          Frame lost = arena.get(i);
          lost.lose();
          counters.copyFailures++;
          port.drop(DropReason.UNREADABLE, queue, lost);
        }
      }
    }
    counters.packets += batch.size();
    counters.octets += batch.octets();
    counters.checksumFixups += checksumFixups;
  }

  /// Judges every copy of a packet; without its beginning the rest is of no use, so that then all
  /// of its slots have failed.
  private boolean isCopied(int packet, BackRing ring) {
    boolean copied = true;
    int first = firstCopy[packet];
    for (int i = first; i < firstCopy[packet + 1]; i++) {
      if (copies.status(i) != GrantStatus.OKAY) {
        copied = false;
        fail(ring, responseOf[i]);
      }
    }
    boolean hasBeginning =
        first == firstCopy[packet + 1]
            || responseOf[first] != firstResponse[packet]
            || copies.status(first) == GrantStatus.OKAY;
    if (!hasBeginning) {
      for (int index = firstResponse[packet]; index != endResponse[packet]; index++) {
        fail(ring, index);
      }
    }
    return copied;
  }

  private static void fail(BackRing ring, int index) {
    int word = (int) ring.response(index);
    if (TxResponse.status(word) != TxResponse.NULL) {
      ring.amendResponse(index, TxResponse.word(word, TxResponse.ERROR));
    }
  }

  /// The frames that are to be forwarded.
  FrameBatch batch() {
    return batch;
  }

  /// Cheapest where the last copy of the same frame ended.
  @Override
  public void copyRest(
      Frame frame, int from, int length, GrantCopies into, int toDomid, int toGref, int toOffset) {
    if (cursorPacket != frame.index() || cursorAt != from) {
      seek(frame.index(), from);
    }
    cursorAt = from + length;
    int left = length;
    while (left > 0) {
      int fragment = cursorFragment;
      int part = Math.min(left, lengths[fragment] - cursorOffset);
      into.betweenGuests(
          domid,
          grefs[fragment],
          offsets[fragment] + cursorOffset,
          toDomid,
          toGref,
          toOffset + length - left,
          part);
      left -= part;
      cursorOffset += part;
      if (cursorOffset == lengths[fragment]) {
        cursorFragment++;
        cursorOffset = 0;
      }
    }
  }

  private void seek(int packet, int at) {
    cursorPacket = packet;
    cursorFragment = firstFragment[packet];
    cursorOffset = at;
    while (cursorOffset >= lengths[cursorFragment]) {
      cursorOffset -= lengths[cursorFragment];
      cursorFragment++;
    }
  }

  @Override
  public void pull(Frame frame) {
    pulls.clear();
    addPull(frame);
    boolean done = carryOutPulls();
    takePull(frame, done);
  }

  @Override
  public void pull(FrameBatch some, int base, long mask) {
    pulls.clear();
    for (long left = mask; left != 0; left &= left - 1) {
      addPull(some.get(base + Long.numberOfTrailingZeros(left)));
    }
    boolean done = carryOutPulls();
    for (long left = mask; left != 0; left &= left - 1) {
      takePull(some.get(base + Long.numberOfTrailingZeros(left)), done);
    }
  }

  private void addPull(Frame frame) {
    int packet = frame.index();
    int at = 0;
    firstPull[packet] = pulls.size();
    for (int i = firstFragment[packet]; i < firstFragment[packet + 1]; i++) {
      int skip = Math.max(0, frame.head() - at);
      if (skip < lengths[i]) {
        int copy =
            pulls.fromGuest(
                domid,
                grefs[i],
                offsets[i] + skip,
                lengths[i] - skip,
                frame.memory(),
                frame.offset() + at + skip);
        fragmentOf[copy] = i;
      }
      at += lengths[i];
    }
    endPull[packet] = pulls.size();
  }

  /// A refusal of the ground's is not the fault of whoever asked for the octets: it waits for
  /// [#settle].
  private boolean carryOutPulls() {
    try {
      pulls.carryOut();
      return true;
    } catch (IllegalStateException e) {
      refusal = Optional.of(e);
      return false;
    }
  }

  private void takePull(Frame frame, boolean done) {
    int packet = frame.index();
    boolean had = done;
    for (int copy = firstPull[packet]; done && copy < endPull[packet]; copy++) {
      if (pulls.status(copy) != GrantStatus.OKAY) {
        had = false;
        unreadable[fragmentOf[copy]] = true;
      }
    }
    pulledPackets++;
    tornPackets += had ? 0 : 1;
    frame.pulled(had);
  }

  /// Packets whose rest was pulled in after all.
  int pulledPackets() {
    return pulledPackets;
  }

  /// Amends the answers to packets whose rest could not be had. After this the guest's pages are
  /// not touched again.
  ///
  /// @param port the sender's, and its queue's number
  /// @throws IllegalStateException if the ground refused to copy, which is no guest's doing
  void settle(TxCounters counters, PortTraffic port, int queue, BackRing ring) {
    if (tornPackets == 0) {
      return;
    }
    if (refusal.isPresent()) {
      throw refusal.get();
    }
    for (int i = 0; i < batch.size(); i++) {
      Frame frame = batch.get(i);
      if (frame.isTorn()) {
        int packet = frame.index();
        counters.copyFailures++;
        port.drop(DropReason.UNREADABLE, queue, frame);
        for (int f = firstFragment[packet]; f < firstFragment[packet + 1]; f++) {
          if (unreadable[f]) {
            fail(ring, responses[f]);
          }
        }
      }
    }
  }
}
