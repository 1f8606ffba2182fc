package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.netback.packet.MacAddress;
import org.netback.properties.Property;
import org.netback.properties.Sample;

class MacTableTest {
  private final AtomicLong clock = Wire.clock();

  private Network network(int addresses, int perPort) {
    return new Switch(new MacLimits(addresses, perPort, Duration.ofMinutes(5)), clock::get)
        .network("lan");
  }

  private static SwitchPort port(Network network, String name) {
    return network.attach(new RecordingPort(name));
  }

  private void sight(Network network, SwitchPort port, long address) {
    network.macTable().sight(address, port, clock.get());
  }

  @Test
  void aPortHasItsBoundAndNotOneMore() {
    Network network = network(16384, 1024);
    SwitchPort flooder = port(network, "flooder");
    SwitchPort other = port(network, "other");
    for (int i = 1; i <= 5000; i++) {
      sight(network, flooder, i << 8);
    }
    assertThat(flooder.statistics().addresses()).isEqualTo(1024);
    assertThat(flooder.statistics().learnRefusals()).isEqualTo(5000 - 1024);
    assertThat(network.macTable().lookup(1024 << 8).isNone()).isFalse();
    assertThat(network.macTable().lookup(1025 << 8).isNone()).isTrue();
    sight(network, other, 77);
    assertThat(other.statistics().addresses()).isEqualTo(1);
  }

  @Test
  void aPortAtItsBoundCannotTakeAnothersStation() {
    Network network = network(16384, 2);
    SwitchPort flooder = port(network, "flooder");
    SwitchPort victim = port(network, "victim");
    sight(network, victim, 99);
    for (int i = 1; i <= 3; i++) {
      sight(network, flooder, i << 8);
    }
    sight(network, flooder, 99);
    assertThat(network.macTable().lookup(99).port()).isSameAs(victim);
  }

  @Test
  void aPortAtItsBoundLearnsAgainWhenItsStationsHaveAged() {
    Network network = network(16384, 8);
    SwitchPort port = port(network, "port");
    for (int i = 1; i <= 8; i++) {
      sight(network, port, i);
    }
    clock.addAndGet(TimeUnit.SECONDS.toNanos(301));
    sight(network, port, 100);
    assertThat(network.macTable().lookup(100).isNone()).isFalse();
    assertThat(network.statistics().addresses()).isEqualTo(1);
    assertThat(network.statistics().aged()).isEqualTo(8);
  }

  @Test
  void aFloodNeverTakesFromAPortThatHasNoMoreThanItsShare() {
    Network network = network(100, 1024);
    List<SwitchPort> modest = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      modest.add(port(network, "modest" + i));
    }
    SwitchPort flooder = port(network, "flooder");
    for (int i = 0; i < 3; i++) {
      for (int station = 1; station <= 20; station++) {
        sight(network, modest.get(i), 1000L * (i + 1) + station);
      }
    }
    for (int i = 1; i <= 100_000; i++) {
      sight(network, flooder, (long) i << 20);
    }
    assertThat(flooder.statistics().addresses()).isEqualTo(40);
    assertThat(modest).allSatisfy(p -> assertThat(p.statistics().addresses()).isEqualTo(20));

