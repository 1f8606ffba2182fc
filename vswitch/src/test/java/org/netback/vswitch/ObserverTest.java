package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.netback.vswitch.Wire.A;
import static org.netback.vswitch.Wire.B;
import static org.netback.vswitch.Wire.C;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.ArrayLender;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.Witness.Seen;

/// What observers see of frames, and what that does to the frames.
class ObserverTest {
  private static final int ALL = OffloadSet.MAX_LENGTH;

  private final AtomicLong clock = Wire.clock();
  private final List<String> faults = new ArrayList<>();
  private final Switch bridge =
      new Switch(
          MacLimits.DEFAULT,
          MulticastPolicy.DEFAULT,
          clock::get,
          (owner, fault) -> faults.add(owner + ": " + fault.getMessage()));
  private final Network network = bridge.network("lan");
  private final RecordingPort p1 = new RecordingPort("p1");
  private final RecordingPort p2 = new RecordingPort("p2");
  private final RecordingPort p3 = new RecordingPort("p3");
  private final SwitchPort s1 = network.attach(p1);
  private final SwitchPort s2 = network.attach(p2);
  private final SwitchPort s3 = network.attach(p3);
  private final Wire w1 = new Wire(s1);
  private final Witness witness = new Witness(ALL);

  ObserverTest() {
    network.addStatic(new MacAddress(B), s2);
    network.addStatic(new MacAddress(C), s3);
    for (int second = 0; second < 4; second++) {
      bridge.age();
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
    }
    forget();
  }

  private void forget() {
    for (RecordingPort port : List.of(p1, p2, p3)) {
      port.take();
    }
  }

  private static List<String> texts(List<Seen> seen) {
    return seen.stream().map(s -> (s.point() + " " + s.port() + " " + s.what()).strip()).toList();
  }

  private static List<Long> numbers(List<Seen> seen) {
    return seen.stream().map(Seen::number).distinct().toList();
  }

  @Test
  void showsAFrameWhereverItPasses() {
    Observation _ = bridge.observe(witness);
    byte[] octets = w1.add(A, B).octets().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    w1.send();
    List<Seen> seen = witness.take();
    assertThat(texts(seen)).containsExactly("ingress p1", "forwarded p1 p2", "egress p2");
    assertThat(numbers(seen)).singleElement().isNotEqualTo(0L);
    assertThat(seen)
        .allSatisfy(
            s -> {
              assertThat(s.octets()).isEqualTo(octets);
              assertThat(s.length()).isEqualTo(60);
              assertThat(s.queue()).isZero();
            });
  }

  @Test
  void showsAFloodedFrameAtEachReceiverUnderOneNumber() {
    Observation _ = bridge.observe(witness);
    w1.send(A, MacAddress.BROADCAST);
    w1.send(A, 0x77);
    List<Seen> seen = witness.take();
    assertThat(texts(seen.subList(0, 4)))
        .containsExactly("ingress p1", "forwarded p1 ALL_BUT_INGRESS", "egress p2", "egress p3");
    assertThat(texts(seen.subList(4, 8))).isEqualTo(texts(seen.subList(0, 4)));
    assertThat(numbers(seen.subList(0, 4))).hasSize(1);
    assertThat(numbers(seen)).hasSize(2);
  }

  @Test
  void showsAGroupsFrameWithTheGroup() {
    Wire w2 = new Wire(s2);
    w2.add(Groups.igmpV2Report("239.1.1.1"));
    w2.send();
    Observation _ = bridge.observe(witness);
    w1.add(Groups.data("239.1.1.1"));
    w1.send();
    List<Seen> seen = witness.take();
    assertThat(texts(seen)).containsExactly("ingress p1", "forwarded p1 239.1.1.1", "egress p2");
    assertThat(numbers(seen)).hasSize(1);
  }

  @Test
  void showsSegmentsUnderTheNumberOfTheirFrame() {
    SwitchPort none = network.attach(new RecordingPort("none", OffloadSet.NONE));
    network.addStatic(new MacAddress(0x99), none);
    Observation _ = bridge.observe(witness);
    Frame frame = w1.add(A, 0x99, 3054);
    frame.putU16(12, 0x0800);
    frame.putU16(14, 0x4500);
    frame.putU16(16, 3040);
    frame.putU16(22, 0x4006);
    frame.putU8(46, 0x50);
    frame.setChecksum(ChecksumState.BLANK);
    frame.setGso(GsoType.TCPV4, 1000);
    Frame _ = w1.add(A, B);
    w1.send();
    List<Seen> seen = witness.take();
    List<Seen> ofSegments = seen.stream().filter(s -> s.port().equals("none")).toList();
    assertThat(ofSegments).extracting(Seen::length).containsExactly(1054, 1054, 1054);
    assertThat(numbers(ofSegments)).containsExactly(seen.getFirst().number());
    assertThat(numbers(seen)).hasSize(2);
  }

