package org.netback.netif;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.ctrl.GrefMappings;
import org.netback.offload.TransportChecksum;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortCounters;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.BackRing;

/// The private memory of one round of a [TxQueue]: the frames that are copied in, and whose
/// responses are whose. One per event loop, shared by its queues, since a round runs from ring to
/// receiver without a break.
///
/// A packet lies in one piece, so no header is ever split, however the guest cut it (XSA-423).
final class TxRound {
  /// Packets of one round, rejected ones included: what one queue does before others have a turn.
  static final int PACKETS = 64;

  /// Octets of one round: at most some 15 packets of 64 KiB.
  private static final long OCTETS = 1 << 20;

  /// A ring's slots: no more can be consumed between two pushes.
  private static final int SLOTS = 256;

  private final TxAssembler assembler = new TxAssembler(SLOTS);
  private final FrameArena arena;
  private final FrameBatch batch = new FrameBatch(PACKETS);
  private final GrantCopies copies;

  private int slots;

  /// By copy, the index of the response to its slot.
  private final int[] responseOf = new int[SLOTS];

  // By packet. A packet's responses follow each other.
  private final Frame[] frames = new Frame[PACKETS];
  private final int[] firstResponse = new int[PACKETS];
  private final int[] endResponse = new int[PACKETS];
  private final int[] firstCopy = new int[PACKETS + 1];
  private int staged;
  private final Headers headers = new Headers();

  /// @param memory outlives it
  TxRound(GrantTable grants, Arena memory) {
    copies = grants.copies(SLOTS);
    arena = new FrameArena(memory, PACKETS, OCTETS);
  }

  void clear() {
    arena.clear();
    batch.clear();
    copies.clear();
    slots = 0;
    staged = 0;
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

  /// Takes over the packet that the assembler holds. What lies in pages that are mapped is copied
  /// here, the rest with [#copy]. Its slots are answered as if nothing could go wrong with that;
  /// until the push nobody sees it, and [#copy] amends what did.
  ///
  /// @return slots copied already
  int stage(int domid, GrefMappings mappings, BackRing ring) {
    Frame frame = arena.allocate(assembler.total());
    frame.setChecksum(assembler.checksum());
    frame.setGso(assembler.gso(), assembler.gsoSize());
    frames[staged] = frame;
    int first = ring.rspProdPvt();
    firstResponse[staged] = first;
    firstCopy[staged] = copies.size();
    long at = frame.offset();
    int mapped = 0;
    for (int i = 0; i < assembler.fragmentCount(); i++) {
      int length = assembler.length(i);
      if (length == 0) {
        continue;
      }
      int place = mappings.find(assembler.gref(i));
      if (place < 0) {
        int copy =
            copies.fromGuest(
                domid, assembler.gref(i), assembler.offset(i), length, frame.memory(), at);
        responseOf[copy] = first + assembler.slotOf(i);
      } else {
        MemorySegment page = mappings.page(place);
        MemorySegment.copy(page, assembler.offset(i), frame.memory(), at, length);
        mapped++;
      }
      at += length;
    }
    answer(ring, TxResponse.OKAY);
    endResponse[staged] = ring.rspProdPvt();
    staged++;
    firstCopy[staged] = copies.size();
    return mapped;
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

  /// Copies the staged packets in, all at once, and sorts out those that could not be copied or
  /// whose offload is nonsense. After this the guest's pages are not touched again.
  void copy(TxCounters counters, PortCounters port, BackRing ring) {
    if (staged == 0) {
      return;
    }
    if (copies.size() > 0) {
      copies.carryOut();
    }
    boolean failures = copies.hasFailures();
    for (int i = 0; i < staged; i++) {
      if (failures && !isCopied(i, ring)) {
        counters.copyFailures++;
        continue;
      }
      Frame frame = frames[i];
      if (frame.gso() != GsoType.NONE && frame.checksum() != ChecksumState.BLANK) {
        // The segments' checksums start from the pseudo header's sum, so it has to be there.
        counters.checksumFixups++;
        if (!blankChecksum(frame)) {
          port.drop(DropReason.BAD_OFFLOAD, 1);
          continue;
        }
      }
      counters.packets++;
      counters.octets += frame.length();
      batch.add(frame);
    }
  }

  private boolean blankChecksum(Frame frame) {
    headers.parse(frame);
    Headers.Ip ip = frame.gso() == GsoType.TCPV4 ? Headers.Ip.V4 : Headers.Ip.V6;
    return headers.ip() == ip
        && headers.transport() == Headers.Transport.TCP
        && TransportChecksum.blank(frame, headers) == TransportChecksum.Outcome.DONE;
  }

  /// Judges every segment of a packet; without its beginning the rest is of no use, so that then
  /// all of its slots have failed.
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
}
