package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingViolation;

final class CtrlFrontTest {
  private static final int SUCCESS = CtrlResponse.STATUS_SUCCESS;
  private final HandBackend backend = new HandBackend();

  private Netfront start(NetfrontOptions options) {
    Netfront netfront =
        new Netfront(
            HandBackend.FRONT,
            backend.memory,
            backend.channels,
            backend.store,
            backend.loop,
            List.of(backend.loop),
            options,
            (queue, memory, offset, length, blank, validated, gsoType, gsoSize) -> {},
            new NoTrouble());
    netfront.start();
    backend.loop.runReady();
    backend.enter(XenbusState.INIT_WAIT);
    return netfront;
  }

  private Netfront startWithRing() {
    backend.store.write(HandBackend.BACK + "/feature-ctrl-ring", "1");
    return start(NetfrontOptions.LINUX.withControlRing(true));
  }

  private BackRing ring() throws RingViolation {
    int gref = Integer.parseInt(backend.front("ctrl-ring-ref").orElseThrow());
    return BackRing.attach(backend.memory.page(gref), CtrlRequest.SIZE);
  }

  private void raise() {
    backend.channels.raise(Integer.parseInt(backend.front("event-channel-ctrl").orElseThrow()));
    backend.loop.runReady();
  }

  private CtrlRequest take(BackRing ring) throws RingViolation {
    backend.loop.runReady();
    assertThat(ring.unconsumedRequests()).isEqualTo(1);
    return CtrlRequest.read(ring.copyRequest());
  }

  private void answer(BackRing ring, CtrlRequest request, int status, int data) {
    ring.putResponse(new CtrlResponse(request.id(), request.type(), status, data));
    ring.push();
    raise();
  }

  @Test
  void publishesItsRingBeforeItIsConnectedIfTheBackendKnowsWhatToDoWithIt() {
    startWithRing();
    assertThat(backend.front("ctrl-ring-ref")).isPresent();
    assertThat(backend.front("event-channel-ctrl")).isPresent();
    List<String> writes = backend.store.writes;
    assertThat(writes.indexOf(HandBackend.FRONT + "/state=4"))
        .isGreaterThan(
            writes.indexOf(
                HandBackend.FRONT
                    + "/ctrl-ring-ref="
                    + backend.front("ctrl-ring-ref").orElseThrow()));
  }

  @Test
  void publishesNoneToABackendWithout() {
    Netfront netfront = start(NetfrontOptions.LINUX.withControlRing(true));
    assertThat(backend.front("ctrl-ring-ref")).isEmpty();
    assertThat(backend.front("event-channel-ctrl")).isEmpty();
    assertThat(netfront.control()).isEmpty();
  }

  @Test
  void asksOneThingAtATimeWithoutAnIdOfZero() throws RingViolation {
    CtrlFront ctrl = startWithRing().control().orElseThrow();
    BackRing ring = ring();
    assertThat(ring.size()).isEqualTo(128);
    CompletableFuture<CtrlResponse> first = ctrl.setHashAlgorithm(1);
    CompletableFuture<CtrlResponse> second = ctrl.setHashFlags(15);
    CtrlRequest request = take(ring);
    assertThat(request).isEqualTo(new CtrlRequest(1, CtrlRequest.TYPE_SET_HASH_ALGORITHM, 1, 0, 0));
    answer(ring, request, SUCCESS, 0);
    assertThat(first).isCompletedWithValue(new CtrlResponse(1, request.type(), SUCCESS, 0));
    request = take(ring);
    assertThat(request).isEqualTo(new CtrlRequest(2, CtrlRequest.TYPE_SET_HASH_FLAGS, 15, 0, 0));
    answer(ring, request, CtrlResponse.STATUS_INVALID_PARAMETER, 0);
    assertThat(second.join().status()).isEqualTo(CtrlResponse.STATUS_INVALID_PARAMETER);
  }

  @Test
  void asksForAnyNumberOfThings() throws RingViolation {
    CtrlFront ctrl = startWithRing().control().orElseThrow();
    BackRing ring = ring();
    for (int i = 0; i < 0x1_0010; i++) {
      CompletableFuture<CtrlResponse> size = ctrl.hashMappingSize();
      CtrlRequest request = take(ring);
      assertThat(request.id()).isEqualTo(i % 0xffff + 1);
      answer(ring, request, SUCCESS, i);
      assertThat(size.join().data()).isEqualTo(i);
    }
  }