  /// A run of one flow is forwarded by its first frame's decision, but not past an observer.
  @Test
  void showsEveryFrameOfARun() {
    try (Observation _ = bridge.observe(witness)) {
      assertThat(run()).hasSize(64);
      List<Seen> seen = witness.take();
      assertThat(seen).hasSize(3 * 64);
      for (String point : List.of("ingress p1", "forwarded p1 p2", "egress p2")) {
        assertThat(Collections.frequency(texts(seen), point)).as(point).isEqualTo(64);
      }
      assertThat(numbers(seen)).hasSize(64);
    }
    assertThat(run()).hasSize(64);
    assertThat(witness.take()).isEmpty();
    assertThat(network.statistics().unicastFrames()).isEqualTo(128);
  }

  private List<RecordingPort.Received> run() {
    for (int i = 0; i < 64; i++) {
      w1.add(A, B, 60 + i);
    }
    w1.send();
    return p2.take();
  }

  @Test
  void showsWhatIsDropped() {
    RecordingPort narrow = new RecordingPort("narrow", OffloadSet.NONE.withMtu(100));
    network.addStatic(new MacAddress(0x99), network.attach(narrow));
    s3.multicastFilter().apply(true);
    Wire w2 = new Wire(s2);
    Observation _ = bridge.observe(witness);
    w1.add(A, B, 13);
    w1.add(A | 1L << 40, B);
    w1.add(A, 0x0180_c200_0003L);
    w1.add(A, 0x99, 120);
    w1.add(A, A);
    Frame contradictory = w1.add(A, B);
    contradictory.setChecksum(ChecksumState.BLANK);
    w1.add(Groups.data("224.0.0.251"));
    w1.send();
    w2.send(B, B);
    List<Seen> dropped =
        witness.take().stream().filter(seen -> seen.point().equals("dropped")).toList();
    assertThat(dropped)
        .extracting(Seen::what, Seen::port, Seen::length)
        .containsExactlyInAnyOrder(
            tuple("TOO_SHORT", "p1", 13),
            tuple("SOURCE_INVALID", "p1", 60),
            tuple("SAME_PORT", "p1", 60),
            tuple("RESERVED_GROUP", "p1", 60),
            tuple("TOO_LONG", "narrow", 120),
            tuple("BAD_OFFLOAD", "p1", 60),
            tuple("NOT_A_MEMBER", "p3", Groups.data("224.0.0.251").length),
            tuple("SAME_PORT", "p2", 60));
    assertThat(numbers(dropped)).hasSize(8);
    for (Seen seen : dropped) {
      assertThat(seen.octets()).hasSize(seen.length());
    }
  }

  @Test
  void showsWhatComesFromAPortThatHasLeftOrGoesThere() {
    Observation _ = bridge.observe(witness);
    s1.close();
    w1.send(A, B);
    assertThat(texts(witness.take())).containsExactly("ingress p1", "dropped p1 PORT_DOWN");
    Wire w2 = new Wire(s2);
    w2.add(B, C);
    s3.close();
    w2.send();
    assertThat(texts(witness.take())).last().isEqualTo("dropped p2 NO_EGRESS");
  }

