package org.netback.netif;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.netback.ctrl.GrefMappings;
import org.netback.hashing.HashConfiguration;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.GsoType;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.ring.BackRing;

/// What an [RxQueue] has consumed of its ring and not pushed yet: the frames, and the copies that
/// are still to be made of them.
///
/// Slots are answered as they are consumed, as if all copies went well; until the push nobody sees
/// it, and what went wrong is amended. If it was a copy from a sender's page, or if a frame turned
/// out to be torn, everything is taken back and put together anew ([#undo]), so that a receiver
/// never sees that a sender's page was none.
///
/// Guarded by the queue's lock.
final class RxStage {
  private static final int PAGE = GrantTable.PAGE_SIZE;

  /// A ring's slots: no more can be consumed between two pushes.
  private static final int SLOTS = 256;

  /// Each slot has one, and one more wherever a sender's fragment or what is private of a frame
  /// ends in a page.
  private static final int COPIES = 2 * SLOTS + PortScratch.CHUNK;

  private final int domid;
  private final BackRing ring;
  private final GrefMappings mappings;
  private final RxCounters counters;
  private final GrantCopies copies;

  /// By copy of a batch without any from a sender's page, the index of its response, and the frame
  /// that it is of.
  private final int[] responseOf = new int[COPIES];

  private final int[] frameOf = new int[COPIES];

  // By frame.
  private final int[] lengths = new int[SLOTS];
  private final boolean[] failed = new boolean[SLOTS];
  private int slots;
  private int frames;
  private long octets;
  private int failures;

  /// Whether a copy is from a sender's page.
  private boolean partial;

  /// Whether a frame could not be had whole.
  private boolean torn;

  /// @param mappings the guest's pages that need no grant operation
  RxStage(int domid, BackRing ring, GrantTable grants, GrefMappings mappings, RxCounters counters) {
    this.domid = domid;
    this.ring = ring;
    this.mappings = mappings;
    this.counters = counters;
    this.copies = grants.copies(COPIES);
  }

  /// How many slots a frame takes: one per 4096 octets, and one for each extra.
  ///
  /// @param hash of the frame, in the form of [HashConfiguration#hash]
  static int slots(Frame frame, long hash) {
    return (frame.length() + PAGE - 1) / PAGE
        + (frame.gso() == GsoType.NONE ? 0 : 1)
        + (hash == HashConfiguration.NO_HASH ? 0 : 1);
  }

  /// Whether something is staged.
  boolean isEmpty() {
    return slots == 0;
  }

  /// Frames that are staged.
  int frames() {
    return frames;
  }

  /// Consumes a frame's slots; the frame must stay as it is until [#carryOut].
  ///
  /// @param frame whole if the guest has pages mapped; else it is made whole here, unless its
  ///   lender is a [GrantLender]
  /// @param needed how many they are ([#slots])
  void add(Frame frame, long hash, int needed) {
    int length = frame.length();
    if (needed == 1) {
      putData(frame, 0, length, flags(frame.checksum()));
    } else {
      addSlots(frame, length, hash);
    }
    lengths[frames++] = length;
    octets += length;
  }

  private void addSlots(Frame frame, int length, long hash) {
    boolean hashed = hash != HashConfiguration.NO_HASH;
    int flags = flags(frame.checksum());
    if (frame.gso() != GsoType.NONE) {
      // Receivers insist on both checksum flags with GSO.
      flags = RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED | RxResponse.EXTRA_INFO;
    }
    if (hashed) {
      flags |= RxResponse.EXTRA_INFO;
    }
    int at = Math.min(PAGE, length);
    putData(frame, 0, at, at < length ? flags | RxResponse.MORE_DATA : flags);
    // Extras come directly after the first slot and take the buffers that were posted there,
    // unused. A hash is the last of them.
    if (frame.gso() != GsoType.NONE) {
      int type = frame.gso() == GsoType.TCPV4 ? ExtraInfo.GSO_TYPE_TCPV4 : ExtraInfo.GSO_TYPE_TCPV6;
      int more = hashed ? ExtraInfo.FLAG_MORE : 0;
      putExtra(ExtraInfo.gsoWords(more, frame.gsoSize(), type, 0));
    }
    if (hashed) {
      putExtra(
          ExtraInfo.hashWords(
              0,
              HashConfiguration.type(hash),
              CtrlRequest.HASH_ALGORITHM_TOEPLITZ,
              HashConfiguration.value(hash)));
    }
    while (at < length) {
      int part = Math.min(PAGE, length - at);
      putData(frame, at, part, at + part < length ? RxResponse.MORE_DATA : 0);
      at += part;
    }
  }

