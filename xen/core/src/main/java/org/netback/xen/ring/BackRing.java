package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/// The backend's end of a ring (ring.h `struct __name##_back_ring`): takes requests, puts
/// responses.
///
/// Requests are copied into private memory all that are there at once, responses out of it all that
/// were put: one bulk copy each instead of one per slot, in which the lines that the other end's
/// processor holds come over together. The private memory is an array of words in the ring's own
/// order, since a field of an array is read in a fraction of the time that one of a segment takes.
///
/// All indices are free-running and unsigned; they are compared by their difference only. The
/// frontend can write any of them at any time: [#unconsumedRequests()] is where that is checked.
///
/// Confined to one thread, or guarded by its owner's lock.
public final class BackRing implements RingEnd {
  private final RingPage page;

  /// By slot, the request that was copied out, and later the response to be copied in.
  private final int[] slots;

  private final int slotWords;
  private final int indexMask;
  private int reqCons;
  private int rspProdPvt;
  private int rspProdPushed;

  /// Up to where [#unconsumedRequests()] has vouched for requests.
  private int reqProdSeen;

  /// Up to where requests are copied into private memory.
  private int reqCopied;

  private BackRing(RingPage page) {
    this.page = page;
    this.slotWords = page.slotSize() / Integer.BYTES;
    this.slots = new int[page.slotCount() * slotWords];
    this.indexMask = page.slotCount() - 1;
    this.rspProdPvt = page.loadRspProdAcquire();
    this.reqCons = rspProdPvt;
    this.rspProdPushed = rspProdPvt;
    this.reqProdSeen = rspProdPvt;
    this.reqCopied = rspProdPvt;
  }

  /// Attaches where the shared `rsp_prod` stands (ring.h `BACK_RING_ATTACH`), not at zero: a ring
  /// may outlive the backend that served it before.
  ///
  /// @param page the mapped pages: 1, 2, 4, 8 or 16
  /// @param slotSize octets of the larger of request and response
  /// @throws RingViolation if the frontend's index is already out of range
  public static BackRing attach(MemorySegment page, int slotSize) throws RingViolation {
    BackRing ring = new BackRing(new RingPage(page, slotSize));
    ring.unconsumedRequests();
    return ring;
  }

  /// Slots in the ring, a power of two.
  public int size() {
    return page.slotCount();
  }

  /// Index of the next request to be consumed.
  public int reqCons() {
    return reqCons;
  }

  /// Index of the next response to be put; what is below has been put, if perhaps not pushed.
  public int rspProdPvt() {
    return rspProdPvt;
  }

  /// How many requests wait. Reads `req_prod` once; that many may be copied without reading it
  /// again.
  ///
  /// @throws RingViolation if more requests are claimed than there are slots
  ///   (`RING_REQUEST_PROD_OVERFLOW`)
  public int unconsumedRequests() throws RingViolation {
    int reqProd = page.loadReqProdAcquire();
    int claimed = reqProd - rspProdPushed;
    int unconsumed = reqProd - reqCons;
    // Until their responses are pushed, requests hold their slots, so the producer can be neither
    // behind what was consumed nor a ring's size ahead of what was pushed. So between two pushes no
    // more can be consumed than there are slots, and no response is overwritten before its push.
    if (Integer.compareUnsigned(claimed, size()) > 0 || unconsumed < 0) {
      throw new RingViolation(
          "req_prod "
              + Integer.toUnsignedString(reqProd)
              + " with rsp_prod "
              + Integer.toUnsignedString(rspProdPushed)
              + " and "
              + Integer.toUnsignedString(reqCons)
              + " consumed, in a ring of "
              + size());
    }
    reqProdSeen = reqProd;
    return unconsumed;
  }

  @Override
  public int waiting() throws RingViolation {
    return unconsumedRequests();
  }

  @Override
  public int progress() {
    return reqProdSeen;
  }

  @Override
  public void ask(int wanted) {
    armRequestEvent(wanted);
  }

  /// The private copies of the slots, as words of the machine's order, which is the ring's.
  public int[] slots() {
    return slots;
  }

  /// Takes the next request: the whole slot, copied once (ring.h `RING_COPY_REQUEST`). The caller
  /// knows from [#unconsumedRequests()] that there is one.
  ///
  /// @return where its first word is in [#slots()], until a response takes its place
  /// @throws IllegalStateException if there is none that was checked
  public int takeRequest() {
    if (reqCons == reqCopied) {
      copyOut();
    }
    return slotAt(reqCons++);
  }

  /// Where the first word of an index' slot is in [#slots()].
  public int slotAt(int index) {
    return (index & indexMask) * slotWords;
  }

  /// Copies out all requests that are vouched for, without taking one.
  public void copyRequests() {
    if (reqCons == reqCopied && reqCons != reqProdSeen) {
      copyOut();
    }
  }

  private void copyOut() {
    if (reqCons == reqProdSeen) {
      throw new IllegalStateException("no checked request at " + Integer.toUnsignedString(reqCons));
    }
    page.copyOut(reqCons, reqProdSeen - reqCons, slots);
    reqCopied = reqProdSeen;
  }