  @Test
  void seesThePortsOfItsScope() {
    Network other = bridge.network("other");
    SwitchPort foreign = other.attach(new RecordingPort("foreign"));
    Witness ofNetwork = new Witness(ALL);
    Witness ofPort = new Witness(ALL);
    Witness ofLater = new Witness(ALL);
    Observation _ = bridge.observe(witness);
    Observation _ = network.observe(ofNetwork);
    Observation _ = bridge.observePort("p2", ofPort);
    Observation _ = bridge.observePort("later", ofLater);
    new Wire(foreign).send(A, B);
    w1.send(A, B);
    assertThat(texts(witness.take()))
        .containsExactly(
            "ingress foreign",
            "forwarded foreign ALL_BUT_INGRESS",
            "dropped foreign NO_EGRESS",
            "ingress p1",
            "forwarded p1 p2",
            "egress p2");
    assertThat(texts(ofNetwork.take()))
        .containsExactly("ingress p1", "forwarded p1 p2", "egress p2");
    assertThat(texts(ofPort.take())).containsExactly("egress p2");
    RecordingPort port = new RecordingPort("later");
    for (int time = 0; time < 2; time++) {
      // A port that comes again, as a guest's does, is the same to its observer.
      SwitchPort later = network.attach(port);
      new Wire(later).send(0x99, B);
      later.close();
      assertThat(texts(ofLater.take())).containsExactly("ingress later", "forwarded later p2");
    }
    assertThat(texts(ofPort.take())).containsExactly("egress p2", "egress p2");
  }

  @Test
  void tellsTheQueue() {
    Observation _ = bridge.observe(witness);
    FrameBatch batch = new FrameBatch(1);
    try (Ingress ingress = s1.openIngress(3)) {
      batch.add(w1.add(A, B, 60));
      ingress.forward(batch);
    }
    assertThat(witness.take()).extracting(Seen::queue).containsExactly(3, 3, 0);
  }

  @Test
  void endsByWhatTheObserverThrows() {
    for (String point : List.of("ingress", "forwarded", "egress", "dropped", "rejected")) {
      Witness bad =
          new Witness(ALL) {
            @Override
            synchronized void put(String at, SwitchPort port, int queue, Frame frame, String what) {
              super.put(at, port, queue, frame, what);
              if (at.equals(point)) {
                throw new StackOverflowError(point);
              }
            }

            @Override
            public void rejected(SwitchPort port, int queue, int length, String reason) {
              if (point.equals("rejected")) {
                throw new StackOverflowError(point);
              }
            }
          };
      Observation other = bridge.observe(witness);
      Observation observation = bridge.observe(bad);
      faults.clear();
      for (int i = 0; i < 3; i++) {
        w1.add(A, B);
        w1.add(A, B, 13);
        w1.add(A, B);
        w1.send();
        p1.traffic().reject(0, 70_000, "LARGE");
      }
      assertThat(p2.take()).hasSize(6);
      assertThat(faults).containsExactly("observer witness: " + point);
      assertThat(observation.fault()).hasValueSatisfying(e -> assertThat(e).hasMessage(point));
      assertThat(texts(bad.take())).filteredOn(text -> text.startsWith(point)).hasSizeLessThan(2);
      assertThat(texts(witness.take())).hasSize(3 * (3 + 2 + 2 + 1 + 1));
      other.close();
      assertThat(other.fault()).isEmpty();
      assertThat(p1.traffic().isObserved()).isFalse();
    }
  }

