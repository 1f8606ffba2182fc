package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.frontends.HandBackend.Packet;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;

/// What a frontend puts into its tx ring.
final class NetfrontSendingTest extends NetfrontScene {
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
}
