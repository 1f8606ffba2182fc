package org.netback.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// The guests of a run: a process of its own, one thread in C that costs the same whether netback
/// or C is the backend (`src/main/c/rings`). Confined to one thread.
final class Guests implements AutoCloseable {
  private static final long END_SECONDS = 5;

  private final Process process;
  private final BufferedReader said;
  private final Writer say;
  private final List<Key> keys = new ArrayList<>();

  private Guests(Process process) {
    this.process = process;
    this.said = process.inputReader(US_ASCII);
    this.say = process.outputWriter(US_ASCII);
  }

  /// What a guest wants its frontend's directory to say.
  record Key(int domid, String name, String value) {}

  /// Attaches guests to a ground: first the one that sends, then the receivers.
  ///
  /// @param binary the compiled programs
  static Guests attach(Path binary, Workload workload, Path runDirectory) throws IOException {
    return attach(binary, workload, runDirectory, List.of());
  }

  /// Attaches one that sends to a group, its members, and one who is not in it.
  static Guests attachGroup(Path binary, Workload workload, Path runDirectory, int members)
      throws IOException {
    return attach(
        binary, workload, runDirectory, List.of("-g", "-r", Integer.toString(members + 1)));
  }

  private static Guests attach(
      Path binary, Workload workload, Path runDirectory, List<String> options) throws IOException {
    List<String> command = new ArrayList<>(List.of(binary.toString()));
    command.addAll(workload.options());
    command.addAll(options);
    Collections.addAll(command, "guests", runDirectory.toString());
    Guests guests = new Guests(start(command));
    for (String line = guests.line(); !line.equals("ready"); line = guests.line()) {
      String[] words = line.split(" ", -1);
      guests.keys.add(new Key(Integer.parseInt(words[0]), words[1], words[2]));
    }
    return guests;
  }

  /// Runs the same guests on a backend in C, in a process that ends with the run.
  static Report limit(Path binary, Workload workload, double seconds)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(binary.toString()));
    command.addAll(workload.options());
    Collections.addAll(command, "-t", Double.toString(seconds));
    if (workload.learning()) {
      command.add("-l");
    }
    command.add("limit");
    Process process = start(command);
    String line = new String(process.getInputStream().readAllBytes(), US_ASCII);
    if (process.waitFor() != 0) {
      throw new IOException(command + " failed: " + line);
    }
    return Report.parse(line);
  }

  private static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  List<Key> keys() {
    return Collections.unmodifiableList(keys);
  }

  /// In the order in which they attached, the sender first.
  List<Integer> domids() {
    return keys.stream().map(Key::domid).distinct().toList();
  }

  /// Has all of the guests' pages mapped for good; once, when they are connected.
  void map() throws IOException {
    tell("map");
    String answer = line();
    if (!answer.equals("mapped")) {
      throw new IOException("the guests answer " + answer);
    }
  }

  Report run(double seconds) throws IOException {
    tell("run " + seconds);
    return Report.parse(line());
  }

  private void tell(String command) throws IOException {
    say.write(command + '\n');
    say.flush();
  }

  private String line() throws IOException {
    return Optional.ofNullable(said.readLine())
        .orElseThrow(() -> new IOException("the guests have ended"));
  }

  /// Ends the process, and with it its domains.
  @Override
  public void close() throws IOException {
    try {
      say.close();
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    } finally {
      said.close();
    }
  }
}
