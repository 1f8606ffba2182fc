package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.netback.packet.MacAddress;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.netback.vswitch.Network;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;

/// A guest that does anything at all, in any order. Whatever it is: the guests beside it get their
/// own frames, whole and in order, and nothing else; nothing throws; all is given back.
final class RandomFrontendTest {
  @Tag("long")
  @Test
  void neitherCorruptsNorStallsNorLeaks() {
    Property.holds(600, RandomFrontendTest::live);
  }

  private static void live(Sample sample) {
    List<Integer> firstIndices = sample.list(3, 3, sample::anyInt);
    List<Step> steps =
        sample.list(0, 60, () -> new Step(Act.drawn(sample), sample.between(60, 3059)));
    try (House house = new House()) {
      RawGuest villain = house.guest(firstIndices.get(0)).connect();
      RawGuest a = house.guest(firstIndices.get(1)).connect();
      RawGuest b = house.guest(firstIndices.get(2)).connect();
      a.queue().post(1);
      b.queue().send(Frames.udp(3, 2, 60));
      house.settle();
      a.queue().receive();
      b.queue().statuses();
      keepAddress(house, a, 2);
      keepAddress(house, b, 3);
      int number = 0;
      for (Step step : steps) {
        act(step.act, house, villain);
        b.queue().post(Math.min(40, b.queue().rx.freeRequests()));
        byte[] frame = Frames.udp(2, 3, ++number, step.length);
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

  /// A page that the guest has received a frame in may be sent again, with another's address as its
  /// source. That such a guest is not followed is the business of guards, and of static addresses.
  private static void keepAddress(House house, RawGuest guest, int number) {
    Network network = house.vswitch.network("default");
    String name = guest.id.toString();
    SwitchPort port =
        network.ports().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
    network.addStatic(MacAddress.parse(Frames.mac(number).toString()), port);
  }

  private static void act(Act act, House house, RawGuest villain) {
    switch (act) {
      case Scribble(boolean tx, int from, List<Word> words) ->
          words.forEach(
              word -> page(villain, tx).set(ValueLayout.JAVA_INT, from + 4L * word.at, word.value));
      case Claim(boolean tx, int count) -> {
        MemorySegment page = page(villain, tx);
        page.set(ValueLayout.JAVA_INT, 0, page.get(ValueLayout.JAVA_INT, 8) + count);
      }
      case Ask(List<Asked> requests) -> ask(requests, villain);
      case Wait(int millis) -> house.loop.advance(TimeUnit.MILLISECONDS.toNanos(millis));
      case Notify _ -> {
        // As after everything.
      }
    }
    villain.queue().txChannel.notifyPeer();
    villain.queue().rxChannel.notifyPeer();
    house.settle();
  }

  private static MemorySegment page(RawGuest villain, boolean tx) {
    return tx ? villain.queue().txPage.memory() : villain.queue().rxPage.memory();
  }

  private static void ask(List<Asked> requests, RawGuest villain) {
    MemorySegment page = page(villain, true);
    int producer = page.get(ValueLayout.JAVA_INT, 0);
    MemorySegment slot = Arena.ofAuto().allocate(12);
    int at = producer;
    for (Asked asked : requests) {
      int gref = asked.gref.orElseGet(() -> villain.page(true).gref());
      TxRequest.write(slot, gref, asked.offset, asked.flags, asked.id, asked.size);
      MemorySegment.copy(slot, 0, page, 64 + 12L * (at++ & 0xff), 12);
    }
    page.set(ValueLayout.JAVA_INT, 0, at);
  }

  /// @param length of the frame from one of the others to the other afterwards
  private record Step(Act act, int length) {}

  /// What the villain does before it notifies.
  private sealed interface Act {
    static Act drawn(Sample sample) {
      int kind = sample.between(0, 8);
      boolean tx = kind % 2 == 0;
      return switch (kind) {
        case 0 -> new Notify();
        case 1 -> new Wait(sample.between(0, 20_000));
        case 2, 3 -> new Scribble(tx, 0, List.of(Word.drawn(sample, 4)));
        case 4, 5 -> new Scribble(tx, 64, sample.list(1, 40, () -> Word.drawn(sample, 1008)));
        case 6, 7 -> new Claim(tx, sample.between(0, 259));
        default -> new Ask(sample.list(0, 59, () -> Asked.drawn(sample)));
      };
    }
  }

  private record Notify() implements Act {}

  private record Wait(int millis) implements Act {}

  /// Writes into a ring's page: into its indices, or behind them.
  private record Scribble(boolean tx, int from, List<Word> words) implements Act {}

  private record Word(int at, int value) {
    static Word drawn(Sample sample, int range) {
      return new Word(
          sample.between(0, range - 1),
          sample.anyBoolean() ? sample.anyInt() : sample.between(0, 1999));
    }
  }

  /// Publishes requests that nobody has written.
  private record Claim(boolean tx, int count) implements Act {}

  /// Requests that are nearly right, so that they come far.
  private record Ask(List<Asked> requests) implements Act {}

  /// @param gref empty for a page that is granted
  private record Asked(int offset, int size, Optional<Integer> gref, int flags, int id) {
    static Asked drawn(Sample sample) {
      return new Asked(
          sample.between(0, oneInFive(sample) ? 65535 : 1999),
          sample.between(0, oneInFive(sample) ? 65535 : 1999),
          oneInFive(sample) ? Optional.of(sample.anyInt()) : Optional.empty(),
          sample.between(0, sample.between(0, 2) == 1 ? 15 : 2),
          sample.between(0, 65535));
    }

    /// The ends of a range are drawn more often than what is between them.
    private static boolean oneInFive(Sample sample) {
      int drawn = sample.between(0, 9);
      return drawn >= 3 && drawn <= 5;
    }
  }
}
