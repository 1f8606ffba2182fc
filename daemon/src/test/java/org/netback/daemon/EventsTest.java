package org.netback.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.client.ControlClient;
import org.netback.daemon.Events.Kind;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.Sections;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.Routes;
import org.netback.guest.StationGuest;
import org.netback.loop.InternalErrors;

/// What happens in the daemon reaches whoever listens, in order, and what is lost is told.
@Timeout(120)
class EventsTest {
  @TempDir Path directory = Path.of("");
  private final InternalErrors errors = new InternalErrors(System::nanoTime);

  private Events events() {
    return new Events(InstantSource.fixed(Instant.ofEpochMilli(1_500)));
  }

  private ControlServer serve(Events events) throws Exception {
    return ControlServer.listen(
        socket(),
        new Routes()
            .add("GET", "/events", (path, body) -> Reply.events(events.listener()))
            .add("GET", "/quick", (path, body) -> Reply.ok("quick")),
        errors);
  }

  private Path socket() {
    return directory.resolve("control.sock");
  }

  private SocketChannel listen() throws Exception {
    SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket()));
    client.write(ByteBuffer.wrap("GET /events HTTP/1.0\r\n\r\n".getBytes(UTF_8)));
    readTo(client, "\r\n\r\n");
    // Answered behind the opening of the stream.
    assertThat(new ControlClient(socket()).request("GET", "/quick", "").status()).isPositive();
    return client;
  }

  private static String readTo(SocketChannel client, String end) throws Exception {
    StringBuilder text = new StringBuilder();
    ByteBuffer octet = ByteBuffer.allocate(1);
    while (text.indexOf(end) < 0) {
      assertThat(client.read(octet.clear())).as(text.toString()).isEqualTo(1);
      text.append((char) octet.get(0));
    }
    return text.toString();
  }

  @Test
  void everyListenerGetsWhatHappensFromThenOn() throws Exception {
    Events events = events();
    try (ControlServer _ = serve(events)) {
      events.publish(Kind.APPEARED, "vif1.0", "");
      try (SocketChannel first = listen();
          SocketChannel second = listen()) {
        events.publish(Kind.TAP_ADDED, "up0", "blue");
        events.publish(Kind.FAILED, "vif1.0", "x".repeat(2000) + "\n");
        for (SocketChannel each : List.of(first, second)) {
          assertThat(readTo(each, "\n\n"))
              .isEqualTo(
                  "event: tap-added\ndata: {\"time\":\"1970-01-01T00:00:01.500Z\","
                      + "\"event\":\"tap-added\",\"name\":\"up0\",\"detail\":\"blue\"}\n\n");
          assertThat(readTo(each, "\n\n")).contains("x".repeat(1000) + "\"}");
        }
      }
    }
    assertThat(errors.count()).isZero();
  }

  @Test
  void aListenerThatDoesNotReadIsToldHowMuchItLost() throws Exception {
    Events events = events();
    try (ControlServer _ = serve(events);
        SocketChannel slow = listen()) {
      int published = 20_000;
      for (int i = 0; i < published; i++) {
        events.publish(Kind.CONNECTED, "vif" + i, "x".repeat(500));
      }
      int told = 0;
      long lost = 0;
      while (told + lost < published) {
        String event = readTo(slow, "\n\n");
        if (event.startsWith("event: lost\n")) {
          lost += Long.parseLong(event.replaceAll("(?s).*\"detail\":\"([0-9]+)\".*", "$1"));
        } else {
          assertThat(event).contains("\"name\":\"vif" + (told + lost) + '"');
          told++;
        }
      }
      assertThat(lost).isPositive();
      events.publish(Kind.GONE, "vif1.0", "");
      assertThat(readTo(slow, "\n\n")).startsWith("event: gone\n");
    }
    assertThat(errors.count()).isZero();
  }

  @Test
  void aGuestThatComesAndGoesIsTold() throws Exception {
    Configuration configuration =
        new Configuration(
            new EmbeddedChoice(directory, false),
            socket(),
            1,
            ConfigurationFile.DEFAULT_LINGER_MICROS,
            Sections.DEFAULTS,
            List.of(new NetworkChoice("lan", 1024, Duration.ofMinutes(5), 64, List.of())),
            List.of());
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread reader = Thread.ofPlatform().unstarted(() -> read(lines));
    try (Daemon daemon = Daemon.start(configuration, errors)) {
      reader.start();
      // The stream has begun before the guest comes.
      assertThat(lines.take()).isEqualTo("open");
      try (StationGuest guest =
          StationGuest.start(
              daemon.ground().own().orElseThrow(), "g", "lan", "10.0.0.1", "fd00::1")) {
        guest.awaitConnected(Duration.ofSeconds(30));
        awaitEvent(lines, "connected");
      }
      awaitEvent(lines, "gone");
    }
    reader.join();
    assertThat(lines).contains("end");
    assertThat(errors.count()).isZero();
  }

  private void read(BlockingQueue<String> lines) {
    try (SocketChannel client = listen()) {
      lines.add("open");
      new BufferedReader(Channels.newReader(client, UTF_8)).lines().forEach(lines::add);
      lines.add("end");
    } catch (Exception e) {
      lines.add(e.toString());
    }
  }

  private static void awaitEvent(BlockingQueue<String> lines, String event)
      throws InterruptedException {
    while (!lines.take().equals("event: " + event)) {
      // Another.
    }
  }
}
