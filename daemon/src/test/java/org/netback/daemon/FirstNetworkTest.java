package org.netback.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;

/// Types what `docs/first-network.md` says, and holds what is printed against the page.
class FirstNetworkTest {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String DONE = "--- done ";
  private static final Pattern CONSOLE = Pattern.compile("(?ms)^```console\n(.*?)^```$");

  /// What follows may end a guest's ground before the guest, which warns of it.
  private static final String LAST = "kill %?alice %?bob %?ground";

  /// What only looks may be typed again until it prints what the page says.
  private static final Pattern LOOKS =
      Pattern.compile(
          "bin/netback (status|vif list|vif show|fdb show|port list).*|.*ping -c.*|grep.*");

  /// @param text as typed, with the lines of a here-document
  /// @param printed what the page says is printed
  private record Typed(String text, List<String> printed) {
    boolean prints(List<String> lines) {
      return matches(lines, 0, 0);
    }

    /// A line of an ellipsis alone stands for any lines.
    private boolean matches(List<String> lines, int line, int expected) {
      if (expected == printed.size()) {
        return line == lines.size();
      }
      if (printed.get(expected).equals("…")) {
        for (int next = line; next <= lines.size(); next++) {
          if (matches(lines, next, expected + 1)) {
            return true;
          }
        }
        return false;
      }
      return line < lines.size()
          && pattern(printed.get(expected)).matcher(lines.get(line)).matches()
          && matches(lines, line + 1, expected + 1);
    }

    private static Pattern pattern(String line) {
      List<String> parts = new ArrayList<>();
      for (String part : line.split("…", -1)) {
        parts.add(Pattern.quote(part));
      }
      return Pattern.compile(String.join(".*", parts));
    }
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = ThreadMode.SEPARATE_THREAD)
  void thePagePrintsWhatItSays(@TempDir Path folder) throws Exception {
    Lab.assume("unshare", "ip", "ping");
    launcher(folder);
    List<Typed> page = page();
    assertThat(page).hasSizeGreaterThan(20).extracting(Typed::text).contains(LAST);
    try (Shell shell = new Shell(folder)) {
      for (Typed typed : page) {
        if (typed.text().equals(LAST)) {
          assertThat(shell.logs()).contains("running").doesNotContain("WARN", "ERROR");
        }
        run(shell, typed);
      }
    }
  }

  @Test
  void anEllipsisStandsForWhatDiffers() {
    Typed typed = new Typed("", List.of("a … c", "…", "end"));
    assertThat(typed.prints(List.of("a bb c", "end"))).isTrue();
    assertThat(typed.prints(List.of("a b c", "more", "more", "end"))).isTrue();
    assertThat(typed.prints(List.of("a b", "end"))).isFalse();
    assertThat(typed.prints(List.of("a b c", "end", "more"))).isFalse();
    assertThat(typed.prints(List.of())).isFalse();
    assertThat(new Typed("", List.of()).prints(List.of("unexpected"))).isFalse();
  }

  private static void run(Shell shell, Typed typed) throws IOException, InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      List<String> lines = shell.type(typed.text());
      String code = lines.removeLast();
      if (code.equals(DONE + "0") && typed.prints(lines)) {
        return;
      }
      assertThat(LOOKS.matcher(typed.text()).matches() && System.nanoTime() < end)
          .as(
              "# %s%nis to print%n%s%nand printed%n%s%n%s%nlogs:%n%s",
              typed.text(),
              String.join("\n", typed.printed()),
              String.join("\n", lines),
              code,
              shell.logs())
          .isTrue();
      TimeUnit.MILLISECONDS.sleep(200);
    }
  }

  private static List<Typed> page() throws IOException {
    List<Typed> page = new ArrayList<>();
    String text = Files.readString(Path.of("../docs/first-network.md"));
    for (String block : CONSOLE.matcher(text).results().map(b -> b.group(1)).toList()) {
      for (String line : block.lines().toList()) {
        if (line.startsWith("# ")) {
          page.add(new Typed(line.substring(2), new ArrayList<>()));
        } else if (line.startsWith("> ")) {
          Typed begun = page.removeLast();
          page.add(new Typed(begun.text() + "\n" + line.substring(2), begun.printed()));
        } else {
          page.getLast().printed().add(line);
        }
      }
    }
    return page;
  }

  /// In the page's folder `bin/netback` starts the program; here it is the one under test.
  private static void launcher(Path folder) throws IOException {
    Path script = Files.createDirectory(folder.resolve("bin")).resolve("netback");
    List<String> words = NetnsProcess.java().stream().map(word -> "'" + word + "'").toList();
    Files.writeString(script, "#!/bin/sh\nexec " + String.join(" ", words) + " \"$@\"\n");
    assertThat(script.toFile().setExecutable(true)).isTrue();
  }

  /// A root shell on a machine of its own as far as networks and `/run` go, in which everything
  /// ends with the shell.
  private static final class Shell implements AutoCloseable {
    private final Path folder;
    private final Process process;
    private final Writer in;
    private final BufferedReader out;

    Shell(Path folder) throws IOException {
      this.folder = folder;
      process =
          new ProcessBuilder(
                  "unshare",
                  "--net",
                  "--mount",
                  "--pid",
                  "--fork",
                  "--kill-child",
                  "bash",
                  "-c",
                  "mount -t proc proc /proc && mount -t tmpfs tmpfs /run && ip link set lo up"
                      + " && exec bash")
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .start();
      in = new OutputStreamWriter(process.getOutputStream(), UTF_8);
      out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    }

    /// @return the lines printed, and the exit code at their end
    List<String> type(String command) throws IOException {
      in.write(command + "\ncode=$?; echo; echo \"" + DONE + "$code\"\n");
      in.flush();
      List<String> lines = new ArrayList<>();
      while (true) {
        String line = out.readLine();
        if (line == null) {
          throw new IOException("the shell has ended after " + command + ": " + lines);
        }
        lines.add(line);
        if (line.startsWith(DONE)) {
          // The empty line before it, which begins a line even if the command has ended none.
          lines.remove(lines.size() - 2);
          while (lines.size() > 1 && lines.get(lines.size() - 2).isEmpty()) {
            lines.remove(lines.size() - 2);
          }
          return lines;
        }
      }
    }

    String logs() throws IOException {
      StringBuilder logs = new StringBuilder();
      for (String name : List.of("ground", "daemon", "alice", "bob")) {
        Path log = folder.resolve(name + ".log");
        logs.append(name).append(":\n").append(Files.exists(log) ? Files.readString(log) : "");
      }
      return logs.toString();
    }

    @Override
    public void close() throws IOException {
      process.destroyForcibly().onExit().join();
      in.close();
      out.close();
    }
  }
}