  private static int flags(ChecksumState checksum) {
    return switch (checksum) {
      case COMPLETE -> 0;
      case VALIDATED -> RxResponse.DATA_VALIDATED;
      case BLANK -> RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED;
    };
  }

  private void putData(Frame frame, int at, int length, int flags) {
    int[] words = ring.slots();
    int request = ring.takeRequest();
    int gref = RxRequest.gref(words, request);
    long response = RxResponse.words(RxRequest.id(words, request), 0, flags, length);
    int place = mappings.find(gref);
    if (place < 0) {
      copy(frame, at, length, gref);
    } else if (mappings.isReadOnly(place)) {
      response = RxResponse.withStatus(response, RxResponse.ERROR);
      fail(frames);
    } else {
      MemorySegment.copy(frame.memory(), frame.offset() + at, mappings.page(place), 0, length);
      counters.mappedCopies++;
    }
    ring.putResponse(response);
    slots++;
  }

  private void putExtra(long words) {
    int _ = ring.takeRequest();
    ring.putResponse(words);
    slots++;
  }

  private void copy(Frame frame, int at, int length, int gref) {
    int ready = frame.head() - at;
    if (ready >= length) {
      book(copies.toGuest(domid, gref, 0, length, frame.memory(), frame.offset() + at));
    } else {
      copyRest(frame, at, Math.max(0, ready), length, gref);
    }
  }

  /// @param ready octets of the page that are private, fewer than its length
  private void copyRest(Frame frame, int at, int ready, int length, int gref) {
    if (!(frame.lender() instanceof GrantLender sender)) {
      torn |= !frame.pull();
      book(copies.toGuest(domid, gref, 0, length, frame.memory(), frame.offset() + at));
      return;
    }
    // None of these is booked: if one fails, all is taken back.
    if (ready > 0) {
      int _ = copies.toGuest(domid, gref, 0, ready, frame.memory(), frame.offset() + at);
    }
    sender.copyRest(frame, at + ready, length - ready, copies, domid, gref, ready);
    partial = true;
  }

  private void book(int copy) {
    responseOf[copy] = ring.rspProdPvt();
    frameOf[copy] = frames;
  }

  private void fail(int frame) {
    if (!failed[frame]) {
      failed[frame] = true;
      failures++;
    }
  }

  /// Has all copies made.
  ///
  /// @return false if a frame is torn, or if a copy failed and may have been the fault of a
  ///   sender's page: [#undo] all, have the frames whole ([Frame#pull]), which tells whose it was,
  ///   and add those that are
  boolean carryOut() {
    if (torn) {
      return false;
    }
    copies.carryOut();
    if (copies.hasFailures()) {
      if (partial) {
        return false;
      }
      amend();
    }
    return true;
  }

  /// Tells the guest which pages could not be written.
  private void amend() {
    for (int copy = 0; copy < copies.size(); copy++) {
      if (copies.status(copy) != GrantStatus.OKAY) {
        int index = responseOf[copy];
        ring.amendResponse(index, RxResponse.withStatus(ring.response(index), RxResponse.ERROR));
        fail(frameOf[copy]);
      }
    }
  }

  /// Gives all slots back, unused.
  void undo() {
    ring.rewind();
    clear();
  }

  /// Whether a copy of a frame has failed.
  ///
  /// @param frame index of it, in the order in which they were added
  boolean hasFailed(int frame) {
    return failed[frame];
  }

  /// Frames whose copies have failed.
  int failures() {
    return failures;
  }

  /// Octets of the frames that have not.
  long deliveredOctets() {
    long delivered = octets;
    if (failures > 0) {
      for (int frame = 0; frame < frames; frame++) {
        delivered -= failed[frame] ? lengths[frame] : 0;
      }
    }
    return delivered;
  }

  /// Shows the slots to the guest.
  ///
  /// @return whether it wants to be notified
  boolean push() {
    counters.answered += slots;
    clear();
    return ring.push();
  }

  /// Forgets what is staged.
  void clear() {
    copies.clear();
    slots = 0;
    frames = 0;
    octets = 0;
    if (failures > 0) {
      Arrays.fill(failed, false);
      failures = 0;
    }
    partial = false;
    torn = false;
  }
}
