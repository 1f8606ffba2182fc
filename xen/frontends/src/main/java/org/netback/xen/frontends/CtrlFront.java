package org.netback.xen.frontends;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// The frontend's end of a network device's control ring (io/netif.h, "Control ring"), with the
/// habits of Windows' driver: one request at a time, and no id is 0. Requests made meanwhile wait
/// their turn.
///
/// Keys, mappings and lists go by a page of this object's own, which is granted as long as the
/// connection lives.
///
/// Any thread may ask; everything happens on the loop, and the answers complete there. When the
/// ring is closed, or the backend breaks it, what is not answered fails with an IOException.
public final class CtrlFront {
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int MAX_ID = 0xffff;

  private final EventLoop loop;
  private final GuestPages ringPage;
  private final GuestPages dataPage;
  private final FrontRing ring;
  private final EventChannel channel;
  private final Deque<Asked> waiting = new ArrayDeque<>();
  private Optional<Asked> inFlight = Optional.empty();
  private int lastId;
  private boolean closed;

  private CtrlFront(
      EventLoop loop, GuestPages ringPage, GuestPages dataPage, Offer offer, int ringStart)
      throws IOException {
    this.loop = loop;
    this.ringPage = ringPage;
    this.dataPage = dataPage;
    this.ring = FrontRing.initialiseAt(ringPage.page(0), CtrlRequest.SIZE, ringStart);
    ringPage.grantAll();
    dataPage.grantAll();
    this.channel = offer.channel(loop, this::onEvent);
  }

  /// Makes a ring and a channel, for the backend to be told of.
  ///
  /// @param offer of the connection, which owns the pages
  /// @param ringStart index that the ring starts at
  static CtrlFront open(Offer offer, EventLoop loop, int ringStart) throws IOException {
    return new CtrlFront(loop, offer.pages(1, false), offer.pages(1, false), offer, ringStart);
  }

  /// For the key `ctrl-ring-ref`.
  public int ringRef() {
    return ringPage.grant(0);
  }

  /// For the key `event-channel-ctrl`.
  public int port() {
    return channel.port();
  }

  public CompletableFuture<CtrlResponse> setHashAlgorithm(int algorithm) {
    return ask(CtrlRequest.TYPE_SET_HASH_ALGORITHM, algorithm, 0, 0);
  }

