package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Duplex;
import org.netback.daemon.control.Outlet;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.Routes;
import org.netback.loop.InternalErrors;

/// `netback console attach` at a terminal of its own, which script(1) makes. The test is the
/// console: it hears what is typed, and says what is to be shown.
@Timeout(120)
class ConsoleAttachTest {
  private final Path directory;
  private final BlockingQueue<Outlet> opened = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> typed = new LinkedBlockingQueue<>();
  private ControlServer server;

  ConsoleAttachTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private final class Console implements Duplex {
    @Override
    public void onOpen(Outlet outlet) {
      opened.add(outlet);
    }

    @Override
    public void onOctets(byte[] octets) {
      for (byte octet : octets) {
        typed.add(String.valueOf((char) (octet & 0xff)));
      }
    }

    @Override
    public void onEnd() {
      typed.add("end");
    }

    @Override
    public void onRoom() {}

    @Override
    public void onClosed() {
      typed.add("closed");
    }
  }

  @BeforeEach
  void listen() throws IOException {
    server =
        ControlServer.listen(
            directory.resolve("c.sock"),
            new Routes()
                .add(
                    "GET",
                    "/consoles/*/attach",
                    (path, body) -> Reply.upgrade("netback-console", new Console()))
                .add(
                    "GET",
                    "/consoles/*/look",
                    (path, body) -> Reply.upgrade("netback-console", new Console())),
            new InternalErrors(System::nanoTime));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  /// The terminal's settings are printed before and after.
  private Process attach() throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Path command = directory.resolve("command");
    Files.writeString(
        command,
        "stty -g; %s --enable-native-access=ALL-UNNAMED -cp '%s' %s console attach web --control %s; echo exit code $?; stty -g\n"
            .formatted(
                java,
                System.getProperty("java.class.path"),
                Main.class.getName(),
                directory.resolve("c.sock")));
    return new ProcessBuilder("script", "-qec", "bash " + command, "/dev/null")
        .redirectErrorStream(true)
        .start();
  }

  /// What the terminal shows up to and with a text.
  private static String shownUntil(Process process, String text) throws IOException {
    StringBuilder shown = new StringBuilder();
    while (shown.indexOf(text) < 0) {
      int octet = process.getInputStream().read();
      assertThat(octet).as(shown.toString()).isNotNegative();
      shown.append((char) octet);
    }
    return shown.toString();
  }

  private static String shown(Process process) throws Exception {
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private String typed(int count) throws InterruptedException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < count; i++) {
      text.append(typed.poll(30, TimeUnit.SECONDS));
    }
    return text.toString();
  }

  private static void hasItsSettingsBack(String shown) {
    List<String> lines = shown.lines().map(String::strip).toList();
    assertThat(lines.getLast()).matches("[0-9a-f:]+").isEqualTo(lines.getFirst());
  }

  @Test
  void everyKeyIsTheGuestsExceptTheOneThatLeaves() throws Exception {
    Process process = attach();
    Outlet console = opened.take();
    assertThat(console.write("login: ".getBytes(StandardCharsets.UTF_8))).isTrue();
    String first = shownUntil(process, "login: ");
    OutputStream keys = process.getOutputStream();
    String all = "root\r\u0003\u001a\u001c\u0011\u0013\u0004\u0016é\u001b[A";
    keys.write(all.getBytes(StandardCharsets.UTF_8));
    keys.flush();
    assertThat(typed(all.getBytes(StandardCharsets.UTF_8).length))
        .isEqualTo(new String(all.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
    keys.write("x\u001dnever".getBytes(StandardCharsets.UTF_8));
    keys.flush();
    String shown = first + shown(process);
    assertThat(shown).contains("[web, Ctrl-] leaves]", "[left web]", "exit code 0");
    // Nothing is asked of the terminal.
    assertThat(shown).doesNotContain("\u001b");
    hasItsSettingsBack(shown);
    assertThat(typed(1)).isEqualTo("x");
    assertThat(typed.poll(30, TimeUnit.SECONDS)).isIn("end", "closed");
  }

  @Test
  void endsWithTheConsoleThoughNoKeyIsTyped() throws Exception {
    Process process = attach();
    opened.take().close();
    String shown = shown(process);
    assertThat(shown).contains("[web has gone]").contains("exit code 1");
    hasItsSettingsBack(shown);
    process.getOutputStream().close();
  }

  @Test
  void tellsTheDaemonsEndFromTheConsoles() throws Exception {
    Process process = attach();
    opened.take();
    server.close();
    String shown = shown(process);
    listen(); // for the end of the test
    assertThat(shown)
        .contains("[the daemon has gone; attach again when it is back]")
        .contains("exit code 69");
    hasItsSettingsBack(shown);
  }

  /// A guest's program that hid the cursor and had a part of the screen scroll is still there.
  @Test
  void undoesWhatTheGuestHasDoneToTheScreen() throws Exception {
    Process process = attach();
    Outlet console = opened.take();
    assertThat(console.write("\033[1;10r\033[?25l".getBytes(StandardCharsets.UTF_8))).isTrue();
    String first = shownUntil(process, "\033[?25l");
    process.getOutputStream().write(0x1d);
    process.getOutputStream().flush();
    String shown = first + shown(process);
    assertThat(shown).contains("\0337\033[r\0338\033[?25h\033[m\r\n[left web]");
    hasItsSettingsBack(shown);
  }

  /// As for a pipe: it goes on without input.
  @Test
  void looksOnWithoutATerminal() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process process =
        new ProcessBuilder(
                java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "console",
                "attach",
                "web",
                "--read-only",
                "--control",
                directory.resolve("c.sock").toString())
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .start();
    Outlet console = opened.take();
    shownUntil(process, "looking on, Ctrl-] leaves]");
    assertThat(console.write("after the end".getBytes(StandardCharsets.UTF_8))).isTrue();
    shownUntil(process, "after the end");
    console.close();
    assertThat(shown(process)).contains("[web has gone]");
    assertThat(process.exitValue()).isEqualTo(1);
  }

  @Test
  void givesTheTerminalBackWhenItIsEnded() throws Exception {
    Process process = attach();
    opened.take();
    List<ProcessHandle> attached =
        process
            .descendants()
            .filter(each -> each.info().command().orElse("").endsWith("/java"))
            .toList();
    assertThat(attached).hasSize(1);
    assertThat(attached.getFirst().destroy()).isTrue();
    hasItsSettingsBack(shown(process));
  }

  @Test
  void aPipeIsSentWholeAndWhatIsAnsweredMeanwhileIsShown() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Path input = Files.writeString(directory.resolve("input"), "abc");
    Process process =
        new ProcessBuilder(
                java,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "console",
                "attach",
                "web",
                "--control",
                directory.resolve("c.sock").toString())
            .redirectInput(input.toFile())
            .redirectErrorStream(true)
            .start();
    Outlet console = opened.take();
    assertThat(typed(4)).isEqualTo("abcend");
    assertThat(console.write("answer".getBytes(StandardCharsets.UTF_8))).isTrue();
    console.close();
    assertThat(shown(process)).contains("answer").contains("[left web]");
    assertThat(process.exitValue()).isZero();
  }
}
