package org.netback.capture.filter;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.packet.ArrayLender;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;

/// Frames of which only the first octets are private.
class PartialFrameFilterTest {
  private static final int HEAD = 128;

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 4, 1 << 16);
  private final ArrayLender lender = new ArrayLender();

  /// A TCP segment whose payload ends with a 7.
  private static byte[] octets(int length) {
    byte[] octets = new byte[length];
    octets[12] = 8;
    octets[14] = 0x45;
    octets[23] = 6;
    octets[36] = 0;
    octets[37] = 80;
    octets[length - 1] = 7;
    return octets;
  }

  private int run(String expression, Frame frame) throws FilterException {
    return FilterCompiler.compile(expression).run(frame);
  }

  @Test
  void judgesHeadersByTheHead() throws Exception {
    Frame frame = lender.lend(arena, octets(5000), HEAD);
    assertThat(run("tcp port 80", frame)).isEqualTo(FilterProgram.WHOLE);
    assertThat(run("tcp port 81", frame)).isZero();
    assertThat(run("len = 5000", frame)).isEqualTo(FilterProgram.WHOLE);
    assertThat(run("ether[124:4] = 0", frame)).isEqualTo(FilterProgram.WHOLE);
    assertThat(lender.pulls()).isZero();
    assertThat(frame.head()).isEqualTo(HEAD);
  }

  @Test
  void asksForTheRestWhenItIsReadAndOnlyOnce() throws Exception {
    Frame frame = lender.lend(arena, octets(5000), HEAD);
    assertThat(run("tcp and ether[125:4] = 0", frame)).isEqualTo(FilterProgram.WHOLE);
    assertThat(lender.pulls()).isEqualTo(1);
    assertThat(frame.isWhole()).isTrue();
    assertThat(run("ether[4999] = 7", frame)).isEqualTo(FilterProgram.WHOLE);
    assertThat(run("ether[4999] = 8", frame)).isZero();
    assertThat(lender.pulls()).isEqualTo(1);
  }

  @Test
  void doesNotAskForWhatTheFrameDoesNotHave() throws Exception {
    Frame frame = lender.lend(arena, octets(5000), HEAD);
    assertThat(run("ether[4997:4] = 7", frame)).isZero();
    assertThat(run("ether[70000] = 0", frame)).isZero();
    assertThat(run("ip[ip[16:4]] = 0 or ether[70000] = 0", frame)).isZero();
    assertThat(lender.pulls()).isZero();
  }

  @Test
  void readsAsZerosWhatIsLost() throws Exception {
    lender.lose();
    Frame frame = lender.lend(arena, octets(5000), HEAD);
    for (int i = 0; i < 2; i++) {
      assertThat(run("tcp port 80 and ether[4999] = 0", frame)).isEqualTo(FilterProgram.WHOLE);
      assertThat(run("tcp port 80 and ether[4999] = 7", frame)).isZero();
    }
    assertThat(frame.isTorn()).isTrue();
    assertThat(lender.pulls()).isEqualTo(1);
  }

  @Test
  void answersForAPartialFrameAsForAWholeOne() {
    Property.holds(
        2000,
        sample -> {
          List<BpfInstruction> instructions = AnyProgram.valid(sample);
          FilterProgram program = FilterProgram.of(instructions);
          byte[] octets = new byte[sample.between(14, 100)];
          byte[] drawn = sample.octets(0, octets.length);
          System.arraycopy(drawn, 0, octets, 0, drawn.length);
          FrameArena own = new FrameArena(Arena.ofAuto(), 1, 256);
          ArrayLender rest = new ArrayLender();
          Frame frame = rest.lend(own, octets, sample.between(14, octets.length));
          MemorySegment whole = Arena.ofAuto().allocate(octets.length);
          MemorySegment.copy(octets, 0, whole, JAVA_BYTE, 0, octets.length);
          int kept = program.run(frame);
          assertThat(kept).isEqualTo(program.run(whole, 0, octets.length, octets.length));
          assertThat(rest.pulls()).isLessThanOrEqualTo(1);
          assertThat(program.run(frame)).isEqualTo(kept);
        });
  }
}
