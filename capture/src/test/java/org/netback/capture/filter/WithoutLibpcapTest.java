package org.netback.capture.filter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// A machine that has no libpcap: a JVM of its own that looks for it under another name.
class WithoutLibpcapTest {
  /// What that JVM does.
  static final class Machine {
    private Machine() {}

    public static void main(String[] arguments) throws FilterException {
      int kept = FilterCompiler.compile("").run(MemorySegment.ofArray(new byte[14]), 0, 14, 14);
      StringBuilder told = new StringBuilder().append(kept);
      // It is told each time.
      for (int i = 0; i < 2; i++) {
        try {
          FilterCompiler.compile("tcp");
        } catch (FilterException e) {
          told.append('\n').append(e.getMessage());
        }
      }
      System.out.println(told);
    }
  }

  /// What the machine tells.
  ///
  /// @param library what libpcap is looked for as
  private static List<String> told(String library) throws Exception {
    Process machine =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.pcap4j.core.pcapLibName=" + library,
                "-cp",
                System.getProperty("java.class.path"),
                Machine.class.getName())
            .redirectErrorStream(true)
            .start();
    List<String> lines =
        new String(machine.getInputStream().readAllBytes(), UTF_8).lines().toList();
    assertThat(machine.waitFor()).isZero();
    return lines;
  }

  @Test
  void saysWhatToInstallAndCapturesWithoutAFilter() throws Exception {
    String sentence =
        "a filter needs libpcap, which is not installed here (on Debian: apt-get install"
            + " libpcap0.8); captures without a filter do not need it";
    assertThat(told("no-such-pcap")).containsSubsequence("262144", sentence, sentence);
  }

  @Test
  void saysThatALibraryIsNotLibpcap() throws Exception {
    String sentence =
        "a filter needs libpcap, and what is installed under its name cannot be used: ";
    assertThat(told("c"))
        .contains("262144")
        .filteredOn(line -> line.startsWith(sentence))
        .hasSize(2);
  }
}
