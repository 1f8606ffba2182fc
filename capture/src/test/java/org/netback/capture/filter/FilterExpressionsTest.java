package org.netback.capture.filter;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.sun.jna.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.AnyFrame;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.pcap4j.core.BpfProgram;
import org.pcap4j.core.PcapNativeException;

/// All of pcap-filter(7), judged by libpcap: what it compiles answers as its `bpf_filter` does,
/// what it refuses is refused with its words.
class FilterExpressionsTest {
  private static final int FRAMES = 300;

  private static Stream<String> compiled() {
    return Expressions.COMPILED.stream();
  }

  private static Stream<String> named() {
    return Expressions.NAMED.stream();
  }

  private static Stream<String> refused() {
    return Expressions.REFUSED.stream();
  }

  @ParameterizedTest
  @MethodSource("compiled")
  void answersAsLibpcapDoes(String expression) throws Exception {
    int[] outcomes = compare(expression);
    // The frames are good enough to tell a filter from another.
    assertThat(outcomes[0]).as("frames that do not match").isPositive();
    assertThat(outcomes[1]).as("frames that match").isPositive();
  }

  @ParameterizedTest
  @MethodSource("named")
  void knowsTheNamesThatLibpcapKnows(String expression) throws Exception {
    Throwable refusal = catchThrowable(() -> Libpcap.compile(expression).free());
    if (refusal == null) {
      compare(expression);
    } else {
      assertThatThrownBy(() -> FilterCompiler.compile(expression))
          .isInstanceOf(FilterException.class)
          .hasMessageStartingWith(refusal.getMessage());
    }
  }

  @ParameterizedTest
  @MethodSource("refused")
  void refusesWhatIsNotOfEthernet(String expression) {
    Throwable refusal = catchThrowable(() -> Libpcap.compile(expression).free());
    assertThatThrownBy(() -> FilterCompiler.compile(expression))
        .isInstanceOf(FilterException.class)
        .hasMessageStartingWith(
            refusal instanceof PcapNativeException
                ? refusal.getMessage()
                : "the filter reads at offset -4092, in front of the frame");
  }

  /// @return how many frames did not match, and how many did
  private static int[] compare(String expression) throws Exception {
    FilterProgram program = FilterCompiler.compile(expression);
    List<BpfInstruction> instructions = FilterCompiler.instructions(expression);
    Forms forms = new Forms(instructions);
    List<BpfInstruction> unrolled = Unrolled.of(instructions);
    Memory copied = Libpcap.memory(unrolled);
    boolean loops = !unrolled.equals(instructions);
    BpfProgram judge = Libpcap.compile(expression);
    int[] outcomes = new int[2];
    try {
      for (byte[] octets : RealFrames.all()) {
        long expected = Libpcap.filter(copied, octets, octets.length, octets.length);
        assertThat(forms.filter(octets, octets.length, octets.length)).isEqualTo(expected);
        outcomes[expected == 0 ? 0 : 1]++;
      }
      Property.holds(
          FRAMES,
          sample -> {
            byte[] octets = frame(instructions, sample);
            int captured =
                sample.oneOf(true, true, true, false)
                    ? octets.length
                    : sample.between(0, octets.length);
            long expected = Libpcap.filter(copied, octets, captured, octets.length);
            assertThat(forms.filter(octets, captured, octets.length)).isEqualTo(expected);
            assertThat(run(program, octets, captured)).isEqualTo((int) expected);
            // With a loop, libpcap's own run might not end.
            if (captured > 0 && (expected != 0 || !loops)) {
              assertThat(judge.applyFilter(octets, octets.length, captured))
                  .isEqualTo(expected != 0);
            }
            outcomes[expected == 0 ? 0 : 1]++;
          });
    } finally {
      judge.free();
    }
    return outcomes;
  }

  private static byte[] frame(List<BpfInstruction> instructions, Sample sample) {
    return switch (sample.between(0, 5)) {
      case 0 -> sample.octets(0, 100);
      case 1 -> AnyFrame.octets(sample, 0x00163e000001L, 0x00163e000002L);
      case 2 -> RealFrames.octets(sample);
      default -> SteeredFrame.octets(instructions, sample);
    };
  }

