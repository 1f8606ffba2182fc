package org.netback.daemon.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.netback.daemon.Cleanup;
import org.netback.daemon.MissingProgram;
import org.netback.daemon.Namespace;
import org.netback.daemon.NetnsProcess;
import org.netback.daemon.Program;

/// One TCP stream from one namespace to another, by iperf3 where it is installed, else by sockets
/// of this program.
public final class BulkTransfer {
  private static final int PORT = 5201;
  private static final int CHUNK = 128 << 10;
  private static final Duration SLACK = Duration.ofSeconds(30);
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private BulkTransfer() {}

  /// Sends for some seconds.
  ///
  /// @param iperf the tool, or empty for this program's own sockets
  /// @return bits per second that arrived
  /// @throws MissingProgram there is no `ss` to see by that the receiver listens
  public static double run(
      Namespace from,
      Namespace to,
      String address,
      int seconds,
      Optional<Path> iperf,
      Cleanup cleanup)
      throws IOException {
    List<String> sender =
        iperf.isPresent()
            ? List.of(
                iperf.get().toString(),
                "-J",
                "-c",
                address,
                "-t",
                Integer.toString(seconds),
                "--connect-timeout",
                "10000")
            : append(NetnsProcess.java(), "socket-transfer", address, Integer.toString(seconds));
    List<String> receiver =
        iperf.isPresent()
            ? List.of(iperf.get().toString(), "-s", "-1", "--forceflush")
            : append(NetnsProcess.java(), "socket-transfer");
    // Before anything is started.
    List<String> listening = to.command("ss", "-Hltn", "sport", "=", ":" + PORT);
    Process server =
        new ProcessBuilder(to.command(receiver.toArray(String[]::new)))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    AutoCloseable kill = () -> server.destroyForcibly().waitFor();
    cleanup.add(kill);
    try {
      awaitListening(listening, to.name(), server);
      String out =
          from.succeed(Duration.ofSeconds(seconds).plus(SLACK), sender.toArray(String[]::new));
      return iperf.isPresent() ? received(out) : Double.parseDouble(out.strip());
    } finally {
      server.destroy();
    }
  }

  private static List<String> append(List<String> command, String... arguments) {
    return Stream.concat(command.stream(), Arrays.stream(arguments)).toList();
  }

  private static double received(String json) throws IOException {
    JsonNode end = MAPPER.readTree(json).path("end").path("sum_received");
    if (end.isMissingNode()) {
      throw new IOException("iperf3: " + MAPPER.readTree(json).path("error").asText());
    }
    return end.path("bits_per_second").asDouble();
  }

  private static void awaitListening(List<String> command, String namespace, Process server)
      throws IOException {
    long end = System.nanoTime() + SLACK.toNanos();
    while (Program.succeed(SLACK, command).isBlank()) {
      if (!server.isAlive() || System.nanoTime() > end) {
        throw new IOException("the receiver in " + namespace + " does not listen");
      }
    }
  }

  /// The receiving end of this program's own transfer: one connection, then it ends.
  public static void receive() throws IOException {
    try (ServerSocket listening = new ServerSocket(PORT);
        Socket socket = listening.accept()) {
      InputStream in = socket.getInputStream();
      byte[] buffer = new byte[CHUNK];
      long octets = 0;
      long start = System.nanoTime();
      int length;
      while ((length = in.read(buffer)) >= 0) {
        octets += length;
      }
      double bits = octets * 8e9 / (System.nanoTime() - start);
      socket.getOutputStream().write((bits + "\n").getBytes(StandardCharsets.US_ASCII));
    }
  }

  /// The sending end.
  ///
  /// @return what the receiver has measured, in bits per second
  public static String send(String address, int seconds) throws IOException {
    try (Socket socket = new Socket(InetAddress.getByName(address), PORT)) {
      OutputStream out = socket.getOutputStream();
      byte[] buffer = new byte[CHUNK];
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
      while (System.nanoTime() < end) {
        out.write(buffer);
      }
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
    }
  }
}
