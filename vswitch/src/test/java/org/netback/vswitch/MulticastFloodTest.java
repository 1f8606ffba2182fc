package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.Groups.GroupRecord;

/// Hosts that join whatever there is, and what that costs others: nothing.
class MulticastFloodTest {
  private static final MulticastPolicy SMALL =
      new MulticastPolicy(
          true,
          true,
          true,
          MulticastPolicy.Unregistered.FLOOD,
          Duration.ofSeconds(125),
          60,
          40,
          List.of());

  private final AtomicLong clock = Wire.clock();
  private final Switch bridge = new Switch(MacLimits.DEFAULT, SMALL, clock::get);
  private final Network network = bridge.network("lan");
  private final List<RecordingPort> ports = new ArrayList<>();
  private final List<Wire> wires = new ArrayList<>();

  MulticastFloodTest() {
    for (int i = 0; i < 3; i++) {
      ports.add(new RecordingPort("p" + i));
      wires.add(new Wire(network.attach(ports.get(i))));
    }
    for (int i = 0; i < 4; i++) {
      bridge.age();
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
    }
  }

  private static String group(int i) {
    return "239." + (i >> 16 & 0xff) + '.' + (i >> 8 & 0xff) + '.' + (i & 0xff);
  }

  private void join(int port, int group) {
    wires.get(port).add(Groups.igmpV2Report(group(group)));
    wires.get(port).send();
  }

  private long memberships(int port) {
    return network.groups().stream().filter(row -> row.port().equals("p" + port)).count();
  }

  @Test
  void aFloodOfReportsCostsTheFloodingPortOnly() {
    join(1, 7);
    for (int i = 0; i < 1000; i++) {
      join(0, 1000 + i);
    }
    assertThat(memberships(0)).isEqualTo(40);
    assertThat(memberships(1)).isEqualTo(1);
    assertThat(network.multicastStatistics().refused()).isEqualTo(960);
    for (int i = 0; i < 1000; i++) {
      join(2, 2000 + i);
    }
    // The table is full, but a port below its fair share still joins, at the cost of the richest.
    assertThat(network.multicastStatistics().memberships()).isEqualTo(60);
    for (int i = 0; i < 19; i++) {
      join(1, 3000 + i);
    }
    assertThat(memberships(1)).isEqualTo(20);
    assertThat(memberships(0)).isGreaterThanOrEqualTo(20);
    assertThat(memberships(2)).isGreaterThanOrEqualTo(19);
    ports.forEach(RecordingPort::take);
    wires.get(0).add(Groups.data(group(7)));
    wires.get(0).send();
    assertThat(ports.get(1).take()).hasSize(1);
    assertThat(ports.get(2).take()).isEmpty();
  }

  @Test
  void whatIsRefusedDoesNotUnregisterOthers() {
    for (int i = 0; i < 100; i++) {
      join(0, 1000 + i);
    }
    join(1, 1050);
    join(0, 1050);
    ports.forEach(RecordingPort::take);
    wires.get(2).add(Groups.data(group(1050)));
    wires.get(2).send();
    assertThat(ports.get(1).take()).hasSize(1);
    assertThat(ports.get(0).take()).isEmpty();
  }

  @Test
  void joiningAndLeavingForEverLeavesNothing() {
    for (int i = 0; i < 20_000; i++) {
      wires.get(0).add(Groups.igmpV2Report(group(i)));
      wires.get(0).add(Groups.igmpV2Leave(group(i)));
      wires.get(0).send();
    }
    assertThat(network.groups()).isEmpty();
    assertThat(network.multicastStatistics().groups()).isZero();
    join(1, 5);
    assertThat(memberships(1)).isEqualTo(1);
  }

  @Test
  void aLongReportJoinsUpToTheBound() {
    List<GroupRecord> records = new ArrayList<>();
    for (int i = 0; i < 512; i++) {
      records.add(new GroupRecord(Groups.TO_EX, group(i)));
    }
    wires.get(0).add(Groups.igmpV3Report(records.toArray(GroupRecord[]::new)));
    wires.get(0).send();
    assertThat(memberships(0)).isEqualTo(40);
  }

