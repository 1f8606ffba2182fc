package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.TxRequest;

/// What a frontend publishes, and what it takes of what its backend has published.
final class NetfrontNegotiationTest extends NetfrontScene {
  @Test
  void waitsForTheBackendsInitWait() {
    start(NetfrontOptions.LINUX);

    assertThat(backend.frontState()).isEqualTo(XenbusState.INITIALISING);
    assertThat(backend.front("tx-ring-ref")).isEmpty();

    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.frontState()).isEqualTo(XenbusState.CONNECTED);
  }

  @Test
  void publishesFlatKeysInOneTransactionForOneQueue() {
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.store.directory(HandBackend.FRONT))
        .containsExactlyInAnyOrder(
            "backend",
            "backend-id",
            "state",
            "multi-queue-num-queues",
            "tx-ring-ref",
            "rx-ring-ref",
            "event-channel-tx",
            "event-channel-rx",
            "request-rx-copy",
            "feature-rx-notify",
            "feature-sg",
            "feature-gso-tcpv4",
            "feature-gso-tcpv6",
            "feature-ipv6-csum-offload");
    assertThat(backend.front("multi-queue-num-queues")).contains("1");
    assertThat(backend.store.transactions).isEqualTo(1);
    assertThat(backend.store.writes.getLast()).isEqualTo(HandBackend.FRONT + "/state=4");
  }

  @Test
  void publishesKeysPerQueueForTwo() {
    start(NetfrontOptions.LINUX.withQueues(2));
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.front("multi-queue-num-queues")).contains("2");
    assertThat(backend.front("tx-ring-ref")).isEmpty();
    assertThat(backend.store.directory(HandBackend.FRONT + "/queue-1"))
        .containsExactlyInAnyOrder(
            "tx-ring-ref", "rx-ring-ref", "event-channel-tx", "event-channel-rx");
  }

  @Test
  void neverWritesTheNumberOfQueuesToABackendThatHasOneOnly() {
    backend.store.remove(HandBackend.BACK + "/multi-queue-max-queues");
    start(NetfrontOptions.LINUX.withQueues(2));
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.front("multi-queue-num-queues")).isEmpty();
    assertThat(backend.front("tx-ring-ref")).isPresent();
  }

  @Test
  void sharesOneChannelWhereTheBackendCannotSplit() {
    backend.store.write(HandBackend.BACK + "/feature-split-event-channels", "0");
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.front("event-channel")).isPresent();
    assertThat(backend.front("event-channel-tx")).isEmpty();
  }

  @Test
  void advertisesNothingThatIsSwitchedOff() {
    start(
        NetfrontOptions.LINUX
            .withScatterGather(false)
            .withGso(false, false)
            .withChecksum(false, false)
            .withRxNotify(false));
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(backend.store.directory(HandBackend.FRONT))
        .contains("feature-no-csum-offload")
        .doesNotContain(
            "feature-sg",
            "feature-gso-tcpv4",
            "feature-gso-tcpv6",
            "feature-ipv6-csum-offload",
            "feature-rx-notify");
  }

  @Test
  void refusesABackendThatDoesNotCopyOnReceive() {
    backend.store.write(HandBackend.BACK + "/feature-rx-copy", "0");
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(recorder.failures).singleElement().asString().contains("feature-rx-copy");
    assertThat(backend.frontState()).isEqualTo(XenbusState.INITIALISING);
    assertThat(backend.memory.pagesInUse).isZero();
  }

  @Test
  void saysWhyABackendRefusesTheDevice() {
    backend.store.remove(HandBackend.BACK + "/feature-rx-copy");
    backend.store.write(HandBackend.BACK + "/hotplug-error", "bridge: there is no network");
    backend.store.write(HandBackend.BACK + "/hotplug-status", "error");
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(recorder.refusals).containsExactly("bridge: there is no network");
    assertThat(recorder.failures).isEmpty();
    assertThat(backend.frontState()).isEqualTo(XenbusState.INITIALISING);
  }

  @Test
  void takesNoNoticeOfARefusalByABackendBeforeThisOne() {
    backend.store.write(HandBackend.BACK + "/hotplug-error", "bridge: there is no network");
    backend.store.write(HandBackend.BACK + "/hotplug-status", "error");
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);

    assertThat(recorder.refusals).isEmpty();
    assertThat(backend.frontState()).isEqualTo(XenbusState.CONNECTED);
  }

  @Test
  void saysWhyABackendClosesInsteadOfConnecting() {
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);
    backend.store.write(
        "/local/domain/0/error/backend/vif/3/0/error", "22 multi-queue-num-queues is 9");
    backend.enter(XenbusState.CLOSING);

    assertThat(recorder.refusals).containsExactly("multi-queue-num-queues is 9");
  }

  @Test
  void takesNoNoticeOfAnOldErrorWhenTheDeviceIsClosedInOrder() {
    backend.store.write("/local/domain/0/error/backend/vif/3/0/error", "22 of long ago");
    start(NetfrontOptions.LINUX);
    backend.enter(XenbusState.INIT_WAIT);
    backend.enter(XenbusState.CONNECTED);
    backend.enter(XenbusState.CLOSING);

    assertThat(recorder.refusals).isEmpty();
  }

  @Test
  void grantsWhatTheBackendOnlyReadsForReadingOnly() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    send(queue(0), new byte[60]);
    queue(0).flush();

    queue.tx.unconsumedRequests();
    TxRequest request = TxRequest.read(queue.tx.copyRequest());

    assertThat(backend.memory.readOnly).contains(request.gref());
  }

  @Test
  void kicksBothChannelsAndPostsAllBuffers() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();

    assertThat(backend.channels.takeNotifications(queue.txPort)).isPositive();
    assertThat(backend.channels.takeNotifications(queue.rxPort)).isPositive();
    assertThat(queue.rx.unconsumedRequests()).isEqualTo(256);
    assertThat(recorder.connected).isEqualTo(1);
  }
}
