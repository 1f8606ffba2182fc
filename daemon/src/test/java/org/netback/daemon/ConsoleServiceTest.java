package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.netback.adapters.tap.NetworkLab.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
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

  /// Of a test in which a slow client loses output; in all others the guest waits for it.
  private static final String DISCARD = "discard";

  @BeforeEach
  void start(TestInfo test) throws Exception {
    Path file = directory.resolve("netback.yaml");
    Files.writeString(
        file,
        """
        ground: {kind: embedded, run: run}
        control: c.sock
        consoles: {overflow: %s, log: %s, sockets: %s}
        """
            .formatted(
                test.getTags().contains(DISCARD) ? DISCARD : "keep",
                directory.resolve("log"),
                sockets()));
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

  private Path sockets() {
    return directory.resolve("s");
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
        .contains("there is no console none; there are web (console" + domain.domid() + ".0)");
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

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(sockets().resolve("guest-web.sock")));
  }

  private static String read(SocketChannel console, int length) throws IOException {
    ByteBuffer octets = ByteBuffer.allocate(length);
    while (octets.hasRemaining()) {
      assertThat(console.read(octets)).isPositive();
    }
    return new String(octets.array(), StandardCharsets.UTF_8);
  }

  private static void write(SocketChannel console, String text) throws IOException {
    ByteBuffer octets = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (octets.hasRemaining()) {
      console.write(octets);
    }
  }

  private void awaitClients(int number) throws Exception {
    String names = "\"client ";
    await(
        number + " clients",
        () -> {
          String list = client.request("GET", "/consoles", "").body();
          String viewers = list.substring(list.indexOf("viewers"));
          return viewers.split(names, -1).length - 1 == number;
        });
  }

  /// Text for a terminal that the guest may not write to, in the guest's UTF-8.
  @Test
  void theLogIsTextAndCanBeFollowed() throws Exception {
    put("\033[1mgr\u00fc\u00df\033[0m\n");
    await(
        "the log",
        () -> client.request("GET", "/consoles/web/past", "").body().contains("gr\u00fc\u00df\\n"));
    StringBuilder followed = new StringBuilder();
    CompletableFuture<Void> end =
        CompletableFuture.runAsync(
            () -> {
              try {
                client.stream(
                    "GET",
                    "/consoles/web/follow",
                    "",
                    (octets, offset, length) -> {
                      synchronized (followed) {
                        followed.append(
                            new String(octets, offset, length, StandardCharsets.ISO_8859_1));
                      }
                    });
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            Thread.ofPlatform().daemon()::start);
    awaitFollowed(followed, "gr\u00c3\u00bc\u00c3\u009f\n");
    put("\033]0;tit");
    put("le\007more\n");
    awaitFollowed(followed, "gr\u00c3\u00bc\u00c3\u009f\nmore\n");
    assertThat(end).isNotDone();
    domain.close();
    end.get(30, TimeUnit.SECONDS);
  }

  @Test
  @Tag(DISCARD)
  void whoFollowsTooSlowlyIsToldHowMuchIsMissing() throws Exception {
    CountDownLatch reads = new CountDownLatch(1);
    StringBuilder followed = new StringBuilder();
    CompletableFuture<Void> end =
        CompletableFuture.runAsync(
            () -> {
              try {
                client.stream(
                    "GET",
                    "/consoles/web/follow",
                    "",
                    (octets, offset, length) -> {
                      awaitQuietly(reads);
                      followed.append(
                          new String(octets, offset, length, StandardCharsets.US_ASCII));
                    });
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            Thread.ofPlatform().daemon()::start);
    await("the reader", () -> client.request("GET", "/consoles", "").body().contains("reader "));
    String line = "0123456789".repeat(100) + "\n";
    for (int i = 0; i < 2000; i++) {
      put(line);
    }
    put("the end\n");
    reads.countDown();
    await(
        "the end",
        () -> client.request("GET", "/consoles/web/past", "").body().contains("the end"));
    domain.close();
    end.get(30, TimeUnit.SECONDS);
    assertThat(followed).endsWith("the end\n");
    Matcher gap = Pattern.compile("\\n\\[(\\d+) octets are missing here]\\n").matcher(followed);
    long missing = 0;
    int gaps = 0;
    while (gap.find()) {
      missing += Long.parseLong(gap.group(1));
      gaps += gap.group().length();
    }
    assertThat(missing).isPositive();
    assertThat(followed.length() - gaps + missing).isEqualTo(2000L * line.length() + 8);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void awaitFollowed(StringBuilder followed, String text) throws Exception {
    await(
        text,
        () -> {
          synchronized (followed) {
            return followed.toString().equals(text);
          }
        });
  }

  @Test
  void aSocketCarriesOctetsBothWays() throws Exception {
    Path path = sockets().resolve("guest-web.sock");
    assertThat(Files.getPosixFilePermissions(path)).hasToString("[OWNER_READ, OWNER_WRITE]");
    put("before ");
    await(
        "the log", () -> client.request("GET", "/consoles/web/past", "").body().contains("before"));
    try (SocketChannel first = connect()) {
      put("login: ");
      assertThat(read(first, 14)).isEqualTo("before login: ");
      write(first, "root\r");
      assertThat(take(5)).isEqualTo("root\r");
      try (SocketChannel second = connect()) {
        awaitClients(2);
        put("both");
        assertThat(read(first, 4)).isEqualTo("both");
        assertThat(read(second, 18)).isEqualTo("before login: both");
        write(first, "ignored");
        write(second, "x");
        assertThat(take(1)).isEqualTo("x");
      }
      awaitClients(1);
      write(first, "y");
      assertThat(take(1)).isEqualTo("y");
    }
    awaitClients(0);
    domain.close();
    await("the socket to be gone", () -> Files.notExists(path));
  }

  @Test
  void aSocketTakesNoMoreClientsThanItsBound() throws Exception {
    List<SocketChannel> clients = new ArrayList<>();
    try {
      for (int i = 0; i < ConsoleSockets.MAX_CLIENTS; i++) {
        clients.add(connect());
      }
      awaitClients(ConsoleSockets.MAX_CLIENTS);
      try (SocketChannel late = connect()) {
        assertThat(read(late, 30)).isEqualTo("there are 16 clients already\r\n");
        assertThat(late.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      }
    } finally {
      for (SocketChannel each : clients) {
        each.close();
      }
    }
    awaitClients(0);
  }

  @Test
  void aFileWhereASocketIsToBeStaysAndItsConsoleIsServed() throws Exception {
    Path taken = Files.writeString(sockets().resolve("guest-taken.sock"), "kept");
    try (LogCapture log = LogCapture.start();
        GuestDomain other =
            daemon
                .ground()
                .own()
                .orElseThrow()
                .createDomain(new GuestSpec("taken", new DomainSize(1, 10), List.of()))) {
      EventChannel _ = other.openConsole(loop, () -> true);
      await("the console", () -> client.request("GET", "/consoles", "").body().contains("taken"));
      assertThat(log.lines("has no socket"))
          .singleElement()
          .asString()
          .startsWith("WARN a console has no socket: " + taken + " is a");
      assertThat(taken).hasContent("kept");
    }
    daemon.close();
    assertThat(taken).hasContent("kept");
    try (Stream<Path> left = Files.list(sockets())) {
      assertThat(left).containsExactly(taken);
    }
  }

  /// Who types no more, and has sent what the guest does not take, is not kept for that.
  @Test
  void aClientThatIsNoLongerTheWriterIsMissedWhenItGoes() throws Exception {
    SocketChannel first = connect();
    awaitClients(1);
    first.configureBlocking(false);
    ByteBuffer much = ByteBuffer.allocate(1 << 16);
    for (int stuck = 0; stuck < 100; stuck++) {
      // Until the guest's 64 KiB of input and the connection are full.
      stuck = first.write(much.clear()) > 0 ? 0 : stuck;
      client.request("GET", "/consoles", "");
    }
    try (SocketChannel _ = connect()) {
      awaitClients(2);
      first.close();
      awaitClients(1);
    }
    awaitClients(0);
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

  @Test
  void aSocketsClientsEndWithTheirGuestToo() throws Exception {
    try (SocketChannel console = connect()) {
      put("bye");
      assertThat(read(console, 3)).isEqualTo("bye");
      domain.close();
      assertThat(console.read(ByteBuffer.allocate(10))).isEqualTo(-1);
    }
  }

  /// The last words of a guest are those that somebody wants to read.
  @Test
  void losesNothingToAClientThatReadsWhenItsGuestHasGone() throws Exception {
    try (ControlConnection slow = attach("look")) {
      awaitViewer("reader ");
      byte[] block = new byte[1024];
      String list = "\"held\" : 0";
      while (list.contains("\"held\" : 0")) {
        int _ = front.put(block, 0, block.length);
        list = client.request("GET", "/consoles", "").body();
      }
      int taken = Integer.parseInt(list.replaceAll("(?s).*\"fromGuest\" : ([0-9]+).*", "$1"));
      domain.close();
      await(
          "the console to be gone",
          () -> !client.request("GET", "/consoles", "").body().contains("web"));
      int read = 0;
      byte[] some = new byte[1 << 16];
      for (int count = slow.read(some); count >= 0; count = slow.read(some)) {
        read += count;
      }
      assertThat(read).isEqualTo(taken);
    }
  }

  private void awaitViewer(String kind) throws Exception {
    await("a " + kind, () -> client.request("GET", "/consoles", "").body().contains('"' + kind));
  }
}
