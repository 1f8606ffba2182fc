package org.netback.xen.ring;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/// The frontend's end of a ring (ring.h `struct __name##_front_ring`): puts requests, takes
/// responses.
///
/// Confined to one thread.
public final class FrontRing {
  private final RingPage page;
  private final MemorySegment request;
  private final MemorySegment response;
  private int reqProdPvt;
  private int reqProdPushed;
  private int rspCons;

  /// Up to where [#unconsumedResponses()] has vouched for responses.
  private int rspProdSeen;

  private FrontRing(RingPage page) {
    this.page = page;
    this.request = Arena.ofAuto().allocate(page.slotSize(), 8);
    this.response = Arena.ofAuto().allocate(page.slotSize(), 8);
  }

  /// Initialises the shared page and takes the frontend's end of it (ring.h `XEN_FRONT_RING_INIT`).
  public static FrontRing initialise(MemorySegment page, int slotSize) {
    RingPage ringPage = new RingPage(page, slotSize);
    ringPage.initialise();
    return new FrontRing(ringPage);
  }

  /// The same with all four indices at a start of the caller's choice, so that tests reach 2^32
  /// soon.
  public static FrontRing initialiseAt(MemorySegment page, int slotSize, int start) {
    FrontRing ring = initialise(page, slotSize);
    ring.page.storeReqProdRelease(start);
    ring.page.storeRspProdRelease(start);
    ring.page.storeReqEvent(start + 1);
    ring.page.storeRspEvent(start + 1);
    ring.reqProdPvt = start;
    ring.reqProdPushed = start;
    ring.rspCons = start;
    ring.rspProdSeen = start;
    return ring;
  }

  /// Slots in the ring, a power of two.
  public int size() {
    return page.slotCount();
  }

  /// Slots that a request can be put into.
  public int freeRequests() {
    return size() - (reqProdPvt - rspCons);
  }

  /// Index of the next request to be put; its slot is this modulo [#size()].
  public int reqProdPvt() {
    return reqProdPvt;
  }

  /// Index of the next response to be taken.
  public int rspCons() {
    return rspCons;
  }

  /// Puts a request into the next slot; the caller knows from [#freeRequests()] that there is one.
  ///
  /// @throws IllegalStateException if there is none
  public void putRequest(RingMessage message) {
    message.writeTo(request);
    putRequest();
  }

  /// Private memory of a slot's size for the next request, to be written through the message's
  /// static `write` and then put by [#putRequest()].
  public MemorySegment requestSlot() {
    return request;
  }

  /// Puts what was written into [#requestSlot()].
  ///
  /// @throws IllegalStateException if the ring is full
  public void putRequest() {
    if (reqProdPvt - rspCons == size()) {
      throw new IllegalStateException("ring of " + size() + " is full");
    }
    page.copyIn(reqProdPvt++, request);
  }

  /// Makes the requests put so far visible (ring.h `RING_PUSH_REQUESTS_AND_CHECK_NOTIFY`).
  ///
  /// @return whether the backend asked to be notified of one of them
  public boolean push() {
    int old = reqProdPushed;
    page.storeReqProdRelease(reqProdPvt);
    reqProdPushed = reqProdPvt;
    // ring.h: the backend must see the requests before req_event is checked.
    VarHandle.fullFence();
    int event = page.loadReqEvent();
    return Integer.compareUnsigned(reqProdPvt - event, reqProdPvt - old) < 0;
  }

  /// How many responses wait.
  ///
  /// @throws RingViolation if the backend claims to have answered more than it was asked
  public int unconsumedResponses() throws RingViolation {
    int rspProd = page.loadRspProdAcquire();
    int unconsumed = rspProd - rspCons;
    if (Integer.compareUnsigned(unconsumed, reqProdPushed - rspCons) > 0) {
      throw new RingViolation(
          "rsp_prod "
              + Integer.toUnsignedString(rspProd)
              + " with "
              + Integer.toUnsignedString(reqProdPushed)
              + " requests and "
              + Integer.toUnsignedString(rspCons)
              + " responses consumed");
    }
    rspProdSeen = rspProd;
    return unconsumed;
  }

  /// Takes the next response, copied once; private memory, overwritten by the next call. The caller
  /// knows from [#unconsumedResponses()] that there is one.
  ///
  /// @throws IllegalStateException if there is none that was checked
  public MemorySegment copyResponse() {
    if (rspCons == rspProdSeen) {
      throw new IllegalStateException(
          "no checked response at " + Integer.toUnsignedString(rspCons));
    }
    page.copyOut(rspCons++, response);
    return response;
  }

  /// Looks for responses a last time before the caller sleeps (ring.h
  /// `RING_FINAL_CHECK_FOR_RESPONSES`).
  ///
  /// @return whether there are responses; if not, the backend will notify of the next one
  public boolean finalCheck() throws RingViolation {
    if (unconsumedResponses() > 0) {
      return true;
    }
    armResponseEvent(1);
    return unconsumedResponses() > 0;
  }

  /// Asks to be notified when the given number of responses more than the consumed ones is there.
  public void armResponseEvent(int ahead) {
    page.storeRspEvent(rspCons + ahead);
    // ring.h: rsp_event must be visible before rsp_prod is read again.
    VarHandle.fullFence();
  }
}