  @Test
  void leavesTheRestOfAFrameWithItsSenderIfItNeedNotBeSeen() {
    RecordingPort partial = new RecordingPort("partial", OffloadSet.ALL, true);
    network.addStatic(new MacAddress(0x99), network.attach(partial));
    for (int snap : new int[] {64, 100, 101, 2000}) {
      for (String scope : List.of("p1", "partial")) {
        Witness own = new Witness(snap);
        ArrayLender lender = new ArrayLender();
        try (Observation _ = bridge.observePort(scope, own)) {
          byte[] octets = new byte[1000];
          Arrays.fill(octets, (byte) 0x55);
          System.arraycopy(address(0x99), 0, octets, 0, 6);
          System.arraycopy(address(A), 0, octets, 6, 6);
          w1.add(octets, 100, lender);
          int[] pullsBefore = {-1};
          partial.whenTransmitting(() -> pullsBefore[0] = lender.pulls());
          w1.send();
          // The port pulls it in itself.
          assertThat(pullsBefore[0]).isEqualTo(snap > 100 ? 1 : 0);
          assertThat(lender.pulls()).isEqualTo(1);
          assertThat(own.take())
              .hasSize(scope.equals("p1") ? 2 : 1)
              .allSatisfy(
                  seen -> {
                    assertThat(seen.length()).isEqualTo(1000);
                    assertThat(seen.octets())
                        .hasSizeGreaterThanOrEqualTo(Math.min(snap, 100))
                        .isEqualTo(Arrays.copyOf(octets, seen.octets().length));
                  });
          assertThat(partial.take())
              .singleElement()
              .satisfies(received -> assertThat(received.octets()).isEqualTo(octets));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {64, 200})
  void showsOfATornFrameWhatWasHad(int snap) {
    Witness own = new Witness(snap);
    Observation _ = bridge.observe(own);
    ArrayLender lender = new ArrayLender();
    lender.lose();
    byte[] octets = new byte[300];
    System.arraycopy(address(MacAddress.BROADCAST), 0, octets, 0, 6);
    System.arraycopy(address(A), 0, octets, 6, 6);
    octets[99] = 7;
    w1.add(octets, 100, lender);
    w1.send();
    List<Seen> seen = own.take();
    assertThat(texts(seen).getFirst()).isEqualTo("ingress p1");
    assertThat(texts(seen)).noneMatch(text -> text.startsWith("egress"));
    assertThat(seen.getFirst().octets()).isEqualTo(Arrays.copyOf(octets, Math.min(snap, 100)));
    assertThat(p2.take()).isEmpty();
  }

  private static byte[] address(long mac) {
    byte[] octets = new byte[6];
    for (int i = 0; i < 6; i++) {
      octets[i] = (byte) (mac >> 40 - 8 * i);
    }
    return octets;
  }

  @Test
  void comeAndGoWhileTwoThreadsForward() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    AtomicLong[] rounds = {new AtomicLong(), new AtomicLong()};
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      int own = t;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try (Ingress ingress = (own == 0 ? s1 : s2).openIngress(own)) {
                      Wire wire = new Wire(ingress);
                      while (!done.get()) {
                        for (int i = 0; i < 8; i++) {
                          wire.add(own == 0 ? A : B, own == 0 ? B : C);
                        }
                        wire.add(own == 0 ? A : B, MacAddress.BROADCAST);
                        wire.send();
                        rounds[own].incrementAndGet();
                        for (RecordingPort port : List.of(p1, p2, p3)) {
                          port.take();
                        }
                      }
                    } catch (Throwable e) {
                      failures.add(e);
                    }
                  }));
    }
    long seen = 0;
    try {
      for (int i = 0; i < 200; i++) {
        Witness own = new Witness(20);
        Observation observation = i % 2 == 0 ? bridge.observe(own) : network.observe(own);
        long before = rounds[i % 2].get();
        while (rounds[i % 2].get() < before + 3 && failures.isEmpty()) {
          Thread.onSpinWait();
        }
        observation.close();
        before = rounds[i % 2].get();
        while (rounds[i % 2].get() < before + 3 && failures.isEmpty()) {
          Thread.onSpinWait();
        }
        List<Seen> all = own.take();
        // At least one whole round of this thread's: each of its frames at every point.
        int queue = i % 2;
        assertThat(all)
            .filteredOn(s -> s.point().equals("ingress") && s.queue() == queue)
            .hasSizeGreaterThanOrEqualTo(9);
        seen += all.size();
        assertThat(observation.fault()).isEmpty();
      }
    } finally {
      done.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    assertThat(failures).isEmpty();
    assertThat(faults).isEmpty();
    assertThat(seen).isPositive();
    assertThat(p1.traffic().isObserved()).isFalse();
  }

  /// That frames are seen costs no memory either.
  @Test
  void seeingAllocatesNothing() {
    long[] count = new long[1];
    Observation _ =
        bridge.observe(
            new Observer() {
              @Override
              public String name() {
                return "counter";
              }

              @Override
              public int snapLength() {
                return 64;
              }

              @Override
              public void forwarded(SwitchPort port, int queue, Frame frame, Forwarding decision) {
                count[0]++;
              }

              @Override
              public void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {
                count[0]++;
              }
            });
    FrameBatch batch = new FrameBatch(8);
    for (int i = 0; i < 8; i++) {
      batch.add(w1.add(A, i % 2 == 0 ? 0x0180_c200_0000L : A));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().threadId();
    for (int i = 0; i < 20_000; i++) {
      w1.ingress().forward(batch);
    }
    long before = threads.getThreadAllocatedBytes(self);
    long nothing = threads.getThreadAllocatedBytes(self) - before;
    before = threads.getThreadAllocatedBytes(self);
    for (int i = 0; i < 1000; i++) {
      w1.ingress().forward(batch);
    }
    assertThat(threads.getThreadAllocatedBytes(self) - before - nothing).isLessThan(1000);
    assertThat(count[0]).isEqualTo(8L * 21_000);
  }
}
