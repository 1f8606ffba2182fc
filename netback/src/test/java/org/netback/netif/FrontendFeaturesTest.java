package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.vswitch.DropReason;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IllegalRawDataException;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.TcpPacket;

/// What a guest gets, by what it says that it takes.
final class FrontendFeaturesTest {
  private static final int CSUM = RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED;

  private final House house = new House();
  private final RawGuest sender = house.guest().connect();

  @AfterEach
  void close() {
    house.close();
  }

  private RawGuest receiver() {
    RawGuest guest = house.guest();
    guest.write("feature-no-csum-offload", "0");
    return guest;
  }

  private List<RawGuest.Received> send(
      RawGuest guest, byte[] frame, int flags, ExtraInfo... extras) {
    guest.queue().post(Math.min(200, guest.queue().rx.freeRequests()));
    sender.queue().send(frame, 4096, flags, extras);
    house.settle();
    assertThat(sender.queue().statuses()).startsWith(0).doesNotContain(-1);
    return guest.queue().receive();
  }

  private static boolean isComplete(byte[] octets) throws IllegalRawDataException {
    EthernetPacket packet = EthernetPacket.newPacket(octets, 0, octets.length);
    TcpPacket tcp = packet.get(TcpPacket.class);
    if (packet.contains(IpV6Packet.class)) {
      IpV6Packet.IpV6Header ip = packet.get(IpV6Packet.class).getHeader();
      return tcp.hasValidChecksum(ip.getSrcAddr(), ip.getDstAddr(), false);
    }
    IpV4Packet.IpV4Header ip = packet.get(IpV4Packet.class).getHeader();
    return tcp.hasValidChecksum(ip.getSrcAddr(), ip.getDstAddr(), false);
  }

  /// Absent: IPv4 is on, IPv6 is off. A blank checksum stays blank for a guest that takes it, with
  /// the flags that say so, and is completed for one that does not.
  @ParameterizedTest
  @CsvSource({
    "-, -, true, false",
    "0, 0, true, false",
    "1, 1, false, true",
    "0, 1, true, true",
    "1, 0, false, false",
    "1, -, false, false",
    "-, 1, true, true"
  })
  void completesChecksumsThatTheGuestDoesNotTake(
      String noIpv4, String ipv6, boolean takesIpv4, boolean takesIpv6)
      throws IllegalRawDataException {
    RawGuest guest = receiver();
    write(guest, "feature-no-csum-offload", noIpv4);
    write(guest, "feature-ipv6-csum-offload", ipv6);
    guest.connect();
    for (boolean six : new boolean[] {false, true}) {
      byte[] frame = Frames.blankTcp(six, 1, 2, 1000);
      List<RawGuest.Received> received = send(guest, frame, TxRequest.CSUM_BLANK);
      assertThat(received).hasSize(1);
      boolean takes = six ? takesIpv6 : takesIpv4;
      if (takes) {
        assertThat(received.getFirst().octets()).isEqualTo(frame);
        assertThat(received.getFirst().flags() & CSUM).isEqualTo(CSUM);
      } else {
        assertThat(received.getFirst().flags() & RxResponse.CSUM_BLANK).isZero();
        assertThat(isComplete(received.getFirst().octets())).isTrue();
      }
    }
  }

  private static void write(RawGuest guest, String key, String value) {
    if (value.equals("-")) {
      guest.remove(key);
    } else {
      guest.write(key, value);
    }
  }

