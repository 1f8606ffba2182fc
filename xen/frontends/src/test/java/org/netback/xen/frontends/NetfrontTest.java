package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.frontends.HandBackend.Packet;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;

class NetfrontTest {
  private static final int NEAR_WRAP = -100;

  private final HandBackend backend = new HandBackend();
  private final Recorder recorder = new Recorder();

  // Negotiation

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

  // Sending

  @ParameterizedTest
  @ValueSource(ints = {0, NEAR_WRAP})
  void putsTheTotalIntoTheFirstSlotAndTheExtraDirectlyAfterIt(int ringStart) throws Exception {
    start(NetfrontOptions.LINUX, ringStart);
    HandBackend.Queue queue = connect();
    byte[] data = random(65514);

    assertThat(send(queue(0), data, true, ExtraInfo.GSO_TYPE_TCPV6, 1440))
        .isEqualTo(SendResult.SENT);
    queue(0).flush();
    Packet packet = queue.takeAll().getFirst();

    assertThat(packet.data()).isEqualTo(ByteBuffer.wrap(data));
    assertThat(packet.slots()).isEqualTo(16);
    assertThat(packet.gso()).contains(new ExtraInfo.Gso(0, 1440, ExtraInfo.GSO_TYPE_TCPV6, 0));
    assertThat(packet.flags() & (TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED))
        .isEqualTo(TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED);
  }

  @Test
  void spreadsAFrameOverNoMoreSlotsThanEveryBackendTakes() throws Exception {
    start(NetfrontOptions.LINUX.withSlotOctets(64));
    HandBackend.Queue queue = connect();
    byte[] small = random(200);
    byte[] large = random(9000);

    send(queue(0), small);
    send(queue(0), large);
    queue(0).flush();
    List<Packet> packets = queue.takeAll();

    assertThat(packets).extracting(Packet::slots).containsExactly(4, 18);
    assertThat(packets.get(0).data()).isEqualTo(ByteBuffer.wrap(small));
    assertThat(packets.get(1).data()).isEqualTo(ByteBuffer.wrap(large));
  }

  @Test
  void refusesWhatWasNotAgreed() throws Exception {
    backend.store.write(HandBackend.BACK + "/feature-gso-tcpv6", "0");
    start(NetfrontOptions.LINUX.withGso(false, true));
    connect();

    assertThat(send(queue(0), new byte[13])).isEqualTo(SendResult.REFUSED);
    assertThat(send(queue(0), new byte[65536])).isEqualTo(SendResult.REFUSED);
    assertThat(send(queue(0), new byte[3000], true, ExtraInfo.GSO_TYPE_TCPV4, 1448))
        .isEqualTo(SendResult.REFUSED);
    assertThat(send(queue(0), new byte[3000], true, ExtraInfo.GSO_TYPE_TCPV6, 1428))
        .isEqualTo(SendResult.REFUSED);
    assertThat(queue(0).counters().txRefused()).isEqualTo(4);
  }

  @Test
  void refusesFramesOfSeveralSlotsWithoutScatterGather() throws Exception {
    backend.store.write(HandBackend.BACK + "/feature-sg", "0");
    start(NetfrontOptions.LINUX);
    connect();

    assertThat(send(queue(0), new byte[4096])).isEqualTo(SendResult.SENT);
    assertThat(send(queue(0), new byte[4097])).isEqualTo(SendResult.REFUSED);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void keepsNineteenSlotsFreeAndResumesWhenHalfIsAnswered(boolean persistent) throws Exception {
    start(NetfrontOptions.LINUX.withPersistentGrants(persistent));
    HandBackend.Queue queue = connect();
    recorder.rooms = 0;

    int sent = fill();

    assertThat(sent).isEqualTo(256 - 18);
    assertThat(queue.tx.unconsumedRequests()).isEqualTo(sent);

    for (int i = 0; i < 118; i++) {
      queue.take();
    }
    assertThat(queue.tx.push()).isFalse();
    queue.take();
    assertThat(queue.tx.push()).isTrue();
    backend.channels.raise(queue.txPort);
    backend.loop.runReady();

    assertThat(recorder.rooms).isEqualTo(1);
    assertThat(send(queue(0), new byte[60])).isEqualTo(SendResult.SENT);
  }

  @Test
  void notifiesOncePerBatchAndOnlyABackendThatSleeps() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    queue.takeAll();
    backend.channels.takeNotifications(queue.txPort);

    for (int i = 0; i < 10; i++) {
      send(queue(0), new byte[60]);
    }
    queue(0).flush();
    queue(0).flush();
    assertThat(backend.channels.takeNotifications(queue.txPort)).isEqualTo(1);

    send(queue(0), new byte[60]);
    queue(0).flush();
    assertThat(backend.channels.takeNotifications(queue.txPort)).isZero();
    assertThat(queue(0).counters().txNotNotified()).isEqualTo(1);
  }