    // Below its share of 25 a port still learns, from the one that has most.
    for (int station = 21; station <= 40; station++) {
      clock.incrementAndGet();
      sight(network, modest.getFirst(), 1000 + station);
    }
    assertThat(modest.getFirst().statistics().addresses()).isEqualTo(25);
    assertThat(flooder.statistics().addresses()).isEqualTo(35);
    assertThat(modest.get(1).statistics().addresses()).isEqualTo(20);
    assertThat(network.statistics().evicted()).isEqualTo(5);
    assertThat(network.statistics().addresses()).isEqualTo(100);
  }

  @Test
  void givesUpTheStationThatWasNotSeenForLongest() {
    Network network = network(4, 1024);
    SwitchPort rich = port(network, "rich");
    SwitchPort poor = port(network, "poor");
    for (int i = 1; i <= 4; i++) {
      sight(network, rich, i);
      clock.addAndGet(TimeUnit.SECONDS.toNanos(2));
    }
    sight(network, rich, 1);
    sight(network, poor, 100);
    MacTable table = network.macTable();
    assertThat(table.lookup(2).isNone()).isTrue();
    assertThat(table.lookup(1).port()).isSameAs(rich);
    assertThat(table.lookup(100).port()).isSameAs(poor);
  }

  @Test
  void morePortsThanPlacesDoNotChaseEachOther() {
    Network network = network(2, 1024);
    for (int i = 1; i <= 5; i++) {
      sight(network, port(network, "port" + i), i);
    }
    assertThat(network.statistics().addresses()).isEqualTo(2);
    assertThat(network.statistics().evicted()).isZero();
  }

  @Test
  void memoryStaysBoundedWhateverComesAndGoes() {
    Network network = network(64, 64);
    Random random = new Random(5);
    for (int round = 0; round < 200; round++) {
      SwitchPort port = port(network, "port");
      for (int i = 0; i < 100; i++) {
        sight(network, port, random.nextLong() & 0xfeff_ffff_ffffL);
      }
      port.close();
    }
    assertThat(network.addresses()).isEmpty();
    assertThat(network.statistics().addresses()).isZero();
  }

  /// Thrown into the cache it would be swallowed there, and nobody would know.
  @Test
  void whatAnEvictionThrowsIsAFaultOfTheNetworkAndOthersAgeAllTheSame() {
    List<Throwable> faults = new ArrayList<>();
    Network network =
        new Switch(
                MacLimits.DEFAULT,
                MulticastPolicy.DEFAULT,
                clock::get,
                (owner, fault) -> {
                  assertThat(owner).isEqualTo("network lan");
                  faults.add(fault);
                })
            .network("lan");
    SwitchPort broken = port(network, "broken");
    SwitchPort sound = port(network, "sound");
    sight(network, broken, 1);
    sight(network, sound, 2);
    // As if it had been unlinked by half.
    network.macTable().lookup(1).forwarding = Forwarding.Flood.ALL_BUT_INGRESS;

    clock.addAndGet(TimeUnit.MINUTES.toNanos(10));
    network.age();

    assertThat(faults)
        .extracting(fault -> Arrays.toString(fault.getStackTrace()))
        .anyMatch(trace -> trace.contains("onEviction"));
    assertThat(sound.statistics().addresses()).isZero();
  }

  /// @param act 19 and 20 flush the port, 21 and 22 have it leave and another come, 23 forgets the
  ///   address; all others are sightings
  private record Step(int act, int port, long address) {}

  /// The table against a plain map, under sightings, moves, flushes and departures.
  @Test
  void agreesWithAModel() {
    Property.holds(100, this::compareWithAModel);
  }

  private void compareWithAModel(Sample sample) {
    List<Step> steps =
        sample.list(
            0,
            2000,
            () -> new Step(sample.between(0, 39), sample.between(0, 3), sample.between(1, 500)));
    Network network = network(16384, 1024);
    List<SwitchPort> ports = new ArrayList<>();
    Map<Long, SwitchPort> model = new HashMap<>();
    for (int i = 0; i < 4; i++) {
      ports.add(port(network, "port" + i));
    }
    int departures = 0;
    for (Step step : steps) {
      clock.addAndGet(TimeUnit.MILLISECONDS.toNanos(100));
      SwitchPort port = ports.get(step.port);
      long address = step.address;
      switch (step.act) {
        case 19, 20 -> {
          port.flush();
          model.values().removeIf(p -> p == port);
        }
        case 21, 22 -> {
          port.close();
          model.values().removeIf(p -> p == port);
          ports.set(step.port, port(network, "later" + departures++));
        }
        case 23 -> {
          network.forget(new MacAddress(address));
          model.remove(address);
        }
        default -> {
          sight(network, port, address);
          model.put(address, port);
        }
      }
    }
    Map<Long, String> expected = new HashMap<>();
    model.forEach((address, port) -> expected.put(address, port.name()));
    Map<Long, String> rows = new HashMap<>();
    network.addresses().forEach(row -> rows.put(row.address().value(), row.port()));
    assertThat(rows).isEqualTo(expected);
    for (long address = 0; address <= 501; address++) {
      MacEntry entry = network.macTable().lookup(address);
      assertThat(entry.isNone()).isEqualTo(!expected.containsKey(address));
      assertThat(entry.isNone() ? -1 : entry.key).isEqualTo(entry.isNone() ? -1 : address);
    }
    int sum = ports.stream().mapToInt(port -> port.addresses().learnedCount()).sum();
    assertThat(sum).isEqualTo(expected.size()).isEqualTo(network.statistics().addresses());
  }

  @Test
  void readersAreNeverMisledWhileTheTableGrowsAndShrinks() throws Exception {
    Network network = network(16384, 16384);
    SwitchPort stable = port(network, "stable");
    SwitchPort churning = port(network, "churning");
    for (int i = 1; i <= 32; i++) {
      sight(network, stable, i);
    }
    AtomicBoolean done = new AtomicBoolean();
    AtomicLong wrong = new AtomicLong();
    AtomicLong looked = new AtomicLong();
    Thread reader =
        Thread.ofPlatform()
            .start(
                () -> {
                  MacTable table = network.macTable();
                  while (!done.get()) {
                    for (int i = 1; i <= 32; i++) {
                      MacEntry entry = table.lookup(i);
                      if (entry.key != i || entry.forwarding != stable.unicast()) {
                        wrong.incrementAndGet();
                      }
                      MacEntry other = table.lookup((i << 16) + i);
                      if (!other.isNone() && other.key != (i << 16) + i) {
                        wrong.incrementAndGet();
                      }
                      looked.incrementAndGet();
                    }
                  }
                });
    try {
      for (int round = 0; round < 100 || looked.get() < 10_000; round++) {
        for (int i = 1; i <= 500; i++) {
          sight(network, churning, (i << 16) + i);
        }
        churning.flush();
      }
    } finally {
      done.set(true);
      reader.join();
    }
    assertThat(wrong).hasValue(0);
  }
}
