package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.netback.packet.AnyFrame;
import org.netback.packet.MacAddress;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;

/// Long packets with headers of all kinds, cut anyhow, from ring to ring: they fare as those do
/// that are copied in whole.
final class PartialPacketsTest {
  private static final int PAGE = 4096;

  /// A packet of more than a page.
  ///
  /// @param fragments lengths of the first slots; the others are as long as they can be
  /// @param unreadable the slot whose page is none, -1 if all can be read
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  private record Packet(
      byte[] octets, List<Integer> fragments, int flags, int gsoType, int gsoSize, int unreadable) {
    static Packet drawn(Sample sample) {
      long destination = sample.oneOf(address(2), address(2), address(9), MacAddress.BROADCAST);
      return new Packet(
          AnyFrame.octets(sample, destination, address(1), PAGE),
          sample.list(0, 5, () -> sample.between(0, 300)),
          sample.oneOf(
              0, TxRequest.DATA_VALIDATED, TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED),
          sample.oneOf(0, ExtraInfo.GSO_TYPE_TCPV4, ExtraInfo.GSO_TYPE_TCPV6),
          sample.between(1, 1500),
          sample.between(0, 3) == 3 ? sample.between(0, 3) : -1);
    }
  }

  /// @param hashes whether the receiver wants to be told of hashes
  /// @param gso whether the receiver takes frames to be segmented
  private record Receiver(int queues, boolean hashes, boolean gso) {
    static Receiver drawn(Sample sample) {
      return new Receiver(sample.oneOf(1, 3), sample.anyBoolean(), sample.between(0, 2) > 0);
    }
  }

  private static long address(int guest) {
    return MacAddress.parse(Frames.mac(guest).toString()).value();
  }

  @Tag("long")
  @Test
  void fareAsThoseThatAreCopiedInWhole() {
    Property.holds(
        300,
        sample -> {
          Packet packet = Packet.drawn(sample);
          Receiver receiver = Receiver.drawn(sample);
          assertThat(outcome(packet, receiver, false)).isEqualTo(outcome(packet, receiver, true));
        });
  }

  /// All that anybody sees of a packet.
  ///
  /// @param whole whether it is copied in whole
  private static List<String> outcome(Packet packet, Receiver kind, boolean whole) {
    try (House house = new House()) {
      RawGuest sender = house.guest(-5).connect();
      RawGuest receiver = receiver(house, kind);
      house.vswitch.network("default").addStatic(new MacAddress(address(9)), house.sinkPort);
      if (whole) {
        // As long packets are for a while after one that went elsewhere than to a ring.
        sender.queue().send(Frames.udp(1, 9, 8000), PAGE, 0);
        house.settle();
        assertThat(sender.queue().statuses()).containsOnly(0);
        house.sink.take();
      }
      put(packet, sender);
      house.settle();
      List<String> outcome = new ArrayList<>();
      for (RawGuest.Queue queue : receiver.queues) {
        outcome.add("queue");
        for (RawGuest.Received received : queue.receive()) {
          outcome.add(
              "%x %d %d %s %s"
                  .formatted(
                      received.flags(),
                      received.gsoType(),
                      received.gsoSize(),
                      received.hash(),
                      Arrays.toString(received.octets())));
        }
      }
      for (Sink.Copy copy : house.sink.take()) {
        outcome.add(
            "%s %s %d %s"
                .formatted(
                    copy.checksum(), copy.gso(), copy.gsoSize(), Arrays.toString(copy.octets())));
      }
      outcome.add("receiver " + receiver.statistics().drops() + receiver.failures);
      if (packet.unreadable < 0) {
        outcome.add(
            "sender "
                + sender.queue().statuses()
                + sender.statistics().drops()
                + sender.tx().copyFailures());
      }
      assertThat(sender.failures).isEmpty();
      return outcome;
    }
  }

  private static RawGuest receiver(House house, Receiver kind) {
    RawGuest receiver = house.guest(-3);
    if (kind.queues > 1) {
      receiver.useQueues(kind.queues);
    }
    if (!kind.gso) {
      receiver.write("feature-gso-tcpv4", "0");
      receiver.write("feature-gso-tcpv6", "0");
    }
    RawCtrl ctrl = receiver.ctrl();
    receiver.connect();
    if (kind.hashes) {
      ctrl.hash(Oracle.KEY);
    }
    receiver.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    house.sink.take();
    receiver.queues.forEach(queue -> queue.post(100));
    house.settle();
    return receiver;
  }

  private static void put(Packet packet, RawGuest sender) {
    byte[] octets = packet.octets;
    int at = 0;
    for (int i = 0; at < octets.length; i++) {
      int most = i < packet.fragments.size() ? packet.fragments.get(i) : PAGE;
      int length = Math.min(most, octets.length - at);
      RawGuest.Page page = sender.page(true);
      MemorySegment.copy(octets, at, page.memory(), ValueLayout.JAVA_BYTE, PAGE - length, length);
      int flags = at + length < octets.length ? TxRequest.MORE_DATA : 0;
      if (i == 0) {
        flags |= packet.flags | (packet.gsoType != 0 ? TxRequest.EXTRA_INFO : 0);
      }
      int gref = i == packet.unreadable ? 1_000_000 : page.gref();
      int size = i == 0 ? octets.length : length;
      sender.queue().put(new TxRequest(gref, PAGE - length, flags, i, size));
      if (i == 0 && packet.gsoType != 0) {
        sender.queue().put(new ExtraInfo.Gso(0, packet.gsoSize, packet.gsoType, 0));
      }
      at += length;
    }
    sender.queue().push();
  }
}
