package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.adapters.tap.NetworkLab.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.client.ControlClient;
import org.netback.client.ControlConnection;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.Consfront;

/// A daemon with a guest's console, by its control API.
@Timeout(120)
final class ConsoleServiceTest {
  @TempDir private Path directory;
  private final NettyLoop loop = NettyLoop.start("guest");
  private final Semaphore events = new Semaphore(0);
  private Daemon daemon;
  private ControlClient client;
  private GuestDomain domain;
  private Consfront front;

  @BeforeEach
  void start() throws Exception {
    Path file = directory.resolve("netback.yaml");
    Files.writeString(
        file,
        """
        ground: {kind: embedded, run: run}
        control: c.sock
        consoles: {overflow: keep, log: %s}
        """
            .formatted(directory.resolve("log")));
    daemon = Daemon.start(ConfigurationFile.read(file));
    client = new ControlClient(directory.resolve("c.sock"));
    EmbeddedGround ground = daemon.ground().own().orElseThrow();
    domain = ground.createDomain(new GuestSpec("web", new DomainSize(1, 10), List.of()));
    EventChannel channel =
        domain.openConsole(
            loop,
            () -> {
              events.release();
              return true;
            });
    front = Consfront.attach(domain.consolePage(), channel);
    await("the console", () -> client.request("GET", "/consoles", "").body().contains("web"));
  }

  @AfterEach
  void stop() {
    domain.close();
    daemon.close();
    loop.close();
  }

  private void put(String text) throws Exception {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    for (int at = 0; at < octets.length; ) {
      int count = front.put(octets, at, octets.length - at);
      at += count;
      if (count == 0) {
        events.acquire();
      }
    }
  }

  private String take(int length) throws Exception {
    byte[] some = new byte[length];
    StringBuilder taken = new StringBuilder();
    while (taken.length() < length) {
      int count = front.take(some);
      taken.append(new String(some, 0, count, StandardCharsets.UTF_8));
      if (count == 0) {
        events.acquire();
      }
    }
    return taken.toString();
  }

  private static String read(ControlConnection console, int length) throws IOException {
    byte[] some = new byte[4096];
    StringBuilder text = new StringBuilder();
    while (text.length() < length) {
      int count = console.read(some);
      assertThat(count).isPositive();
      text.append(new String(some, 0, count, StandardCharsets.UTF_8));
    }
    return text.toString();
  }

  private static void write(ControlConnection console, String text) throws IOException {
    console.write(text.getBytes(StandardCharsets.UTF_8), 0, text.length());
  }

  private ControlConnection attach(String how) throws IOException {
    return client.upgrade("GET", "/consoles/web/" + how, "netback-console");
  }

  @Test
  void aClientSeesAndTypes() throws Exception {
    put("before ");
    await(
        "the log", () -> client.request("GET", "/consoles/web/past", "").body().contains("before"));
    try (ControlConnection console = attach("attach");
        ControlConnection reader = attach("look")) {
      put("login: ");
      assertThat(read(console, 14)).isEqualTo("before login: ");
      assertThat(read(reader, 14)).isEqualTo("before login: ");
      write(reader, "ignored");
      write(console, "root\r");
      assertThat(take(5)).isEqualTo("root\r");
      String list = client.request("GET", "/consoles", "").body();
      assertThat(list).contains("\"writer\" : \"client ").contains("reader ");
    }
    await(
        "the clients to be gone",
        () -> !client.request("GET", "/consoles", "").body().contains("\"client "));
    assertThat(Files.readString(directory.resolve("log/guest-web.log")))
        .isEqualTo("before login: ");
  }

  @Test
  void theLastWhoAttachesTypes() throws Exception {
    try (ControlConnection first = attach("attach")) {
      await(
          "the first",
          () -> client.request("GET", "/consoles", "").body().contains("\"writer\" : \"client "));
      write(first, "a");
      assertThat(take(1)).isEqualTo("a");
      try (ControlConnection second = attach("attach")) {
        await(
            "two clients",
            () -> client.request("GET", "/consoles", "").body().split("\"client ", -1).length == 4);
        write(first, "b");
        write(second, "c");
        assertThat(take(1)).isEqualTo("c");
      }
      await(
          "one client",
          () -> client.request("GET", "/consoles", "").body().split("\"client ", -1).length == 3);
      write(first, "d");
      assertThat(take(1)).isEqualTo("d");
    }
  }

  @Test
  void aTextIsSent() throws Exception {
    assertThat(client.request("POST", "/consoles/web/0/input", "x").status()).isEqualTo(404);
    assertThat(client.request("POST", "/consoles/web%2F0/input", "uname\r").body())
        .isEqualTo("{\n  \"sent\" : 6\n}\n");
    assertThat(take(6)).isEqualTo("uname\r");
    assertThat(client.request("POST", "/consoles/none/input", "x").body())
        .contains("there is no console none; there are console" + domain.domid() + ".0");
  }

  /// A client that does not read holds the guest back, where nothing may be lost, and nobody else.
  @Test
  void losesNothingToAClientThatReadsLate() throws Exception {
    String text = "0123456789abcdef".repeat(32 * 1024);
    try (ControlConnection slow = attach("look")) {
      Thread guest =
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    try {
                      put(text);
                    } catch (Exception e) {
                      throw new IllegalStateException(e);
                    }
                  });
      await(
          "the guest to be held",
          () -> !client.request("GET", "/consoles", "").body().contains("\"held\" : 0"));
      assertThat(guest.isAlive()).isTrue();
      assertThat(read(slow, text.length())).isEqualTo(text);
      guest.join();
    }
  }

  @Test
  void clientsEndWithTheirGuest() throws Exception {
    try (ControlConnection console = attach("attach")) {
      put("bye");
      assertThat(read(console, 3)).isEqualTo("bye");
      domain.close();
      assertThat(console.read(new byte[10])).isEqualTo(-1);
    }
  }
}
