package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/// A ping that runs beside a test, and in which no answer may be missing.
final class Pings implements AutoCloseable {
  private static final Pattern ANSWER = Pattern.compile("bytes from .* icmp_seq=([0-9]+)");

  private final Lab lab;
  private final Process process;

  private Pings(Lab lab, Process process) {
    this.lab = lab;
    this.process = process;
  }

  /// Runs until the lab is closed.
  ///
  /// @param interval in seconds, as ping takes it
  static Pings start(Lab lab, Namespace from, String interval, String address) throws IOException {
    Path log = lab.directory().resolve("ping.log");
    List<String> command = from.command("ping", "-i", interval, address);
    return lab.add(
        new Pings(
            lab,
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start()));
  }

  /// Ends it. The last one may not be answered yet; that none before it is missing is asserted.
  ///
  /// @param least how many there are to be
  void assertNoneIsMissing(int least) throws IOException, InterruptedException {
    lab.await(least + " answers", () -> answered().size() >= least);
    Program.succeed(Lab.PATIENCE, List.of("kill", "-INT", Long.toString(process.pid())));
    process.waitFor();
    List<Integer> answered = answered();
    assertThat(answered).isEqualTo(IntStream.rangeClosed(1, answered.size()).boxed().toList());
  }

  /// The numbers of the answers so far.
  private List<Integer> answered() throws IOException {
    return ANSWER.matcher(lab.log("ping")).results().map(r -> Integer.valueOf(r.group(1))).toList();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
