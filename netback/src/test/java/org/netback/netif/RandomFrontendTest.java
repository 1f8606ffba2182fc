package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;

/// A guest that does anything at all, in any order. Whatever it is: the guests beside it get their
/// own frames, whole and in order, and nothing else; nothing throws; all is given back.
final class RandomFrontendTest {
  @Tag("long")
  @Test
  void neitherCorruptsNorStallsNorLeaks() {
    Property.holds(300, RandomFrontendTest::live);
  }

  private static void live(Sample sample) {
    Random random = new Random(sample.anyLong());
    try (House house = new House()) {
      RawGuest villain = house.guest(random.nextInt()).connect();
      RawGuest a = house.guest(random.nextInt()).connect();
      RawGuest b = house.guest(random.nextInt()).connect();
      a.queue().post(1);
      b.queue().send(Frames.udp(3, 2, 60));
      house.settle();
      a.queue().receive();
      b.queue().statuses();
      for (int step = 0; step < 60; step++) {
        act(random, house, villain);
        b.queue().post(Math.min(40, b.queue().rx.freeRequests()));
        byte[] frame = Frames.udp(2, 3, 1 + step, 60 + random.nextInt(3000));
        a.queue().send(frame, 4096, 0);
        house.settle();
        assertThat(a.queue().statuses()).containsExactly(TxResponse.OKAY);
        List<byte[]> fromA =
            b.queue().receive().stream()
                .map(RawGuest.Received::octets)
                .filter(octets -> octets[11] == 2)
                .toList();
        assertThat(fromA).containsExactly(frame);
        house.sink.take();
        if (!villain.failures.isEmpty()) {
          villain.failures.clear();
          villain.vif.disconnect();
          house.settle();
          assertThat(villain.isUnmapped()).isTrue();
          villain.resetRings();
          villain.connect();
        }
      }
      assertThat(a.failures).isEmpty();
      assertThat(b.failures).isEmpty();
      villain.vif.disconnect();
      house.settle();
      assertThat(villain.isUnmapped()).isTrue();
    }
  }

  private static void act(Random random, House house, RawGuest villain) {
    RawGuest.Queue queue = villain.queue();
    switch (random.nextInt(9)) {
      case 0 -> scribble(random, queue.txPage.memory(), 64, 40);
      case 1 -> scribble(random, queue.rxPage.memory(), 64, 40);
      case 2 -> scribble(random, queue.txPage.memory(), 0, 1);
      case 3 -> scribble(random, queue.rxPage.memory(), 0, 1);
      case 4 -> claim(random, queue.txPage.memory());
      case 5 -> claim(random, queue.rxPage.memory());
      case 6 -> requests(random, villain);
      case 7 -> house.loop.advance(random.nextLong(20_000_000_000L));
      default -> {
        // Only notifies.
      }
    }
    queue.txChannel.notifyPeer();
    queue.rxChannel.notifyPeer();
    house.settle();
  }

  private static void scribble(Random random, MemorySegment page, int from, int words) {
    for (int i = 0; i < words; i++) {
      int range = from == 0 ? 4 : (4096 - from) / 4;
      page.set(ValueLayout.JAVA_INT, from + 4L * random.nextInt(range), sometimesSmall(random));
    }
  }

  private static int sometimesSmall(Random random) {
    return random.nextBoolean() ? random.nextInt() : random.nextInt(2000);
  }

  /// Publishes requests that nobody has written.
  private static void claim(Random random, MemorySegment page) {
    page.set(ValueLayout.JAVA_INT, 0, page.get(ValueLayout.JAVA_INT, 8) + random.nextInt(260));
  }

  /// Requests that are nearly right, so that they come far.
  private static void requests(Random random, RawGuest villain) {
    MemorySegment page = villain.queue().txPage.memory();
    int producer = page.get(ValueLayout.JAVA_INT, 0);
    int count = random.nextInt(60);
    MemorySegment slot = java.lang.foreign.Arena.ofAuto().allocate(12);
    for (int i = 0; i < count; i++) {
      int offset = random.nextInt(5) == 0 ? random.nextInt(65536) : random.nextInt(2000);
      int size = random.nextInt(5) == 0 ? random.nextInt(65536) : random.nextInt(2000);
      int gref = random.nextInt(5) == 0 ? random.nextInt() : villain.page(true).gref();
      int flags = random.nextInt(3) == 0 ? random.nextInt(16) : random.nextInt(3);
      TxRequest.write(slot, gref, offset, flags, random.nextInt(65536), size);
      MemorySegment.copy(slot, 0, page, 64 + 12L * (producer + i & 0xff), 12);
    }
    page.set(ValueLayout.JAVA_INT, 0, producer + count);
  }
}
