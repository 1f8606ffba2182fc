package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.packet.ArrayLender;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.Ingress;
import org.netback.xen.embedded.BareDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantTable;

/// Frames to a guest's ring whose lender is no queue of the backend's.
class GrantLenderTest {
  final House house = new House(this::ground, UnaryOperator.identity());
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 8, 1 << 19);
  private final FrameBatch batch = new FrameBatch(8);
  private final ArrayLender foreign = new ArrayLender();
  private final Pages pages = new Pages();
  private Ingress ingress;
  private RawGuest receiver;
  private BareDomain domain;

  /// What the copies are made by.
  GrantTable ground(GrantTable embedded) {
    return embedded;
  }

  /// Lends one frame whose rest lies in pages that a domain has granted, in pieces of some octets.
  /// Cannot have it pulled in.
  private final class Pages implements GrantLender {
    private static final int PIECE = 3000;
    private final List<Integer> grefs = new ArrayList<>();
    private int head;
    private int pulls;

    Frame lend(byte[] octets, int ready) {
      Frame frame = arena.allocate(octets.length);
      MemorySegment.copy(octets, 0, frame.memory(), ValueLayout.JAVA_BYTE, frame.offset(), ready);
      head = ready;
      for (int at = ready; at < octets.length; at += PIECE) {
        MemorySegment page = domain.memory().allocate(1);
        int length = Math.min(PIECE, octets.length - at);
        MemorySegment.copy(octets, at, page, ValueLayout.JAVA_BYTE, 0, length);
        grefs.add(domain.memory().grant(page, 0, true));
      }
      frame.lendFrom(ready, this);
      return frame;
    }

    @Override
    public void copyRest(
        Frame frame,
        int from,
        int length,
        GrantCopies into,
        int toDomid,
        int toGref,
        int toOffset) {
      int done = 0;
      while (done < length) {
        int at = from - head + done;
        int part = Math.min(length - done, PIECE - at % PIECE);
        into.betweenGuests(
            domain.domid(),
            grefs.get(at / PIECE),
            at % PIECE,
            toDomid,
            toGref,
            toOffset + done,
            part);
        done += part;
      }
    }

    @Override
    public void pull(Frame frame) {
      pulls++;
      frame.pulled(false);
    }

    @Override
    public void pull(FrameBatch frames, int base, long mask) {
      for (long left = mask; left != 0; left &= left - 1) {
        pull(frames.get(base + Long.numberOfTrailingZeros(left)));
      }
    }
  }

  @BeforeEach
  void connect() throws IOException {
    domain = house.registry.createDomain("lender", new DomainSize(4, 64));
    ingress = house.sinkPort.openIngress();
    receiver = house.guest(-3).connect();
    // Known from now on, so that nothing is flooded to it.
    receiver.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    receiver.queue().post(60);
  }

  @AfterEach
  void close() {
    assertThat(receiver.failures).isEmpty();
    ingress.close();
    house.close();
  }

  private void forward(Frame... frames) {
    for (Frame frame : frames) {
      batch.add(frame);
    }
    ingress.forward(batch);
    batch.clear();
    arena.clear();
    house.settle();
  }

  private List<byte[]> received() {
    return receiver.queue().receive().stream().map(RawGuest.Received::octets).toList();
  }

  private Frame lent(byte[] octets, int head) {
    return foreign.lend(arena, octets, head);
  }

  @ParameterizedTest
  @CsvSource({
    "60, 14",
    "4096, 128",
    "4097, 128",
    "4097, 4096",
    "12000, 14",
    "12000, 4096",
    "12000, 5000",
    "12000, 11999",
    "65000, 128"
  })
  void pullsTheFramesOfALenderThatItDoesNotKnow(int length, int head) {
    byte[] octets = Frames.udp(1, 2, length);
    byte[] other = Frames.udp(1, 2, 5000);
    forward(lent(octets, head), lent(other, 200));
    assertThat(received()).containsExactly(octets, other);
    assertThat(foreign.pulls()).isEqualTo(2);
  }

  /// The others arrive, in the slots that it would have had.
  @ParameterizedTest
  @CsvSource({"0, 128", "1, 128", "2, 128", "0, 4096", "1, 5000"})
  void leavesOutOneThatIsTorn(int torn, int head) {
    ArrayLender lost = new ArrayLender();
    lost.lose();
    List<byte[]> expected = new ArrayList<>();
    Frame[] frames = new Frame[3];
    for (int i = 0; i < 3; i++) {
      byte[] octets = Frames.udp(1, 2, 9000 + i);
      if (i == torn) {
        frames[i] = lost.lend(arena, octets, head);
      } else {
        frames[i] = lent(octets, head);
        expected.add(octets);
      }
    }
    forward(frames);
    assertThat(received()).containsExactlyElementsOf(expected);
    assertThat(lost.pulls()).isEqualTo(1);
    assertThat(receiver.queue().posted).hasSize(60 - 2 * 3);
    assertThat(receiver.statistics().drops()).isEmpty();
    assertThat(receiver.rx().frames()).isEqualTo(2);
  }

  @Test
  void putsNothingIntoTheRingIfAllAreTorn() {
    foreign.lose();
    int slot = receiver.queue().rx.rspCons();
    forward(lent(Frames.udp(1, 2, 9000), 128), lent(Frames.udp(1, 2, 60), 14));
    assertThat(receiver.queue().rxResponses()).isEmpty();
    byte[] octets = Frames.udp(1, 2, 100);
    forward(lent(octets, 100));
    assertThat(received()).containsExactly(octets);
    assertThat(receiver.queue().rx.rspCons()).isEqualTo(slot + 1);
  }

  @ParameterizedTest
  @CsvSource({"4097, 128", "12000, 14", "12000, 4096", "12000, 5000", "65000, 128", "60, 14"})
  void copiesFromTheGrantsOfALenderThatHasSome(int length, int head) {
    byte[] octets = Frames.udp(1, 2, length);
    forward(pages.lend(octets, head));
    assertThat(received()).containsExactly(octets);
    assertThat(pages.pulls).isZero();
  }

  @Test
  void copiesFromSeveralLendersInOneBatch() {
    byte[] granted = Frames.udp(1, 2, 9000);
    byte[] pulled = Frames.udp(1, 2, 8000);
    byte[] whole = Frames.udp(1, 2, 7000);
    forward(lent(pulled, 128), pages.lend(granted, 128), lent(whole, 7000), lent(pulled, 5000));
    assertThat(received()).containsExactly(pulled, granted, whole, pulled);
    assertThat(pages.pulls).isZero();
    assertThat(foreign.pulls()).isEqualTo(2);
  }

  @Test
  void pullsWhatCannotBeReadFromTheGrants() {
    byte[] other = Frames.udp(1, 2, 8000);
    Frame frame = pages.lend(Frames.udp(1, 2, 9000), 128);
    pages.grefs.set(1, 1_000_000);
    forward(lent(other, 128), frame, lent(other, 200));
    assertThat(received()).containsExactly(other, other);
    assertThat(pages.pulls).isEqualTo(1);
    assertThat(receiver.queue().posted).hasSize(60 - 2 * 2);
    assertThat(receiver.statistics().drops()).isEmpty();
  }

  /// A receiver without buffers keeps private copies.
  @Test
  void waitsInPrivateMemory() {
    byte[] first = Frames.udp(1, 2, 65_000);
    byte[] second = Frames.udp(1, 2, 64_000);
    for (int i = 0; i < 3; i++) {
      forward(lent(first, 128));
    }
    forward(lent(first, 128), lent(second, 5000));
    List<byte[]> received = new ArrayList<>(received());
    receiver.queue().post(60);
    house.settle();
    received.addAll(received());
    assertThat(received).containsExactly(first, first, first, first, second);
    assertThat(receiver.rx().backlogged()).isPositive();
  }
}