  @Test
  void groupsAreLookedUpWhileOthersJoinLeaveAndDetach() throws InterruptedException {
    Network busy = new Switch(MacLimits.DEFAULT, System::nanoTime).network("busy");
    RecordingPort member = new RecordingPort("member");
    Wire steady = new Wire(busy.attach(member));
    steady.add(Groups.igmpV2Report("239.9.9.9"));
    steady.send();
    AtomicBoolean done = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    byte[] data = Groups.data("239.9.9.9");
    AtomicLong sent = new AtomicLong();
    SwitchPort from = busy.attach(new RecordingPort("sender"));
    Thread sender =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    Wire wire = new Wire(from);
                    while (!done.get()) {
                      wire.add(data);
                      wire.send();
                      sent.incrementAndGet();
                    }
                  } catch (Throwable e) {
                    failure.set(e);
                  }
                });
    try {
      for (int i = 0; i < 100; i++) {
        SwitchPort port = busy.attach(new RecordingPort("churn"));
        Wire wire = new Wire(port);
        for (int g = 0; g < 100; g++) {
          wire.add(Groups.igmpV2Report(group(g)));
        }
        wire.add(Groups.igmpV2Report("239.9.9.9"));
        wire.send();
        busy.age();
        port.close();
        wire.ingress().close();
      }
    } finally {
      done.set(true);
      sender.join();
    }
    assertThat(failure.get()).isNull();
    assertThat(member.received())
        .filteredOn(r -> r.octets().length == data.length)
        .hasSizeGreaterThanOrEqualTo((int) sent.get());
    assertThat(busy.multicastStatistics().memberships()).isEqualTo(1);
  }

  @Test
  void groupFramesAllocateNothing() {
    Network own = new Switch(MacLimits.DEFAULT, () -> 0L).network("own");
    SwitchPort from = own.attach(new Discarding("from"));
    List<Wire> members = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      SwitchPort port = own.attach(new Discarding("m" + i));
      members.add(new Wire(port));
      members.get(i).add(Groups.igmpV2Report("239.1.1.1"));
      members.get(i).add(Groups.mldV1Report("ff0e::1"));
      members.get(i).send();
      port.multicastFilter().add(0x0100_5e01_0101L);
      port.multicastFilter().apply(i % 2 == 0);
    }
    byte[][] kinds = {
      Groups.data("239.1.1.1"),
      Groups.data("ff0e::1"),
      Groups.data("239.2.2.2"),
      Groups.igmpV2Report("239.1.1.1")
    };
    try (Ingress ingress = from.openIngress()) {
      FrameArena arena = new FrameArena(Arena.ofAuto(), 64, 1 << 16);
      FrameBatch batch = new FrameBatch(64);
      Runnable round =
          () -> {
            arena.clear();
            batch.clear();
            for (int i = 0; i < 64; i++) {
              byte[] octets = kinds[i & 3];
              Frame frame = arena.allocate(octets.length);
              for (int at = 0; at < octets.length; at++) {
                frame.putU8(at, octets[at]);
              }
              batch.add(frame);
            }
            ingress.forward(batch);
          };
      for (int i = 0; i < 20_000; i++) {
        round.run();
      }
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long self = Thread.currentThread().threadId();
      long before = threads.getThreadAllocatedBytes(self);
      long nothing = threads.getThreadAllocatedBytes(self) - before;
      before = threads.getThreadAllocatedBytes(self);
      for (int i = 0; i < 1000; i++) {
        round.run();
      }
      long allocated = threads.getThreadAllocatedBytes(self) - before - nothing;
      // 48,000 data frames and 16,000 reports: only these may cost something.
      assertThat(allocated).isLessThan(16_000L * 64);
    }
  }

  private record Discarding(String name, PortTraffic traffic) implements Port {
    Discarding(String name) {
      this(name, new PortTraffic());
    }

    @Override
    public OffloadSet accepts() {
      return OffloadSet.ALL;
    }

    @Override
    public void transmit(FrameBatch frames) {}
  }
}