  private static int run(FilterProgram program, byte[] octets, int captured) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(captured + 1L);
      MemorySegment.copy(octets, 0, memory, JAVA_BYTE, 1, captured);
      return program.run(memory, 1, captured, octets.length);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "\t\n"})
  void keepsEverythingWithoutAnExpression(String expression) throws Exception {
    FilterProgram program = FilterCompiler.compile(expression);
    assertThat(run(program, new byte[14], 14)).isEqualTo(FilterProgram.WHOLE);
    assertThat(run(program, new byte[0], 0)).isEqualTo(FilterProgram.WHOLE);
  }

  /// Everything that is written there, in all ways to combine two primitives.
  @Test
  void answersAsLibpcapDoesOnCombinations() throws Exception {
    List<String> primitives = new ArrayList<>(Expressions.COMPILED);
    // Of these a program has at most a few.
    primitives.removeIf(each -> each.contains("protochain") || each.contains("geneve"));
    Property.holds(
        150,
        sample -> {
          String first = sample.oneOf(primitives.toArray(String[]::new));
          String second = sample.oneOf(primitives.toArray(String[]::new));
          String expression =
              "%s(%s) %s %s(%s)"
                  .formatted(
                      sample.oneOf("", "not "),
                      first,
                      sample.oneOf("or", "and", "&&", "||"),
                      sample.oneOf("", "! "),
                      second);
          List<BpfInstruction> instructions;
          try {
            instructions = FilterCompiler.instructions(expression);
          } catch (PcapNativeException e) {
            // Such as "expression rejects all packets".
            assertThatThrownBy(() -> FilterCompiler.compile(expression))
                .hasMessageStartingWith(String.valueOf(e.getMessage()));
            return;
          }
          Forms forms = new Forms(instructions);
          Memory judge = Libpcap.memory(instructions);
          for (int i = 0; i < 20; i++) {
            byte[] octets = frame(instructions, sample);
            assertThat(forms.filter(octets, octets.length, octets.length))
                .isEqualTo(Libpcap.filter(judge, octets, octets.length, octets.length));
          }
        });
  }

  /// A chain that is longer than any real one ends the search; libpcap would go on.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 63, 64, 65, 200})
  void followsAChainOfHeadersSoFar(int headers) throws Exception {
    byte[] octets = new byte[14 + 40 + 8 * headers + 20];
    octets[12] = (byte) 0x86;
    octets[13] = (byte) 0xdd;
    octets[20] = (byte) (headers == 0 ? 6 : 60);
    for (int i = 0; i < headers; i++) {
      octets[54 + 8 * i] = (byte) (i == headers - 1 ? 6 : 60);
    }
    List<BpfInstruction> instructions = FilterCompiler.instructions("ip6 protochain 6");
    long expected =
        Libpcap.filter(Libpcap.memory(instructions), octets, octets.length, octets.length);
    assertThat(expected).isEqualTo(FilterProgram.WHOLE);
    assertThat(new Forms(instructions).run(octets, octets.length, octets.length))
        .isEqualTo(headers <= FilterCode.MAX_JUMPS_BACK ? FilterProgram.WHOLE : 0);
  }

  /// libpcap takes the length of an authentication header for an offset, so its own run goes round
  /// in such a frame for ever.
  @Test
  void endsInAFrameThatLibpcapDoesNotComeOutOf() throws Exception {
    byte[] octets = new byte[200];
    octets[12] = (byte) 0x86;
    octets[13] = (byte) 0xdd;
    octets[20] = 51;
    octets[54] = 51;
    octets[55] = 8;
    List<BpfInstruction> instructions = FilterCompiler.instructions("ip6 protochain 6");
    assertThat(new Forms(instructions).run(octets, octets.length, octets.length)).isZero();
    assertThat(
            Libpcap.filter(
                Libpcap.memory(Unrolled.of(instructions)), octets, octets.length, octets.length))
        .isZero();
  }

  /// The longest of their kinds, on a small stack: libpcap recurses.
  @ParameterizedTest
  @ValueSource(
      strings = {"host 10.1.#.3 or ", "icmp||", "vlan and ", "not udp and ", "( ", "proto # or "})
  void takesTheLongestExpressions(String unit) throws Exception {
    int count = (FilterCompiler.MAX_LENGTH - 30) / (unit.length() + 2);
    String start =
        String.join(
            "", IntStream.range(0, count).mapToObj(i -> unit.replace("#", "" + i % 250)).toList());
    String end = unit.startsWith("(") ? "tcp" + ")".repeat(count) : "tcp";
    String expression = unit.startsWith("(") ? start.replace(" ", "") + end : start + end;
    assertThat(expression).hasSizeLessThanOrEqualTo(FilterCompiler.MAX_LENGTH);
    List<FilterProgram> compiled = Collections.synchronizedList(new ArrayList<>());
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                compiled.add(FilterCompiler.compile(expression));
              } catch (FilterException e) {
                throw new AssertionError(e);
              }
            },
            "small",
            256 << 10);
    thread.start();
    thread.join();
    assertThat(compiled).hasSize(1);
  }
}