  public CompletableFuture<CtrlResponse> hashFlags() {
    return ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0);
  }

  /// @param types `XEN_NETIF_CTRL_HASH_TYPE_*`
  public CompletableFuture<CtrlResponse> setHashFlags(int types) {
    return ask(CtrlRequest.TYPE_SET_HASH_FLAGS, types, 0, 0);
  }

  public CompletableFuture<CtrlResponse> setHashKey(byte... key) {
    return ask(
        CtrlRequest.TYPE_SET_HASH_KEY,
        dataPage.grant(0),
        key.length,
        0,
        page -> MemorySegment.copy(key, 0, page, ValueLayout.JAVA_BYTE, 0, key.length));
  }

  public CompletableFuture<CtrlResponse> hashMappingSize() {
    return ask(CtrlRequest.TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
  }

  public CompletableFuture<CtrlResponse> setHashMappingSize(int entries) {
    return ask(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, entries, 0, 0);
  }

  /// Sets a part of the table that leads from hashes to queues.
  public CompletableFuture<CtrlResponse> setHashMapping(int offset, int... queues) {
    return ask(
        CtrlRequest.TYPE_SET_HASH_MAPPING,
        dataPage.grant(0),
        queues.length,
        offset,
        page -> MemorySegment.copy(queues, 0, page, U32, 0, queues.length));
  }

  public CompletableFuture<CtrlResponse> grefMappingSize(int queue) {
    return ask(CtrlRequest.TYPE_GET_GREF_MAPPING_SIZE, queue, 0, 0);
  }

  /// Has pages mapped for good, all of them or none.
  public CompletableFuture<CtrlResponse> addGrefs(int queue, List<GrefEntry> entries) {
    return ask(
        CtrlRequest.TYPE_ADD_GREF_MAPPING,
        queue,
        dataPage.grant(0),
        entries.size(),
        page -> writeList(page, entries));
  }

  /// Has pages unmapped.
  public CompletableFuture<Deleted> deleteGrefs(int queue, List<GrefEntry> entries) {
    return ask(
            CtrlRequest.TYPE_DEL_GREF_MAPPING,
            queue,
            dataPage.grant(0),
            entries.size(),
            page -> writeList(page, entries))
        .thenApply(response -> new Deleted(response, readList(entries.size())));
  }

  /// What became of a list.
  ///
  /// @param entries with the statuses that the backend has written
  public record Deleted(CtrlResponse response, List<GrefEntry> entries) {
    public Deleted {
      entries = List.copyOf(entries);
    }
  }

  private static void writeList(MemorySegment page, List<GrefEntry> entries) {
    for (int i = 0; i < entries.size(); i++) {
      entries.get(i).writeTo(page.asSlice((long) i * GrefEntry.SIZE, GrefEntry.SIZE));
    }
  }

  private List<GrefEntry> readList(int size) {
    List<GrefEntry> entries = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      entries.add(
          GrefEntry.read(dataPage.page(0).asSlice((long) i * GrefEntry.SIZE, GrefEntry.SIZE)));
    }
    return entries;
  }

  /// Makes any request, whatever its type and data.
  public CompletableFuture<CtrlResponse> ask(int type, int data0, int data1, int data2) {
    return ask(type, data0, data1, data2, page -> {});
  }

  private CompletableFuture<CtrlResponse> ask(
      int type, int data0, int data1, int data2, Consumer<MemorySegment> fill) {
    Asked asked = new Asked(type, data0, data1, data2, fill);
    loop.execute(
        () -> {
          if (closed) {
            asked.answer.completeExceptionally(new IOException("the control ring is closed"));
            return;
          }
          waiting.add(asked);
          askNext();
        });
    return asked.answer;
  }

  private void askNext() {
    if (inFlight.isPresent() || waiting.isEmpty()) {
      return;
    }
    Asked next = waiting.remove();
    inFlight = Optional.of(next);
    dataPage.page(0).asSlice(0, GrantTable.PAGE_SIZE).fill((byte) 0);
    next.fill.accept(dataPage.page(0));
    lastId = lastId % MAX_ID + 1;
    ring.putRequest(new CtrlRequest(lastId, next.type, next.data0, next.data1, next.data2));
    if (ring.push()) {
      channel.notifyPeer();
    }
  }

  private boolean onEvent() {
    boolean worked = false;
    try {
      while (!closed && ring.finalCheck()) {
        worked = true;
        take(CtrlResponse.read(ring.copyResponse()));
      }
    } catch (RingViolation e) {
      fail("the backend broke the control ring: " + e.getMessage());
    }
    return worked;
  }

  private void take(CtrlResponse response) throws RingViolation {
    Asked asked =
        inFlight.orElseThrow(
            () -> new RingViolation("control response " + response + " to nothing"));
    if (response.id() != lastId || response.type() != asked.type) {
      throw new RingViolation(
          "control response " + response + " to request " + lastId + " of type " + asked.type);
    }
    inFlight = Optional.empty();
    asked.answer.complete(response);
    askNext();
  }

  /// Ends the ring. On the loop only; idempotent.
  public void close() {
    fail("the control ring is closed");
  }

  private void fail(String why) {
    if (closed) {
      return;
    }
    closed = true;
    channel.close();
    List<Asked> unanswered = new ArrayList<>(waiting);
    inFlight.ifPresent(unanswered::addFirst);
    waiting.clear();
    inFlight = Optional.empty();
    unanswered.forEach(asked -> asked.answer.completeExceptionally(new IOException(why)));
  }

  private static final class Asked {
    final int type;
    final int data0;
    final int data1;
    final int data2;
    final Consumer<MemorySegment> fill;
    final CompletableFuture<CtrlResponse> answer = new CompletableFuture<>();

    Asked(int type, int data0, int data1, int data2, Consumer<MemorySegment> fill) {
      this.type = type;
      this.data0 = data0;
      this.data1 = data1;
      this.data2 = data2;
      this.fill = fill;
    }
  }
}