  /// Takes the next request as [#takeRequest()] does, for rings with few of them: it makes a
  /// segment each time, of private memory that the slot's response will overwrite. It lies at a
  /// multiple of four octets.
  public MemorySegment copyRequest() {
    return slot(takeRequest());
  }

  private MemorySegment slot(int at) {
    return MemorySegment.ofArray(slots).asSlice((long) at * Integer.BYTES, page.slotSize());
  }

  /// The next request as [#copyRequest()] has it, without taking it.
  ///
  /// @throws IllegalStateException if there is none that was checked
  public MemorySegment peekRequest() {
    MemorySegment copy = copyRequest();
    reqCons--;
    return copy;
  }

  /// Puts a response into the slot of the oldest request that has none. The frontend sees it after
  /// [#push()].
  ///
  /// @throws IllegalStateException if every consumed request has one
  public void putResponse(RingMessage message) {
    message.writeTo(slot(nextResponse()));
  }

  /// Puts a response of one 32-bit word, and leaves what follows in the slot as the request had it.
  ///
  /// A backend that is killed within [#push()] leaves the slot to a successor, which takes it for a
  /// request: what must be right in it then has to lie past the first word.
  ///
  /// @throws IllegalStateException if every consumed request has a response
  public void putResponse(int word) {
    slots[nextResponse()] = word;
  }

  /// Puts a response of two 32-bit words, the first in the lower half.
  ///
  /// @throws IllegalStateException if every consumed request has a response
  public void putResponse(long words) {
    int at = nextResponse();
    slots[at] = (int) words;
    slots[at + 1] = (int) (words >>> 32);
  }

  /// The first two 32-bit words of a response that is put and not pushed, the first in the lower
  /// half.
  ///
  /// @param index as [#rspProdPvt()] was when it was put
  /// @throws IllegalStateException if it is not there, or was pushed
  public long response(int index) {
    int at = unpushed(index);
    return slots[at] & 0xffff_ffffL | (long) slots[at + 1] << 32;
  }

  /// Changes the first 32-bit word of a response that is put and not pushed.
  ///
  /// @param index as [#rspProdPvt()] was when it was put
  /// @throws IllegalStateException if it is not there, or was pushed
  public void amendResponse(int index, int word) {
    slots[unpushed(index)] = word;
  }

  /// Changes both 32-bit words of a response of two, as [#amendResponse(int, int)] does.
  public void amendResponse(int index, long words) {
    int at = unpushed(index);
    slots[at] = (int) words;
    slots[at + 1] = (int) (words >>> 32);
  }

  /// Gives back all requests that were taken since the last [#push()], and forgets the responses to
  /// them. They will be copied anew when they are taken again.
  public void rewind() {
    reqCons = rspProdPushed;
    rspProdPvt = rspProdPushed;
    reqCopied = rspProdPushed;
  }

  /// The words of a response that is put and not pushed.
  private int unpushed(int index) {
    if (Integer.compareUnsigned(index - rspProdPushed, rspProdPvt - rspProdPushed) >= 0) {
      throw new IllegalStateException("no unpushed response " + Integer.toUnsignedString(index));
    }
    return slotAt(index);
  }

  private int nextResponse() {
    if (rspProdPvt == reqCons) {
      // It would overwrite a request that nobody has looked at.
      throw new IllegalStateException(
          "response " + Integer.toUnsignedString(rspProdPvt) + " to a request not consumed");
    }
    return slotAt(rspProdPvt++);
  }

  /// Makes the responses put so far visible (ring.h `RING_PUSH_RESPONSES_AND_CHECK_NOTIFY`).
  ///
  /// @return whether the frontend asked to be notified of one of them
  public boolean push() {
    int old = rspProdPushed;
    page.copyIn(old, rspProdPvt - old, slots);
    page.storeRspProdRelease(rspProdPvt);
    rspProdPushed = rspProdPvt;
    // ring.h: the frontend must see the responses before rsp_event is checked, or both sides could
    // decide that nothing needs to be said.
    VarHandle.fullFence();
    int event = page.loadRspEvent();
    return Integer.compareUnsigned(rspProdPvt - event, rspProdPvt - old) < 0;
  }

  /// Whether the frontend asked to be notified of a response that is already pushed: if it was
  /// pushed by another backend, which died before it notified, the frontend waits for ever. Asked
  /// once after [#attach], with the channel bound.
  @Override
  public boolean owesNotification() {
    return rspProdPushed - page.loadRspEvent() >= 0;
  }

  @Override
  public boolean holdsBack() {
    return rspProdPvt != rspProdPushed;
  }

  /// Looks for requests a last time before the caller sleeps (ring.h
  /// `RING_FINAL_CHECK_FOR_REQUESTS`).
  ///
  /// @return whether there are requests; if not, the frontend will notify of the next one
  public boolean finalCheck() throws RingViolation {
    if (unconsumedRequests() > 0) {
      return true;
    }
    armRequestEvent(1);
    return unconsumedRequests() > 0;
  }

  /// Asks to be notified when the given number of requests more than the consumed ones is there.
  /// The caller must look at the ring again after this.
  public void armRequestEvent(int ahead) {
    page.storeReqEvent(reqCons + ahead);
    // ring.h: req_event must be visible before req_prod is read again, or a request that is put in
    // between is announced by neither side.
    VarHandle.fullFence();
  }
}
