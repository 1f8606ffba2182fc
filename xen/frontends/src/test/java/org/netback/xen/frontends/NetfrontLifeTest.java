package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;

/// The life of the device, whichever end goes first.
final class NetfrontLifeTest extends NetfrontScene {
  @Test
  void closesWithTheBackendAndNegotiatesAnewWhenItIsBack() throws Exception {
    start(NetfrontOptions.LINUX.withQueues(2));
    backend.enter(XenbusState.INIT_WAIT);
    backend.enter(XenbusState.CONNECTED);
    send(queue(0), new byte[60]);

    backend.enter(XenbusState.CLOSING);
    assertThat(backend.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(send(queue(0), new byte[60])).isEqualTo(SendResult.DISCONNECTED);
    backend.enter(XenbusState.CLOSED);
    assertThat(backend.memory.pagesInUse).isZero();
    assertThat(backend.channels.open).isEmpty();
    assertThat(recorder.disconnected).isEqualTo(1);

    backend.store.write(HandBackend.BACK + "/multi-queue-max-queues", "1");
    backend.enter(XenbusState.INIT_WAIT);
    assertThat(backend.front("queue-0/tx-ring-ref")).isEmpty();
    backend.enter(XenbusState.CONNECTED);
    HandBackend.Queue queue = backend.attach("");
    send(queue(0), random(100));
    queue(0).flush();
    assertThat(queue.takeAll()).hasSize(1);
    assertThat(send(queue(1), new byte[60])).isEqualTo(SendResult.DISCONNECTED);
  }

  @Test
  void offersItselfAnewToABackendThatClosedIt() throws Exception {
    start(NetfrontOptions.LINUX);
    connect();
    backend.enter(XenbusState.CLOSING);
    backend.enter(XenbusState.CLOSED);
    backend.loop.advance(999_000_000);
    assertThat(backend.frontState()).isEqualTo(XenbusState.CLOSED);

    backend.loop.advance(1_000_000);
    assertThat(backend.frontState()).isEqualTo(XenbusState.INITIALISING);

    connect();
    assertThat(backend.frontState()).isEqualTo(XenbusState.CONNECTED);
  }

  @Test
  void survivesTheEndOfItsDomain() throws Exception {
    Netfront netfront = start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    backend.memory.destroy();

    assertThat(send(queue(0), new byte[60])).isEqualTo(SendResult.DISCONNECTED);
    backend.channels.raise(queue.rxPort);
    backend.loop.runReady();
    assertThat(recorder.failures).singleElement().asString().contains("memory is gone");

    CompletableFuture<Void> done = netfront.abandon();
    backend.loop.runReady();
    assertThat(done).isDone();
  }

  @Test
  void negotiatesAnewWithABackendThatForgotIt() throws Exception {
    start(NetfrontOptions.LINUX);
    connect();
    String before = backend.front("tx-ring-ref").orElseThrow();

    backend.enter(XenbusState.INIT_WAIT);
    backend.enter(XenbusState.CONNECTED);

    assertThat(backend.front("tx-ring-ref").orElseThrow()).isNotEqualTo(before);
    assertThat(backend.frontState()).isEqualTo(XenbusState.CONNECTED);
    HandBackend.Queue queue = backend.attach("");
    queue.deliver(new byte[60], 0);
    queue.pushRx();
    assertThat(recorder.frames).hasSize(1);
  }

  @Test
  void doesNothingAboutARestartUnderLiveRings() throws Exception {
    start(NetfrontOptions.LINUX);
    connect();
    int writes = backend.store.writes.size();

    backend.enter(XenbusState.CONNECTED);

    assertThat(backend.store.writes).hasSize(writes + 1);
    HandBackend.Queue again = backend.attach("");
    send(queue(0), random(60));
    queue(0).flush();
    assertThat(again.takeAll()).hasSize(1);
  }

  @Test
  void shutsDownInStepWithTheBackend() throws Exception {
    Netfront netfront = start(NetfrontOptions.LINUX);
    connect();

    CompletableFuture<Void> done = netfront.shutDown();
    backend.loop.runReady();
    assertThat(backend.frontState()).isEqualTo(XenbusState.CLOSING);
    backend.enter(XenbusState.CLOSING);
    assertThat(backend.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(done).isNotDone();
    backend.enter(XenbusState.CLOSED);

    assertThat(done).isDone();
    assertThat(backend.memory.pagesInUse).isZero();
    assertThat(backend.memory.grants).isEmpty();
    assertThat(backend.store.watches()).isZero();
  }

  @Test
  void beginsAnewAfterAnotherDriverHasClosed() throws Exception {
    Netfront first = start(NetfrontOptions.LINUX);
    connect();
    CompletableFuture<Void> done = first.shutDown();
    backend.loop.runReady();
    backend.enter(XenbusState.CLOSED);
    assertThat(done).isDone();

    start(NetfrontOptions.LINUX);
    assertThat(backend.frontState()).isEqualTo(XenbusState.INITIALISING);
    connect();
    assertThat(recorder.connected).isEqualTo(2);
  }

  @Test
  void letsGoOfEverythingWhenAbandoned() throws Exception {
    Netfront netfront = start(NetfrontOptions.LINUX.withQueues(3));
    backend.enter(XenbusState.INIT_WAIT);
    int writes = backend.store.writes.size();

    CompletableFuture<Void> done = netfront.abandon();
    backend.loop.runReady();

    assertThat(done).isDone();
    assertThat(backend.store.writes).hasSize(writes);
    assertThat(backend.memory.pagesInUse).isZero();
    assertThat(backend.channels.open).isEmpty();
  }

  @Test
  void closesWhenTheBackendsDirectoryVanishes() throws Exception {
    start(NetfrontOptions.LINUX);
    connect();

    backend.store.remove(HandBackend.BACK);
    backend.store.remove(HandBackend.BACK + "/state");
    backend.loop.runReady();

    assertThat(backend.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(backend.memory.pagesInUse).isZero();
  }

  @Test
  void saysWhichKeyIsMissing() {
    backend.store.remove(HandBackend.FRONT + "/backend-id");
    start(NetfrontOptions.LINUX);

    assertThat(recorder.failures)
        .singleElement()
        .asString()
        .isEqualTo(HandBackend.FRONT + "/backend-id is missing: no such device");
  }
}
