package org.netback.capture.filter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Memory;
import java.lang.classfile.ClassFile;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.properties.Property;

/// Programs that no expression gives: what runs answers as `bpf_filter` does, and what could do
/// harm does not run.
class FilterProgramTest {
  private static final BpfInstruction KEEP = new BpfInstruction(Bpf.RET | Bpf.K, 0, 0, 96);

  private static BpfInstruction instruction(int code, int k) {
    return new BpfInstruction(code, 0, 0, k);
  }

  @Test
  void answersAsLibpcapDoesForAnyProgram() {
    Property.holds(
        2000,
        sample -> {
          List<BpfInstruction> program = AnyProgram.valid(sample);
          FilterProgram.validate(program);
          Forms forms = new Forms(program);
          Memory judge = Libpcap.memory(program);
          for (int i = 0; i < 5; i++) {
            byte[] octets = sample.octets(0, 80);
            int length = octets.length + sample.oneOf(0, 0, 1, 100);
            assertThat(forms.filter(octets, octets.length, length))
                .isEqualTo(Libpcap.filter(judge, octets, octets.length, length));
          }
        });
  }

  /// It ends, throws nothing and reads nothing that is not the frame's, whatever was accepted.
  @Test
  void runsWhatItAcceptsWithoutHarm() {
    // Refused, accepted, and of these how many jump back.
    int[] verdicts = new int[3];
    Property.holds(
        20_000,
        sample -> {
          List<BpfInstruction> program = AnyProgram.any(sample);
          try {
            FilterProgram.of(program);
          } catch (FilterException e) {
            verdicts[0]++;
            return;
          }
          verdicts[1]++;
          if (program.stream()
              .anyMatch(each -> each.code() == (Bpf.JMP | Bpf.JA) && each.k() < 0)) {
            verdicts[2]++;
          }
          byte[] octets = sample.octets(0, 40);
          assertThat(new Forms(program).filter(octets, octets.length, octets.length))
              .isBetween(0L, 0xffff_ffffL);
        });
    assertThat(Arrays.stream(verdicts).boxed()).allMatch(count -> count > 20);
  }

  /// libpcap's own verdict is no stricter in anything that could be harmful.
  @ParameterizedTest
  @CsvSource({
    "0xffff, 0, 0, 0, 'instruction 0 of 2 of the filter is not valid'", // no code
    "0x08, 0, 0, 0, 'instruction 0 of 2'", // LD | IMM of two octets
    "0xb0, 0, 0, 0, 'instruction 0 of 2'", // LD | MSH
    "0x0e, 0, 0, 0, 'instruction 0 of 2'", // RET | X
    "0x60, 0, 0, 16, 'instruction 0 of 2'", // a slot of the memory that is not there
    "0x61, 0, 0, -1, 'instruction 0 of 2'",
    "0x02, 0, 0, 16, 'instruction 0 of 2'",
    "0x03, 0, 0, 2147483647, 'instruction 0 of 2'",
    "0x34, 0, 0, 0, 'instruction 0 of 2'", // a division by zero
    "0x94, 0, 0, 0, 'instruction 0 of 2'",
    "0x64, 0, 0, 32, 'instruction 0 of 2'", // shifts by more bits than there are
    "0x74, 0, 0, -1, 'instruction 0 of 2'",
    "0x05, 0, 0, 1, 'instruction 0 of 2'", // jumps out of the program
    "0x05, 0, 0, -2, 'instruction 0 of 2'",
    "0x05, 0, 0, 2147483647, 'instruction 0 of 2'",
    "0x05, 0, 0, -2147483648, 'instruction 0 of 2'",
    "0x15, 1, 0, 7, 'instruction 0 of 2'",
    "0x1d, 0, 255, 7, 'instruction 0 of 2'",
    "0x28, 0, 0, -4092, 'the filter reads at offset -4092, in front of the frame'",
    "0x40, 0, 0, -1, 'the filter reads at offset -1, in front of the frame'",
    "0xb1, 0, 0, -2147483648, 'the filter reads at offset -2147483648, in front of the frame'",
  })
  void refuses(String code, int jt, int jf, int k, String message) {
    List<BpfInstruction> program =
        List.of(new BpfInstruction(Integer.decode(code), jt, jf, k), KEEP);
    assertThatThrownBy(() -> FilterProgram.of(program))
        .isInstanceOf(FilterException.class)
        .hasMessageStartingWith(message);
  }

