package org.netback.xen.embedded;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.ground.Backend;

/// Another JVM, for what must not happen in this one. It lives until it is killed, or its standard
/// input ends, which is when this JVM dies too.
final class ChildProcess implements AutoCloseable {
  private static final String SAYS = "child: ";

  private final Process process;
  private final BufferedReader output;

  private ChildProcess(Process process) {
    this.process = process;
    this.output = process.inputReader(StandardCharsets.UTF_8);
  }

  /// Opens a ground in the directory; returns when it is there.
  static ChildProcess ground(Path directory) throws IOException {
    ChildProcess child = start("ground", directory, "-");
    child.line();
    return child;
  }

  /// Attaches a guest, which offers a channel and grants a page.
  static ChildProcess guest(Path directory, String name) throws IOException {
    return start("guest", directory, name);
  }

  /// Attaches a backend, which binds to the first port of a guest and maps its reference 8.
  static ChildProcess backend(Path directory, int domid, int port) throws IOException {
    return start("backend", directory, domid + ":" + port);
  }

  private static ChildProcess start(String role, Path directory, String argument)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            ChildProcess.class.getName(),
            role,
            directory.toString(),
            argument));
    return new ChildProcess(
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  /// The next thing that it says; what else it prints is its log.
  String line() throws IOException {
    while (true) {
      String line =
          Optional.ofNullable(output.readLine())
              .orElseThrow(() -> new IOException("child process ended"));
      if (line.startsWith(SAYS)) {
        return line.substring(SAYS.length());
      }
    }
  }

  /// SIGKILL.
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws IOException {
    try {
      process.outputWriter().close();
    } catch (IOException e) {
      // a killed child's pipe
    }
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        kill();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    output.close();
  }

  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[1]);
    switch (arguments[0]) {
      case "ground" -> {
        try (EmbeddedGround _ = EmbeddedGround.open(directory)) {
          ready("ready");
        }
      }
      case "guest" -> {
        try (NettyLoop loop = NettyLoop.start("guest");
            GuestDomain guest =
                RemoteGround.attachGuest(directory, GuestSpec.of(arguments[2], "net"))) {
          EventChannel channel = guest.events().allocate(0, loop, () -> true);
          int gref = guest.memory().grant(guest.memory().allocate(1), 0, false);
          ready(guest.domid() + " " + channel.port() + " " + gref);
        }
      }
      case "backend" -> {
        int domid = Integer.parseInt(arguments[2].substring(0, arguments[2].indexOf(':')));
        int port = Integer.parseInt(arguments[2].substring(arguments[2].indexOf(':') + 1));
        try (NettyLoop loop = NettyLoop.start("backend");
            Backend backend = RemoteGround.attachBackend(directory);
            var _ = backend.guests().grants().map(domid, new int[] {8}, false);
            EventChannel channel = backend.guests().events().bind(domid, port, loop, () -> true)) {
          channel.notifyPeer();
          ready("bound");
        }
      }
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void ready(String line) throws IOException {
    System.out.println(SAYS + line);
    int _ = System.in.read();
  }
}
