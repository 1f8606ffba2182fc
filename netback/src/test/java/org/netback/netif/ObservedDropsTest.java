package org.netback.netif;

import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.netback.netif.Witness.Point;
import org.netback.netif.Witness.Seen;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.MulticastPolicy.Unregistered;
import org.netback.vswitch.Network;
import org.netback.vswitch.Observation;
import org.netback.vswitch.PortStatistics;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;

/// No frame is dropped unseen, whoever drops it.
final class ObservedDropsTest {
  private static final int BAD_GREF = 1_000_000;
  private static final byte[] GROUP = {1, 0, 0x5e, 1, 1, 1};

  private final House house = new House();
  private final RawGuest sender = house.guest().connect();
  private final Witness witness = new Witness(OffloadSet.MAX_LENGTH);
  private final Arena memory = Arena.ofConfined();
  private final FrameArena arena = new FrameArena(memory, 1, 1 << 17);
  private final Observation observation = house.vswitch.observe(witness);

  @AfterEach
  void close() {
    house.close();
    memory.close();
    assertThat(observation.fault()).isEmpty();
  }

  /// Has a frame come in at the sink's port.
  private void offer(byte[] octets) {
    offer(house.sinkPort, octets);
  }

  private void offer(SwitchPort port, byte[] octets) {
    FrameBatch batch = new FrameBatch(1);
    arena.clear();
    Frame frame = arena.allocate(octets.length);
    MemorySegment.copy(
        octets, 0, frame.memory(), ValueLayout.JAVA_BYTE, frame.offset(), octets.length);
    batch.add(frame);
    try (Ingress ingress = port.openIngress()) {
      ingress.forward(batch);
    }
    house.settle();
  }

  private void offer(int count, int length) {
    for (int i = 0; i < count; i++) {
      offer(Frames.udp(9, 2, 1000 + i, length));
    }
  }

  private static byte[] with(byte[] frame, int at, byte... octets) {
    System.arraycopy(octets, 0, frame, at, octets.length);
    return frame;
  }

  /// @param routers names of the ports behind which they may be
  private SwitchPort ownNetwork(Unregistered unregistered, String... routers) {
    Network network =
        house.vswitch.create(
            "own",
            MacLimits.DEFAULT,
            new MulticastPolicy(
                true,
                true,
                false,
                unregistered,
                Duration.ofSeconds(125),
                64,
                16,
                List.of(routers)));
    return network.attach(new Sink());
  }

  private void seconds(int seconds) {
    for (int i = 0; i < seconds; i++) {
      house.advance(TimeUnit.SECONDS.toNanos(1));
    }
  }

  private RawGuest receiver() {
    return house.guest().connect();
  }