  @Test
  void countsFramesThatTheBackendAnswersWithAnError() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    fill();
    queue.tx.unconsumedRequests();
    for (int i = 0; i < 200; i++) {
      int id = TxRequest.id(queue.tx.copyRequest());
      queue.tx.putResponse(new TxResponse(id, TxResponse.ERROR));
    }
    pushTx(queue);

    assertThat(queue(0).counters().txErrors()).isEqualTo(200);
    assertThat(recorder.failures).isEmpty();
  }

  @Test
  void listsGroupsByDummyRequestsAndCountsThoseThatAreRefused() throws Exception {
    Netfront netfront = start(NetfrontOptions.LINUX.withPersistentGrants(false));
    HandBackend.Queue queue = connect();
    netfront.requestMulticastControl(true);
    backend.loop.runReady();
    assertThat(backend.front("request-multicast-control")).contains("1");

    assertThat(queue(0).changeMulticast(0x0100_5e01_0101L, true)).isEqualTo(SendResult.SENT);
    assertThat(queue(0).changeMulticast(0x3333_0000_00fbL, false)).isEqualTo(SendResult.SENT);
    queue(0).flush();
    assertThat(queue.tx.unconsumedRequests()).isEqualTo(4);
    for (ExtraInfo extra :
        List.of(
            new ExtraInfo.McastAdd(0, 0x0100_5e01_0101L),
            new ExtraInfo.McastDel(0, 0x3333_0000_00fbL))) {
      TxRequest dummy = TxRequest.read(queue.tx.copyRequest());
      assertThat(dummy.size()).isZero();
      assertThat(dummy.gref()).isZero();
      assertThat(dummy.flags()).isEqualTo(TxRequest.EXTRA_INFO);
      queue.tx.putResponse(new TxResponse(dummy.id(), TxResponse.ERROR));
      assertThat(ExtraInfo.read(queue.tx.copyRequest())).isEqualTo(extra);
      queue.tx.putResponse(new TxResponse(0, TxResponse.NULL));
    }
    pushTx(queue);
    fill();

    assertThat(queue(0).counters().txErrors()).isEqualTo(2);
    assertThat(recorder.failures).isEmpty();
  }

  // Backends that are not believed any more

  @Test
  void givesUpOnAResponseToAnIdThatIsNotInFlight() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    send(queue(0), new byte[60]);
    queue(0).flush();
    queue.tx.unconsumedRequests();
    queue.tx.copyRequest();
    queue.tx.putResponse(new TxResponse(77, TxResponse.OKAY));
    pushTx(queue);

    assertThat(recorder.failures).singleElement().asString().contains("id 77");
    assertThat(send(queue(0), new byte[60])).isEqualTo(SendResult.DISCONNECTED);
  }

  @Test
  void givesUpOnMoreResponsesThanRequests() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    MemorySegment ring =
        backend.memory.page(Integer.parseInt(backend.front("tx-ring-ref").orElseThrow()));
    ring.set(ValueLayout.JAVA_INT, 8, 1);
    backend.channels.raise(queue.txPort);
    backend.loop.runReady();

    assertThat(recorder.failures).singleElement().asString().contains("rsp_prod 1");
  }

  @Test
  void givesUpOnABackendThatHoldsAPageThatItHasAnswered() throws Exception {
    start(NetfrontOptions.LINUX.withPersistentGrants(false));
    HandBackend.Queue queue = connect();
    send(queue(0), new byte[60]);
    queue(0).flush();
    backend.memory.allMapped = true;
    queue.take();
    pushTx(queue);

    assertThat(recorder.failures).singleElement().asString().contains("still in use");

    backend.memory.allMapped = false;
    backend.enter(XenbusState.CLOSED);
    assertThat(backend.memory.pagesInUse).isZero();
  }

  // Receiving

  @ParameterizedTest
  @ValueSource(ints = {0, NEAR_WRAP})
  void putsAPacketOfSeveralSlotsTogether(int ringStart) throws Exception {
    start(NetfrontOptions.LINUX, ringStart);
    HandBackend.Queue queue = connect();
    byte[] data = tcp(10_000, 0x0800);
    for (int round = 0; round < 200; round++) {
      queue.deliver(
          Arrays.copyOf(data, 4096),
          RxResponse.CSUM_BLANK
              | RxResponse.DATA_VALIDATED
              | RxResponse.EXTRA_INFO
              | RxResponse.MORE_DATA);
      queue.answer(new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
      queue.deliver(Arrays.copyOfRange(data, 4096, 8192), RxResponse.MORE_DATA);
      queue.deliver(Arrays.copyOfRange(data, 8192, 10_000), 0);
      queue.deliver(Arrays.copyOf(data, 60), 0);
      queue.pushRx();
    }

    assertThat(recorder.frames).hasSize(400);
    Received large = recorder.frames.get(398);
    assertThat(large.data).isEqualTo(ByteBuffer.wrap(data));
    assertThat(large.blank).isTrue();
    assertThat(large.validated).isTrue();
    assertThat(large.gsoType).isEqualTo(ExtraInfo.GSO_TYPE_TCPV4);
    assertThat(large.gsoSize).isEqualTo(1448);
    Received small = recorder.frames.get(399);
    assertThat(small.data).isEqualTo(ByteBuffer.wrap(data, 0, 60));
    assertThat(small.blank).isFalse();
    assertThat(small.gsoType).isZero();
    assertThat(queue(0).counters().rxMultiSlot()).isEqualTo(200);
  }

  @Test
  void dropsPacketsThatMakeNoSenseAndGoesOn() throws Exception {
    start(NetfrontOptions.LINUX.withPersistentGrants(false));
    HandBackend.Queue queue = connect();
    byte[] page = new byte[4096];

    // An error of the backend's, also in a later slot.
    queue.answer(new RxResponse(0, 0, 0, RxResponse.ERROR));
    queue.deliver(page, RxResponse.MORE_DATA);
    queue.answer(new RxResponse(2, 0, 0, RxResponse.ERROR));
    // Data that leaves the page.
    queue.answer(new RxResponse(3, 4000, 0, 97));
    // Unknown extra; an extra without what it says; a missing one; missing data.
    queue.deliver(new byte[60], RxResponse.EXTRA_INFO);
    queue.answer(new ExtraInfo.Unknown(9, 0, 0));
    queue.deliver(new byte[60], RxResponse.EXTRA_INFO);
    queue.answer(new ExtraInfo.Gso(0, 0, ExtraInfo.GSO_TYPE_TCPV4, 0));
    // Shorter than an Ethernet header.
    queue.deliver(new byte[13], 0);
    // An id that is not the slot's.
    queue.answer(new RxResponse(5, 0, 0, 60));
    // More slots than anyone may use.
    for (int i = 0; i < 19; i++) {
      queue.deliver(new byte[300], i < 18 ? RxResponse.MORE_DATA : 0);
    }
    queue.deliver(new byte[60], RxResponse.EXTRA_INFO);
    queue.pushRx();
    queue.deliver(new byte[60], RxResponse.MORE_DATA);
    queue.pushRx();

    assertThat(queue(0).counters().rxMalformed()).isEqualTo(10);
    assertThat(recorder.frames).isEmpty();

    queue.deliver(new byte[64], RxResponse.DATA_VALIDATED);
    queue.pushRx();
    assertThat(recorder.frames).singleElement().extracting(r -> r.data.remaining()).isEqualTo(64);
    assertThat(recorder.failures).isEmpty();
  }

  /// As Linux's netfront, which asks its stack where the checksum is, and drops what that does not
  /// know: it looks behind no VLAN tag.
  @ParameterizedTest
  @MethodSource("checksumPlaces")
  void takesABlankChecksumOnlyWhereLinuxFindsIt(String name, byte[] frame, boolean taken)
      throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    queue.deliver(frame, RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED);
    queue.deliver(frame, RxResponse.DATA_VALIDATED | RxResponse.EXTRA_INFO);
    queue.answer(new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    queue.deliver(frame, RxResponse.DATA_VALIDATED);
    queue.pushRx();

    assertThat(recorder.frames).hasSize(taken ? 3 : 1);
    assertThat(recorder.frames.getLast().blank).isFalse();
    assertThat(queue(0).counters().rxBadOffload()).isEqualTo(taken ? 0 : 2);
    assertThat(queue(0).counters().rxMalformed()).isZero();
  }

  static List<Arguments> checksumPlaces() {
    byte[] fragment = tcp(100, 0x0800);
    fragment[20] = 0x20;
    byte[] icmp = tcp(100, 0x0800);
    icmp[23] = 1;
    byte[] udp = tcp(14 + 20 + 8, 0x0800);
    udp[23] = 17;
    byte[] tcpv6 = tcp(14 + 40 + 20, 0x86dd);
    tcpv6[20] = 6;
    byte[] options = tcp(14 + 40 + 16 + 20, 0x86dd);
    options[20] = 60;
    options[54] = 6;
    options[55] = 1;
    byte[] atomic = tcp(14 + 40 + 8 + 8, 0x86dd);
    atomic[20] = 44;
    atomic[54] = 17;
    byte[] fragmentv6 = atomic.clone();
    fragmentv6[57] = 1;
    return List.of(
        Arguments.of("TCP", tcp(14 + 20 + 20, 0x0800), true),
        Arguments.of("half of TCP", tcp(14 + 20 + 19, 0x0800), false),
        Arguments.of("UDP", udp, true),
        Arguments.of("ICMP", icmp, false),
        Arguments.of("a fragment", fragment, false),
        Arguments.of("an 802.1Q tag", tcp(100, 0x8100), false),
        Arguments.of("an 802.1ad tag", tcp(100, 0x88a8), false),
        Arguments.of("ARP", tcp(100, 0x0806), false),
        Arguments.of("TCP over IPv6", tcpv6, true),
        Arguments.of("half of it", Arrays.copyOf(tcpv6, tcpv6.length - 1), false),
        Arguments.of("behind options", options, true),
        Arguments.of("behind half of them", Arrays.copyOf(options, 61), false),
        Arguments.of("an atomic fragment", atomic, true),
        Arguments.of("a fragment over IPv6", fragmentv6, false),
        Arguments.of("nothing but Ethernet", tcp(14, 0x0800), false));
  }

  @Test
  void postsNewBuffersInLots() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    for (int i = 0; i < 18; i++) {
      queue.deliver(new byte[60], 0);
      queue.pushRx();
    }
    assertThat(queue.rx.unconsumedRequests()).isEqualTo(256 - 18);

    queue.deliver(new byte[60], 0);
    queue.pushRx();
    assertThat(queue.rx.unconsumedRequests()).isEqualTo(256);
  }

  @Test
  void tellsOfNewBuffersOnlyIfItSaidSo() throws Exception {
    start(NetfrontOptions.LINUX.withRxNotify(false));
    HandBackend.Queue queue = connect();
    backend.channels.takeNotifications(queue.rxPort);
    for (int i = 0; i < 19; i++) {
      queue.deliver(new byte[60], 0);
    }
    queue.rx.armRequestEvent(238);
    queue.pushRx();

    assertThat(queue.rx.unconsumedRequests()).isEqualTo(256);
    assertThat(backend.channels.takeNotifications(queue.rxPort)).isZero();
  }

  @Test
  void seesWhatWasPutBeforeItListened() throws Exception {
    start(NetfrontOptions.LINUX);
    HandBackend.Queue queue = connect();
    queue.deliver(new byte[60], 0);
    queue.rx.push();
    // No notification: the next event of whatever kind must find it.
    backend.channels.raise(queue.rxPort);
    backend.loop.runReady();

    assertThat(recorder.frames).hasSize(1);
  }

  @Test
  void anEchoOfRandomFramesComesBackWhole() throws Exception {
    Random random = new Random(42);
    start(NetfrontOptions.LINUX.withSlotOctets(1000), NEAR_WRAP);
    HandBackend.Queue queue = connect();
    List<ByteBuffer> sent = new ArrayList<>();
    for (int round = 0; round < 2000; round++) {
      byte[] data = random(14 + random.nextInt(random.nextBoolean() ? 200 : 60_000));
      assertThat(send(queue(0), data)).isEqualTo(SendResult.SENT);
      sent.add(ByteBuffer.wrap(data));
      queue(0).flush();
      for (Packet packet : queue.takeAll()) {
        byte[] back = packet.data().array();
        for (int at = 0; at < back.length; at += 4096) {
          int end = Math.min(back.length, at + 4096);
          queue.deliver(
              Arrays.copyOfRange(back, at, end), end < back.length ? RxResponse.MORE_DATA : 0);
        }
      }
      queue.pushRx();
      assertThat(recorder.frames.removeFirst().data).isEqualTo(sent.removeFirst());
    }
    assertThat(recorder.failures).isEmpty();
  }

  // The life of the device

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

  private Netfront start(NetfrontOptions options) {
    return start(options, 0);
  }

  private Netfront start(NetfrontOptions options, int ringStart) {
    Netfront netfront =
        new Netfront(
            HandBackend.FRONT,
            backend.memory,
            backend.channels,
            backend.store,
            backend.loop,
            List.of(backend.loop),
            options,
            recorder,
            recorder,
            ringStart);
    netfront.start();
    backend.loop.runReady();
    queues.clear();
    queues.addAll(netfront.queues());
    return netfront;
  }

  private final List<NetfrontQueue> queues = new ArrayList<>();

  private NetfrontQueue queue(int index) {
    return queues.get(index);
  }

  private HandBackend.Queue connect() throws Exception {
    backend.enter(XenbusState.INIT_WAIT);
    HandBackend.Queue queue = backend.attach("");
    backend.enter(XenbusState.CONNECTED);
    return queue;
  }

  /// Sends until the ring is full.
  private int fill() {
    int sent = 0;
    while (send(queue(0), new byte[60]) == SendResult.SENT) {
      sent++;
    }
    return sent;
  }

  private void pushTx(HandBackend.Queue queue) {
    queue.tx.push();
    backend.channels.raise(queue.txPort);
    backend.loop.runReady();
  }

  private static SendResult send(NetfrontQueue queue, byte[] data) {
    return send(queue, data, false, ExtraInfo.GSO_TYPE_NONE, 0);
  }

  private static SendResult send(
      NetfrontQueue queue, byte[] data, boolean blank, int gsoType, int gsoSize) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(data.length);
      MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, 0, data.length);
      return queue.send(memory, 0, data.length, blank, false, gsoType, gsoSize);
    }
  }

  /// Octets of which Linux believes that they are TCP over IPv4, with another ethertype or not.
  private static byte[] tcp(int length, int etherType) {
    byte[] frame = new byte[Math.max(length, 24)];
    frame[12] = (byte) (etherType >> 8);
    frame[13] = (byte) etherType;
    frame[14] = 0x45;
    frame[23] = 6;
    return Arrays.copyOf(frame, length);
  }

  private static byte[] random(int length) {
    byte[] data = new byte[length];
    new Random(length).nextBytes(data);
    return data;
  }

  private record Received(
      ByteBuffer data, boolean blank, boolean validated, int gsoType, int gsoSize) {}

  private static final class Recorder implements FrameSink, NetfrontListener {
    final List<Received> frames = new ArrayList<>();
    final List<String> failures = new ArrayList<>();
    final List<String> refusals = new ArrayList<>();
    int rooms;
    int connected;
    int disconnected;

    @Override
    public void received(
        NetfrontQueue queue,
        MemorySegment memory,
        long offset,
        int length,
        boolean checksumBlank,
        boolean dataValidated,
        int gsoType,
        int gsoSize) {
      frames.add(
          new Received(
              ByteBuffer.wrap(memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE)),
              checksumBlank,
              dataValidated,
              gsoType,
              gsoSize));
    }

    @Override
    public void roomAgain(NetfrontQueue queue) {
      rooms++;
    }

    @Override
    public void connected(NetfrontFeatures features) {
      connected++;
    }

    @Override
    public void disconnected() {
      disconnected++;
    }

    @Override
    public void refused(String message) {
      refusals.add(message);
    }

    @Override
    public void failed(String message) {
      failures.add(message);
    }
  }
}