  @Test
  void putsKeysAndMappingsIntoAGrantedPage() throws RingViolation {
    CtrlFront ctrl = startWithRing().control().orElseThrow();
    BackRing ring = ring();
    CompletableFuture<CtrlResponse> _ = ctrl.setHashKey((byte) 1, (byte) 2, (byte) 3);
    CtrlRequest key = take(ring);
    assertThat(key.data1()).isEqualTo(3);
    MemorySegment page = backend.memory.page(key.data0());
    assertThat(page.asSlice(0, 4).toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 2, 3, 0);
    answer(ring, key, SUCCESS, 0);
    CompletableFuture<CtrlResponse> _ = ctrl.setHashMapping(5, 1, 0, 3);
    CtrlRequest mapping = take(ring);
    assertThat(mapping.data1()).isEqualTo(3);
    assertThat(mapping.data2()).isEqualTo(5);
    assertThat(page.asSlice(0, 12).toArray(ValueLayout.JAVA_BYTE))
        .containsExactly(1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0);
  }

  @Test
  void tellsWhatBecameOfEachEntryThatWasGivenUp() throws RingViolation {
    CtrlFront ctrl = startWithRing().control().orElseThrow();
    BackRing ring = ring();
    CompletableFuture<CtrlFront.Deleted> deleted =
        ctrl.deleteGrefs(2, List.of(new GrefEntry(70, 0, 0), new GrefEntry(71, 0, 0)));
    CtrlRequest request = take(ring);
    assertThat(request.data0()).isEqualTo(2);
    assertThat(request.data2()).isEqualTo(2);
    MemorySegment page = backend.memory.page(request.data1());
    new GrefEntry(71, 0, 2).writeTo(page.asSlice(8, 8));
    answer(ring, request, SUCCESS, 1);
    assertThat(deleted.join().response().data()).isEqualTo(1);
    assertThat(deleted.join().entries())
        .containsExactly(new GrefEntry(70, 0, 0), new GrefEntry(71, 0, 2));
  }

  @Test
  void hasEveryBufferMappedOnceItIsConnected() throws RingViolation {
    backend.store.write(HandBackend.BACK + "/feature-ctrl-ring", "1");
    start(NetfrontOptions.LINUX.withStaticGrants(true));
    BackRing ring = ring();
    assertThat(ring.unconsumedRequests()).isZero();
    backend.enter(XenbusState.CONNECTED);
    CtrlRequest request = take(ring);
    assertThat(request.type()).isEqualTo(CtrlRequest.TYPE_ADD_GREF_MAPPING);
    assertThat(request.data0()).isZero();
    assertThat(request.data2()).isEqualTo(512);
    MemorySegment page = backend.memory.page(request.data1());
    int readOnly = 0;
    for (int i = 0; i < 512; i++) {
      GrefEntry entry = GrefEntry.read(page.asSlice(i * 8L, 8));
      assertThat(backend.memory.readOnly.contains(entry.ref())).isEqualTo(entry.readOnly());
      readOnly += entry.readOnly() ? 1 : 0;
    }
    assertThat(readOnly).isEqualTo(256);
  }

  @Test
  void failsWhatIsNotAnsweredWhenTheConnectionEnds() {
    Netfront netfront = startWithRing();
    CtrlFront ctrl = netfront.control().orElseThrow();
    CompletableFuture<CtrlResponse> first = ctrl.hashFlags();
    CompletableFuture<CtrlResponse> second = ctrl.hashFlags();
    CompletableFuture<Void> _ = netfront.shutDown();
    backend.loop.runReady();
    assertThat(first).isCompletedExceptionally();
    assertThat(second).isCompletedExceptionally();
    assertThat(netfront.control()).isEmpty();
    CompletableFuture<CtrlResponse> late = ctrl.hashFlags();
    backend.loop.runReady();
    assertThat(late)
        .failsWithin(java.time.Duration.ZERO)
        .withThrowableOfType(java.util.concurrent.ExecutionException.class)
        .withCauseInstanceOf(IOException.class);
    backend.enter(XenbusState.CLOSED);
    assertThat(backend.memory.pagesInUse).isZero();
    assertThat(backend.channels.open).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2, 0xffff})
  void believesNoAnswerToWhatWasNotAsked(int id) throws RingViolation {
    CtrlFront ctrl = startWithRing().control().orElseThrow();
    BackRing ring = ring();
    CompletableFuture<CtrlResponse> answer = ctrl.hashFlags();
    CtrlRequest request = take(ring);
    answer(ring, new CtrlRequest(id, request.type(), 0, 0, 0), SUCCESS, 0);
    assertThat(answer).isCompletedExceptionally();
  }
}