  private void provoke(DropReason reason) throws Exception {
    switch (reason) {
      case TOO_SHORT -> offer(new byte[13]);
      case SOURCE_INVALID -> offer(with(Frames.udp(9, 2, 60), 6, (byte) 1));
      case UNREADABLE -> {
        // At once, and when the rest is wanted.
        sender.queue().put(new TxRequest(BAD_GREF, 0, 0, 5, 60));
        RawGuest.Page page = sender.page(true);
        MemorySegment.copy(
            Frames.udp(1, 9, 8000), 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 4096);
        sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, 50, 8000));
        sender.queue().put(new TxRequest(BAD_GREF, 0, 0, 51, 3904));
        sender.queue().push();
      }
      case SAME_PORT -> {
        offer(Frames.udp(9, 2, 60));
        offer(Frames.udp(8, 9, 60));
      }
      case NO_EGRESS -> offer(ownNetwork(Unregistered.FLOOD), Frames.udp(9, 2, 60));
      case BAD_OFFLOAD ->
          sender
              .queue()
              .send(
                  with(Frames.udp(1, 2, 60), 12, (byte) 0x88, (byte) 0xb5),
                  4096,
                  TxRequest.CSUM_BLANK);
      case RESERVED_GROUP ->
          offer(
              with(
                  Frames.udp(9, 2, 60),
                  0,
                  (byte) 1,
                  (byte) 0x80,
                  (byte) 0xc2,
                  (byte) 0,
                  (byte) 0,
                  (byte) 2));
      case BAD_MEMBERSHIP_MESSAGE ->
          offer(with(with(Frames.udp(9, 2, 60), 0, GROUP), 23, (byte) 2));
      case QUERY_REFUSED -> offer(ownNetwork(Unregistered.FLOOD, "uplink"), igmpQuery());
      case NO_LISTENER -> {
        SwitchPort port = ownNetwork(Unregistered.ROUTERS);
        for (int second = 0; second < 4; second++) {
          house.vswitch.age();
          seconds(1);
        }
        offer(
            port,
            with(
                with(Frames.udp(9, 2, 60), 0, GROUP),
                30,
                (byte) 239,
                (byte) 1,
                (byte) 1,
                (byte) 1));
      }
      case NOT_A_MEMBER -> {
        RawGuest guest = house.guest();
        guest.write("request-multicast-control", "1");
        guest.connect();
        offer(with(Frames.udp(9, 2, 60), 0, (byte) 0x33, (byte) 0x33));
      }
      case RATE_LIMITED -> {
        RawGuest guest = house.guest();
        guest.writeBackend(Vif.RATE_TO_GUEST, Rate.parse("1Mb/s").node());
        guest.connect();
        offer(150, 1500);
      }
      case PORT_DOWN -> {
        RawGuest guest = receiver();
        offer(3, 100);
        guest.vif.disconnect();
      }
      case TOO_LONG -> {
        house.guest(0, "1500").connect();
        offer(1, 2000);
      }
      case BACKLOG_FULL -> {
        receiver();
        offer(2000, 1500);
      }
      case BACKLOG_EXPIRED -> {
        receiver();
        offer(3, 100);
        seconds(10);
      }
      case STALLED -> {
        receiver();
        for (int second = 0; second < 61; second++) {
          offer(1, 100 + second);
          seconds(1);
        }
        offer(1, 200);
      }
      case DELIVERY_FAILED -> {
        RawGuest guest = receiver();
        guest
            .queue()
            .postPage(
                new RawGuest.Page(MemorySegment.NULL, BAD_GREF),
                300 + (guest.queue().rx.reqProdPvt() & 0xff));
        guest.queue().post(1);
        offer(2, 100);
      }
    }
    house.settle();
  }

  private static byte[] igmpQuery() {
    byte[] query = new byte[42];
    System.arraycopy(Frames.udp(9, 2, 60), 0, query, 0, 14);
    with(query, 0, (byte) 1, (byte) 0, (byte) 0x5e, (byte) 0, (byte) 0, (byte) 1);
    with(query, 14, (byte) 0x45, (byte) 0, (byte) 0, (byte) 28);
    with(
        query,
        22,
        (byte) 1,
        (byte) 2,
        (byte) 0xcf,
        (byte) 0xde,
        (byte) 10,
        (byte) 0,
        (byte) 0,
        (byte) 1);
    with(query, 30, (byte) 224, (byte) 0, (byte) 0, (byte) 1);
    return with(query, 34, (byte) 0x11, (byte) 0x64, (byte) 0xee, (byte) 0x9b);
  }

  @ParameterizedTest
  @EnumSource
  void seesEveryFrameThatIsCountedAsDropped(DropReason reason) throws Exception {
    List<SwitchPort> before = house.vswitch.ports();
    provoke(reason);

    List<Seen> all = witness.take();
    List<Seen> dropped = all.stream().filter(seen -> seen.point() == Point.DROPPED).toList();
    assertThat(dropped).extracting(Seen::what).contains(reason.name());
    Map<String, Map<DropReason, Long>> shown =
        dropped.stream()
            .collect(
                groupingBy(
                    Seen::port, groupingBy(seen -> DropReason.valueOf(seen.what()), counting())));
    Map<String, Map<DropReason, Long>> counted = new HashMap<>();
    for (List<SwitchPort> ports : List.of(before, house.vswitch.ports())) {
      for (SwitchPort port : ports) {
        PortStatistics statistics = port.statistics();
        if (!statistics.drops().isEmpty()) {
          counted.put(port.network().name() + port.name(), statistics.drops());
        }
      }
    }
    if (reason == DropReason.PORT_DOWN) {
      assertThat(shown).containsEntry("vif2.0", Map.of(DropReason.PORT_DOWN, 3L));
    } else {
      assertThat(shown.values()).containsExactlyInAnyOrderElementsOf(counted.values());
    }
    Map<Long, byte[]> asTheyCame =
        all.stream()
            .filter(seen -> seen.point() == Point.INGRESS)
            .collect(toMap(Seen::number, Seen::octets));
    for (Seen seen : dropped) {
      if (reason == DropReason.UNREADABLE) {
        assertThat(seen.octets()).hasSizeLessThanOrEqualTo(TxRound.HEAD);
      } else {
        assertThat(seen.octets()).isEqualTo(asTheyCame.get(seen.number())).hasSize(seen.length());
      }
    }
  }

  /// None of its octets could be had, or its head alone; what the memory held before is not shown.
  @Test
  void seesOfAnUnreadableFrameWhatWasRead() throws Exception {
    provoke(DropReason.UNREADABLE);
    List<Seen> all = witness.take();
    assertThat(all)
        .extracting(Seen::point, Seen::length, seen -> seen.octets().length)
        .containsExactly(
            tuple(Point.DROPPED, 60, 0),
            tuple(Point.INGRESS, 8000, TxRound.HEAD),
            tuple(Point.DROPPED, 8000, TxRound.HEAD));
    assertThat(all.get(2).octets()).isEqualTo(Arrays.copyOf(Frames.udp(1, 9, 8000), TxRound.HEAD));
  }

  @Test
  void seesWhatWasDeliveredAfterItHadWaited() {
    RawGuest guest = receiver();
    offer(5, 200);
    Map<Long, byte[]> asTheyCame =
        witness.take().stream()
            .filter(seen -> seen.point() == Point.INGRESS)
            .collect(toMap(Seen::number, Seen::octets));
    guest.queue().post(2);
    guest
        .queue()
        .postPage(
            new RawGuest.Page(MemorySegment.NULL, BAD_GREF),
            300 + (guest.queue().rx.reqProdPvt() & 0xff));
    guest.queue().post(2);
    house.settle();
    List<Seen> later =
        witness.take().stream().filter(seen -> seen.port().equals("vif2.0")).toList();
    assertThat(later)
        .extracting(Seen::point)
        .containsExactly(Point.EGRESS, Point.EGRESS, Point.DROPPED, Point.EGRESS, Point.EGRESS);
    assertThat(later).extracting(Seen::number).doesNotHaveDuplicates();
    assertThat(later)
        .allSatisfy(seen -> assertThat(seen.octets()).isEqualTo(asTheyCame.get(seen.number())));
    assertThat(later.get(2).what()).isEqualTo("DELIVERY_FAILED");
  }

  /// A shaper is another place to wait in.
  @Test
  void seesWhatWasDeliveredWhenThereWasCredit() {
    RawGuest guest = house.guest();
    guest.writeBackend(Vif.RATE_TO_GUEST, Rate.parse("10Mb/s").node());
    guest.connect();
    guest.queue().post(200);
    offer(100, 1500);
    seconds(2);
    List<Seen> all = witness.take();
    Map<Long, byte[]> asTheyCame =
        all.stream()
            .filter(seen -> seen.point() == Point.INGRESS)
            .collect(toMap(Seen::number, Seen::octets));
    List<Seen> delivered =
        all.stream()
            .filter(seen -> seen.point() == Point.EGRESS && seen.port().equals("vif2.0"))
            .toList();
    assertThat(delivered).hasSize(100).extracting(Seen::number).doesNotHaveDuplicates();
    for (Seen seen : delivered) {
      assertThat(seen.octets()).isEqualTo(asTheyCame.get(seen.number()));
      assertThat(seen.queue()).isZero();
    }
  }

  /// A packet that a short snap length covers with its head still goes from page to page.
  @Test
  void seesTheHeadOfALongFrameThatGoesFromPageToPage() {
    Witness heads = new Witness(96);
    Observation _ = house.vswitch.observe(heads);
    observation.close();
    RawGuest guest = receiver();
    guest.queue().send(Frames.udp(2, 1, 60));
    guest.queue().post(4);
    house.settle();
    byte[] octets = Frames.udp(1, 2, 9000);
    sender.queue().send(octets, 4096, 0);
    house.settle();
    assertThat(guest.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(octets));
    List<Seen> all = heads.take().stream().filter(seen -> seen.length() == 9000).toList();
    assertThat(all)
        .extracting(Seen::point, Seen::port)
        .contains(
            tuple(Point.INGRESS, "vif1.0"),
            tuple(Point.FORWARDED, "vif1.0"),
            tuple(Point.EGRESS, "vif2.0"));
    assertThat(all).extracting(Seen::number).containsOnly(all.getFirst().number());
    assertThat(all)
        .allSatisfy(seen -> assertThat(seen.octets()).isEqualTo(Arrays.copyOf(octets, 96)));
  }

  @Test
  void seesWhatTheRingsReaderRejects() {
    RawGuest.Queue queue = sender.queue();
    queue.put(new TxRequest(sender.page(true).gref(), 0, 0, 1, 13));
    queue.send(Frames.udp(1, 2, 20 * 70), 70, 0);
    queue.put(new TxRequest(sender.page(true).gref(), 0, TxRequest.MORE_DATA, 3, 100));
    queue.put(new TxRequest(sender.page(true).gref(), 0, 0, 4, 101));
    for (int i = 0; i < 65; i++) {
      queue.put(new TxRequest(0, 0, TxRequest.EXTRA_INFO, 5, 0));
      queue.put(new ExtraInfo.McastAdd(0, 0x0100_5e00_0100L + i));
    }
    queue.push();
    house.settle();
    queue.put(new TxRequest(sender.page(true).gref(), 4000, 0, 6, 97));
    queue.push();
    house.settle();
    List<Seen> rejected = witness.take(Point.REJECTED);
    assertThat(rejected)
        .extracting(Seen::port, Seen::what, Seen::length)
        .containsExactly(
            tuple("vif1.0", "FIRST_FRAGMENT_TOO_SHORT", 13),
            tuple("vif1.0", "TOO_MANY_SLOTS", 1400),
            tuple("vif1.0", "FRAGMENTS_EXCEED_TOTAL", 100),
            tuple("vif1.0", "MULTICAST_LIST_FULL", 0),
            tuple("vif1.0", "FRAGMENT_CROSSES_PAGE", 97));
    assertThat(sender.tx().rejected().values().stream().mapToLong(Long::longValue).sum())
        .isEqualTo(5);
  }
}