  /// Segmentation implies checksums: a guest that takes no blank ones gets no GSO frame even if it
  /// asks for them.
  @ParameterizedTest
  @ValueSource(strings = {"feature-sg", "feature-gso-tcpv4", "feature-no-csum-offload"})
  void segmentsForAGuestThatCannot(String missing) throws IllegalRawDataException {
    RawGuest guest = receiver();
    guest.write(missing, missing.equals("feature-no-csum-offload") ? "1" : "0");
    guest.connect();
    List<RawGuest.Received> received =
        send(
            guest,
            Frames.blankTcp(false, 1, 2, 30_054),
            TxRequest.CSUM_BLANK,
            new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    assertThat(received).hasSize(21);
    int payload = 0;
    for (RawGuest.Received frame : received) {
      assertThat(frame.gsoType()).isZero();
      assertThat(frame.octets().length).isLessThanOrEqualTo(54 + 1448);
      if ((frame.flags() & RxResponse.CSUM_BLANK) == 0) {
        assertThat(isComplete(frame.octets())).isTrue();
      } else {
        assertThat(missing).isNotEqualTo("feature-no-csum-offload");
      }
      payload += frame.octets().length - 54;
    }
    assertThat(payload).isEqualTo(30_000);
  }

  /// Linux's netfront drops a blank checksum, and a frame to be segmented, behind a tag.
  @ParameterizedTest
  @CsvSource({"1, false", "1, true", "2, false", "2, true"})
  void finishesWhatIsBehindVlanTags(int tags, boolean ipv6) throws IllegalRawDataException {
    RawGuest guest = receiver();
    guest.connect();
    byte[] longFrame = tagged(Frames.blankTcp(ipv6, 1, 2, 30_000), tags);
    int type = ipv6 ? ExtraInfo.GSO_TYPE_TCPV6 : ExtraInfo.GSO_TYPE_TCPV4;
    List<RawGuest.Received> received =
        new ArrayList<>(
            send(guest, longFrame, TxRequest.CSUM_BLANK, new ExtraInfo.Gso(0, 1400, type, 0)));
    received.addAll(
        send(guest, tagged(Frames.blankTcp(ipv6, 1, 2, 1000), tags), TxRequest.CSUM_BLANK));
    assertThat(received).hasSize((30_000 - (ipv6 ? 74 : 54) + 1399) / 1400 + 1);
    for (RawGuest.Received frame : received) {
      assertThat(frame.gsoType()).isZero();
      assertThat(frame.flags() & CSUM).isEqualTo(RxResponse.DATA_VALIDATED);
      assertThat(Arrays.copyOfRange(frame.octets(), 12, 14)).containsExactly(0x81, 0);
      byte[] untagged = new byte[frame.octets().length - 4 * tags];
      System.arraycopy(frame.octets(), 0, untagged, 0, 12);
      System.arraycopy(frame.octets(), 12 + 4 * tags, untagged, 12, untagged.length - 12);
      assertThat(isComplete(untagged)).isTrue();
    }
  }

  private static byte[] tagged(byte[] frame, int tags) {
    byte[] tagged = new byte[frame.length + 4 * tags];
    System.arraycopy(frame, 0, tagged, 0, 12);
    System.arraycopy(frame, 12, tagged, 12 + 4 * tags, frame.length - 12);
    for (int i = 0; i < tags; i++) {
      tagged[12 + 4 * i] = (byte) 0x81;
      tagged[15 + 4 * i] = 9;
    }
    return tagged;
  }

  /// One page at most, in one slot.
  @Test
  void givesAGuestWithoutScatterGatherFramesOfAPageAtMost() {
    RawGuest guest = receiver();
    guest.remove("feature-sg");
    guest.connect();
    assertThat(send(guest, Frames.udp(1, 2, 4096), 0))
        .singleElement()
        .satisfies(frame -> assertThat(frame.octets()).hasSize(4096));
    assertThat(guest.rx().ring().rspProd()).isEqualTo(1);
    assertThat(send(guest, Frames.udp(1, 2, 4097), 0)).isEmpty();
    assertThat(guest.statistics().drops()).containsEntry(DropReason.TOO_LONG, 1L);
  }

  /// It may be told a hash all the same: extras are not data.
  @Test
  void tellsAGuestWithoutScatterGatherItsHash() {
    RawGuest guest = receiver();
    guest.remove("feature-sg");
    RawCtrl ctrl = guest.ctrl();
    guest.connect();
    ctrl.hash(Oracle.KEY);
    byte[] frame = Frames.tcp(1, 2, 4096);
    assertThat(send(guest, frame, 0))
        .singleElement()
        .satisfies(
            received ->
                assertThat(received.hash().orElseThrow().value())
                    .isEqualTo(Oracle.hash(Oracle.KEY, frame)));
  }

  /// Four queues, each with one channel for both of its rings; and a guest that mixes both forms.
  @ParameterizedTest
  @ValueSource(ints = {4, 2})
  void servesManyQueuesWithOneChannelEach(int single) {
    RawGuest guest = receiver();
    guest.useQueues(4);
    for (int i = 0; i < single; i++) {
      String prefix = "queue-" + i + '/';
      guest.remove(prefix + "event-channel-tx");
      guest.remove(prefix + "event-channel-rx");
      guest.write(prefix + "event-channel", Integer.toString(guest.queues.get(i).txChannel.port()));
    }
    RawCtrl ctrl = guest.ctrl();
    guest.connect();
    ctrl.hash(Oracle.KEY);
    List<byte[]> frames = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      frames.add(Frames.udp(10 + i, 2, 60 + i));
    }
    // They wait for buffers, whose posting is told of by the same channel.
    for (byte[] frame : frames) {
      sender.queue().send(frame);
      house.settle();
      sender.queue().responses();
    }
    int received = 0;
    for (int i = 0; i < 4; i++) {
      RawGuest.Queue queue = guest.queues.get(i);
      for (int n = 0; n < 80; n++) {
        queue.postPage(guest.page(true), 300 + (queue.rx.reqProdPvt() & 0xff));
      }
      if (queue.rx.push()) {
        (i < single ? queue.txChannel : queue.rxChannel).notifyPeer();
      }
      house.settle();
      for (RawGuest.Received got : queue.receive()) {
        assertThat(Integer.remainderUnsigned(Oracle.hash(Oracle.KEY, got.octets()), 4))
            .isEqualTo(i);
        received++;
      }
      queue.send(Frames.udp(2, 9, 60));
      house.settle();
      assertThat(queue.statuses()).containsExactly(0);
    }
    assertThat(received).isEqualTo(40);
    assertThat(house.sink.take()).hasSizeGreaterThanOrEqualTo(4);
  }
}
