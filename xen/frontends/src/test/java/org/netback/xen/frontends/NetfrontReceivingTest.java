package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.frontends.HandBackend.Packet;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;

/// What a frontend makes of the responses in its rx ring.
final class NetfrontReceivingTest extends NetfrontScene {
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
    assertThat(large.data()).isEqualTo(ByteBuffer.wrap(data));
    assertThat(large.blank()).isTrue();
    assertThat(large.validated()).isTrue();
    assertThat(large.gsoType()).isEqualTo(ExtraInfo.GSO_TYPE_TCPV4);
    assertThat(large.gsoSize()).isEqualTo(1448);
    Received small = recorder.frames.get(399);
    assertThat(small.data()).isEqualTo(ByteBuffer.wrap(data, 0, 60));
    assertThat(small.blank()).isFalse();
    assertThat(small.gsoType()).isZero();
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
    assertThat(recorder.frames).singleElement().extracting(r -> r.data().remaining()).isEqualTo(64);
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
    assertThat(recorder.frames.getLast().blank()).isFalse();
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
      assertThat(recorder.frames.removeFirst().data()).isEqualTo(sent.removeFirst());
    }
    assertThat(recorder.failures).isEmpty();
  }
}