  @ParameterizedTest
  @CsvSource({
    "0x60, 0, 0, 15",
    "0x02, 0, 0, 15",
    "0x34, 0, 0, -1",
    "0x3c, 0, 0, 0",
    "0x64, 0, 0, 31",
    "0x84, 0, 0, 0",
    "0x05, 0, 0, 0",
    "0x05, 0, 0, -1",
    "0x15, 0, 0, 7",
    "0x28, 0, 0, 2147483647",
  })
  void takes(String code, int jt, int jf, int k) {
    List<BpfInstruction> program =
        List.of(new BpfInstruction(Integer.decode(code), jt, jf, k), KEEP);
    assertThatCode(() -> FilterProgram.of(program)).doesNotThrowAnyException();
  }

  @Test
  void refusesWhatDoesNotEndOrIsTooLong() {
    assertThatThrownBy(() -> FilterProgram.of(List.of()))
        .hasMessage("the filter has 0 instructions, of 1 to 4096");
    assertThatThrownBy(() -> FilterProgram.of(Collections.nCopies(4097, KEEP)))
        .hasMessage("the filter has 4097 instructions, of 1 to 4096");
    assertThatThrownBy(() -> FilterProgram.of(List.of(KEEP, instruction(Bpf.MISC | Bpf.TAX, 0))))
        .hasMessage("the filter does not end with a return");
  }

  @Test
  void endsALoopThatWouldNotEnd() throws Exception {
    List<BpfInstruction> program = List.of(instruction(Bpf.JMP | Bpf.JA, -1), KEEP);
    assertThat(new Forms(program).run(new byte[14], 14, 14)).isZero();
  }

  /// libpcap leaves there what was there.
  @Test
  void beginsWithAnEmptyMemory() {
    List<BpfInstruction> write =
        List.of(
            instruction(Bpf.LD | Bpf.IMM, 7),
            instruction(Bpf.ST, 3),
            instruction(Bpf.LD | Bpf.MEM, 3),
            instruction(Bpf.RET | Bpf.A, 0));
    List<BpfInstruction> read =
        List.of(instruction(Bpf.LD | Bpf.MEM, 3), instruction(Bpf.RET | Bpf.A, 0));
    assertThat(new Forms(write).run(new byte[14], 14, 14)).isEqualTo(7);
    assertThat(new Forms(read).run(new byte[14], 14, 14)).isZero();
  }

  @Test
  void keepsNoMoreOctetsThanAnIntHolds() throws Exception {
    FilterProgram program = FilterProgram.of(List.of(instruction(Bpf.RET | Bpf.K, -1)));
    assertThat(program.run(MemorySegment.ofArray(new byte[14]), 0, 14, 14))
        .isEqualTo(Integer.MAX_VALUE);
  }

  /// HotSpot compiles methods of up to 8000 octets of bytecode.
  @Test
  void compilesOnlyWhatHotSpotCompiles() {
    List<BpfInstruction> program = new ArrayList<>();
    for (int i = 1; i < CompiledCode.MAX_INSTRUCTIONS; i++) {
      program.add(instruction(Bpf.LD | Bpf.IND | Bpf.W, 1_000_000 + i));
    }
    program.add(KEEP);
    int octets =
        ClassFile.of().parse(CompiledCode.classFile(program)).methods().stream()
            .flatMap(method -> method.code().stream())
            .mapToInt(code -> ((CodeAttribute) code).codeLength())
            .max()
            .orElseThrow();
    assertThat(octets).isBetween(4000, 7999);
  }

  @Test
  void runsTheLongestPrograms() throws Exception {
    for (int count : new int[] {200, 201, FilterProgram.MAX_INSTRUCTIONS}) {
      List<BpfInstruction> program =
          new ArrayList<>(
              Collections.nCopies(count - 1, instruction(Bpf.ALU | Bpf.ADD | Bpf.K, 3)));
      program.add(instruction(Bpf.RET | Bpf.A, 0));
      assertThat(FilterProgram.of(program).run(MemorySegment.ofArray(new byte[14]), 0, 14, 14))
          .isEqualTo(3 * (count - 1));
    }
  }
}
