package org.netback.daemon.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.client.ControlClient;
import org.netback.client.ControlConnection;
import org.netback.daemon.Program;
import org.netback.loop.InternalErrors;

/// Answers that come as their data does, and connections of raw octets, with the JDK's own sockets
/// and curl at the other end.
@Timeout(60)
class ControlStreamTest {
  @TempDir Path directory = Path.of("");

  private Path socket = Path.of("");
  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  private final List<String> bugs = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(System::nanoTime, log::add);
  private final BlockingQueue<Hand> opened = new LinkedBlockingQueue<>();
  private final CountDownLatch mayAnswer = new CountDownLatch(1);
  private final List<AutoCloseable> open = new ArrayList<>();

  /// The daemon's end of a stream, led by the test.
  private class Hand implements Duplex {
    final CompletableFuture<Outlet> outlet = new CompletableFuture<>();
    final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    final CountDownLatch ended = new CountDownLatch(1);
    final CountDownLatch closed = new CountDownLatch(1);
    final BlockingQueue<Boolean> rooms = new LinkedBlockingQueue<>();

    @Override
    public void onOpen(Outlet given) {
      outlet.complete(given);
      opened.add(this);
    }

    @Override
    public void onOctets(byte[] octets) {
      received.add(new String(octets, UTF_8));
    }

    @Override
    public void onEnd() {
      ended.countDown();
    }

    @Override
    public void onRoom() {
      rooms.add(true);
    }

    @Override
    public void onClosed() {
      closed.countDown();
    }

    boolean write(String text) {
      return outlet.join().write(text.getBytes(UTF_8));
    }
  }

  /// Says what it has to and ends.
  private static final class Speech implements StreamSource {
    @Override
    public void onOpen(Outlet outlet) {
      for (String word : List.of("one\n", "", "two\n", "three\n")) {
        assertThat(outlet.write(word.getBytes(UTF_8))).isTrue();
      }
      outlet.close();
      assertThat(outlet.write(new byte[1])).isFalse();
    }

    @Override
    public void onRoom() {}

    @Override
    public void onClosed() {}
  }

  /// Writes numbered blocks of this length for as long as there is room, and goes on when there is
  /// again.
  private static final class Flood implements StreamSource {
    static final int BLOCK = 1000;

    private final AtomicLong taken = new AtomicLong();
    private final BlockingQueue<Long> stops = new LinkedBlockingQueue<>();
    private final CompletableFuture<Outlet> outlet = new CompletableFuture<>();

    @Override
    public void onOpen(Outlet given) {
      outlet.complete(given);
      onRoom();
    }

    @Override
    public void onRoom() {
      while (outlet.join().write(("%0" + BLOCK + "d").formatted(taken.get()).getBytes(UTF_8))) {
        taken.incrementAndGet();
      }
      stops.add(taken.get());
    }

    @Override
    public void onClosed() {}
  }

  private final Flood flood = new Flood();

  @BeforeEach
  void listen() throws IOException {
    socket = directory.resolve("control.sock");
    open.add(ControlServer.listen(socket, routes(), errors));
  }

  @AfterEach
  void close() throws Exception {
    mayAnswer.countDown();
    for (AutoCloseable part : open.reversed()) {
      part.close();
    }
    assertThat(log).extracting(report -> report.error().getMessage()).isEqualTo(bugs);
  }

  private Routes routes() {
    return new Routes()
        .add("GET", "/quick", (path, body) -> Reply.ok(Map.of("quick", true)))
        .add("GET", "/number/*", (path, body) -> Reply.ok(path.get(0)))
        .add("GET", "/speech", (path, body) -> Reply.stream("text/plain", new Speech()))
        .add("GET", "/hand", (path, body) -> Reply.events(new Hand()))
        .add("GET", "/flood", (path, body) -> Reply.stream("application/octet-stream", flood))
        .add("POST", "/talk", (path, body) -> Reply.upgrade("netback-talk", new Hand()))
        .add(
            "GET",
            "/greeting",
            (path, body) ->
                Reply.upgrade(
                    "netback-talk",
                    new Hand() {
                      @Override
                      public void onOpen(Outlet given) {
                        super.onOpen(given);
                        assertThat(given.write("hello".getBytes(UTF_8))).isTrue();
                      }
                    }))
        .add(
            "GET",
            "/bug",
            (path, body) ->
                Reply.events(
                    new Hand() {
                      @Override
                      public void onOpen(Outlet given) {
                        throw new AssertionError("planted");
                      }
                    }))
        .add(
            "GET",
            "/slow",
            (path, body) -> {
              try {
                mayAnswer.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              return Reply.ok(Map.of("slow", true));
            });
  }

  /// What is written at once is not taken for an answer in HTTP.
  @Test
  void aDuplexMaySpeakFirst() throws Exception {
    try (ControlConnection talk =
        new ControlClient(socket).upgrade("GET", "/greeting", "netback-talk")) {
      byte[] octets = new byte[5];
      int count = talk.read(octets);
      while (count < 5) {
        byte[] more = new byte[5];
        int next = talk.read(more);
        System.arraycopy(more, 0, octets, count, next);
        count += next;
      }
      assertThat(new String(octets, UTF_8)).isEqualTo("hello");
    }
  }

  private int status(String path) throws IOException {
    return new ControlClient(socket).request("GET", path, "").status();
  }

  private Hand hand() throws InterruptedException {
    return opened.take();
  }

  private SocketChannel connect() throws IOException {
    SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    open.add(client);
    return client;
  }

  private SocketChannel ask(String head) throws IOException {
    SocketChannel client = connect();
    send(client, head + "\r\nHost: x\r\n\r\n");
    return client;
  }

  private static void send(SocketChannel client, String text) throws IOException {
    ByteBuffer octets = ByteBuffer.wrap(text.getBytes(UTF_8));
    while (octets.hasRemaining()) {
      client.write(octets);
    }
  }

  /// Reads until this has come.
  private static String readTo(SocketChannel client, String end) throws IOException {
    StringBuilder text = new StringBuilder();
    ByteBuffer octet = ByteBuffer.allocate(1);
    while (text.indexOf(end) < 0) {
      octet.clear();
      assertThat(client.read(octet)).as(text.toString()).isEqualTo(1);
      text.append((char) octet.get(0));
    }
    return text.toString();
  }

  private static String readAll(SocketChannel client) throws IOException {
    StringBuilder text = new StringBuilder();
    ByteBuffer octets = ByteBuffer.allocate(1 << 16);
    while (client.read(octets.clear()) >= 0) {
      text.append(UTF_8.decode(octets.flip()));
    }
    return text.toString();
  }

  @Test
  void curlReadsAStreamToItsEnd() throws Exception {
    assertThat(curl("http://x/speech")).isEqualTo("one\ntwo\nthree\n");
    assertThat(curl("--http1.0", "http://x/speech")).isEqualTo("one\ntwo\nthree\n");
    assertThat(curl("-i", "http://x/speech"))
        .contains("HTTP/1.1 200 OK", "content-type: text/plain", "transfer-encoding: chunked");
  }

  private String curl(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("curl", "-s", "--unix-socket"));
    command.add(socket.toString());
    command.addAll(List.of(arguments));
    return Program.succeed(Duration.ofSeconds(20), command);
  }

  @Test
  void queriesAreAnsweredBesideStreamsAndSlowEndpoints() throws Exception {
    SocketChannel stream = ask("GET /hand HTTP/1.1");
    Hand hand = hand();
    SocketChannel slow = ask("GET /slow HTTP/1.1\r\nConnection: close");
    for (int i = 0; i < 10; i++) {
      assertThat(status("/quick")).isEqualTo(200);
    }
    assertThat(readTo(stream, "\r\n\r\n")).contains("text/event-stream");
    assertThat(hand.write("data: 1\n\n")).isTrue();
    assertThat(readTo(stream, "\n\n")).isEqualTo("9\r\ndata: 1\n\n");
    mayAnswer.countDown();
    assertThat(readAll(slow)).contains("slow");
    hand.outlet.join().close();
    assertThat(readAll(stream)).isEqualTo("\r\n0\r\n\r\n");
    hand.closed.await();
  }

  @Test
  void aSlowReaderHasNoMoreThanABoundWrittenAndLosesNothing() throws Exception {
    SocketChannel client = ask("GET /flood HTTP/1.0");
    long before = flood.stops.take();
    // The kernel's buffers between are part of it.
    assertThat(before * Flood.BLOCK).isLessThan(2 << 20);
    readTo(client, "\r\n\r\n");
    ByteBuffer block = ByteBuffer.allocate(Flood.BLOCK);
    for (int i = 0; i < 2 * before + 1000; i++) {
      block.clear();
      while (block.hasRemaining()) {
        assertThat(client.read(block)).isPositive();
      }
      assertThat(Long.parseLong(UTF_8.decode(block.flip()).toString())).isEqualTo(i);
    }
    assertThat(flood.taken.get()).isGreaterThan(before);
    assertThat(status("/quick")).isEqualTo(200);
  }

  @Test
  void aStreamHearsOfItsClientsEnd() throws Exception {
    SocketChannel client = ask("GET /hand HTTP/1.1");
    Hand hand = hand();
    client.close();
    hand.closed.await();
    assertThat(hand.write("x")).isFalse();

    ask("GET /hand HTTP/1.1").shutdownOutput();
    hand().closed.await();
  }

  @Test
  void aClientThatGoesInTheMidstOfAFloodHarmsNobody() throws Exception {
    SocketChannel client = ask("GET /flood HTTP/1.1");
    flood.stops.take();
    client.close();
    assertThat(status("/quick")).isEqualTo(200);
  }

  @Test
  void octetsGoBothWaysAfterAnUpgrade() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    send(client, "GET / HTTP/1.1\r\n\r\n");
    assertThat(hand.received.take()).isEqualTo("GET / HTTP/1.1\r\n\r\n");
    assertThat(hand.write("login: ")).isTrue();
    assertThat(readTo(client, ": ")).isEqualTo("login: ");

    client.shutdownOutput();
    hand.ended.await();
    assertThat(hand.write("still there")).isTrue();
    assertThat(readTo(client, "there")).isEqualTo("still there");
    assertThat(hand.closed.getCount()).isEqualTo(1);
    hand.outlet.join().end();
    assertThat(readAll(client)).isEmpty();
    hand.closed.await();
  }

  private SocketChannel upgraded() throws IOException {
    SocketChannel client =
        ask("POST /talk HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: netback-talk");
    assertThat(readTo(client, "\r\n\r\n"))
        .startsWith("HTTP/1.1 101 Switching Protocols\r\n")
        .contains("upgrade: netback-talk\r\n", "connection: upgrade\r\n");
    return client;
  }

  @Test
  void theDaemonMayEndItsHalfFirst() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    assertThat(hand.write("bye")).isTrue();
    hand.outlet.join().end();
    assertThat(readAll(client)).isEqualTo("bye");
    send(client, "one more");
    assertThat(hand.received.take()).isEqualTo("one more");
    assertThat(hand.closed.getCount()).isEqualTo(1);
    client.shutdownOutput();
    hand.ended.await();
    hand.closed.await();
  }

  @Test
  void anUpgradedConnectionHearsOfItsClientsEnd() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    client.close();
    hand.ended.await();
    while (hand.write("is anybody there?")) {
      Thread.onSpinWait();
    }
    hand.closed.await();
  }

  @Test
  void aPausedConnectionIsHandedNothingUntilItGoesOn() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    hand.outlet.join().pause();
    send(client, "first");
    client.shutdownOutput();
    assertThat(status("/quick")).isEqualTo(200); // the loop has been round
    assertThat(hand.received.size()).isLessThanOrEqualTo(1);
    assertThat(hand.ended.getCount()).isEqualTo(1);
    hand.outlet.join().resume();
    hand.ended.await();
    assertThat(String.join("", hand.received)).isEqualTo("first");
  }

  @Test
  void aClientThatDoesNotReadAnUpgradedConnectionIsWaitedFor() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    long written = writeUntilTheClientIsWaitedFor(hand);
    assertThat(written).isLessThan(2 << 20);
    ByteBuffer octets = ByteBuffer.allocate(1 << 16);
    for (long left = written; left > 0; ) {
      left -= client.read(octets.clear());
    }
    hand.rooms.take();
    assertThat(hand.write("more")).isTrue();
  }

  /// Until even a loop that has nothing else to do finds no room.
  private long writeUntilTheClientIsWaitedFor(Hand hand) throws IOException {
    byte[] block = new byte[10_000];
    Outlet outlet = hand.outlet.join();
    long written = 0;
    while (true) {
      int before = (int) (written / block.length);
      while (outlet.write(block)) {
        written += block.length;
      }
      assertThat(status("/quick")).isEqualTo(200);
      if (written / block.length == before) {
        hand.rooms.clear();
        return written;
      }
    }
  }

  /// The loop then waits for nothing of the client's but room.
  @Test
  void aClientThatHasEndedItsHalfIsStillWaitedFor() throws Exception {
    SocketChannel client = upgraded();
    Hand hand = hand();
    client.shutdownOutput();
    hand.ended.await();
    long written = writeUntilTheClientIsWaitedFor(hand);
    ByteBuffer octets = ByteBuffer.allocate(1 << 16);
    for (long left = written; left > 0; ) {
      int count = client.read(octets.clear());
      assertThat(count).isPositive();
      left -= count;
    }
    hand.rooms.take();
    hand.outlet.join().end();
    hand.closed.await();
  }

  @Test
  void aRequestThatNamesNoUpgradeIsToldWhichItTakes() throws Exception {
    assertThat(curl("-i", "-X", "POST", "http://x/talk"))
        .startsWith("HTTP/1.1 426 Upgrade Required\r\n")
        .contains("upgrade: netback-talk\r\n", "it takes \\\"Upgrade: netback-talk\\\"");
    assertThat(
            curl(
                "-i",
                "-X",
                "POST",
                "-H",
                "Connection: Upgrade",
                "-H",
                "Upgrade: x",
                "http://x/talk"))
        .startsWith("HTTP/1.1 426 ");
    assertThat(opened).isEmpty();
  }

  @Test
  void octetsThatComeBeforeTheUpgradeEndTheConnection() throws Exception {
    SocketChannel client = connect();
    send(
        client,
        String.join(
            "\r\n",
            "POST /talk HTTP/1.1",
            "Connection: Upgrade",
            "Upgrade: netback-talk",
            "",
            "ls",
            "exit",
            ""));
    hand().closed.await();
    readAll(client);
  }

  @Test
  void requestsThatAreSentAheadAreAnsweredInTurn() throws Exception {
    SocketChannel client = connect();
    StringBuilder requests = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      requests.append("GET /number/").append(i).append(" HTTP/1.1\r\n\r\n");
    }
    send(client, requests.toString());
    client.shutdownOutput();
    List<String> numbers = readAll(client).lines().filter(line -> line.startsWith("\"")).toList();
    assertThat(numbers).hasSize(100).startsWith("\"0\"", "\"1\"").endsWith("\"99\"");
  }

  @Test
  void moreClientsThanTheBoundAreRefusedUntilOneGoes() throws Exception {
    for (int i = 0; i < ControlServer.MAX_CLIENTS; i++) {
      connect();
    }
    assertThat(readAll(connect())).startsWith("HTTP/1.1 503 ").contains("256 clients already");
    for (AutoCloseable client : open.subList(1, open.size())) {
      client.close();
    }
    ControlClient.Response response;
    do {
      response = new ControlClient(socket).request("GET", "/quick", "");
    } while (response.status() == 503);
    assertThat(response.status()).isEqualTo(200);
  }

  @Test
  void aBugInAStreamEndsItAndNothingElse() throws Exception {
    assertThat(readAll(ask("GET /bug HTTP/1.1"))).doesNotEndWith("0\r\n\r\n");
    bugs.add("planted");
    assertThat(status("/quick")).isEqualTo(200);
  }

  @Test
  void theServersEndAnswersWhatIsUnderWayAndEndsStreamsInOrder() throws Exception {
    SocketChannel stream = ask("GET /hand HTTP/1.1");
    SocketChannel slow = ask("GET /slow HTTP/1.1");
    SocketChannel talk = upgraded();
    Hand first = hand();
    Hand second = hand();
    assertThat(status("/quick")).isEqualTo(200); // so the slow request has been read
    CompletableFuture<Void> closed =
        CompletableFuture.runAsync(
            () -> {
              try {
                open.removeFirst().close();
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            });
    mayAnswer.countDown();
    closed.get(30, TimeUnit.SECONDS);
    assertThat(readAll(slow)).contains("\"slow\" : true");
    assertThat(readAll(stream)).endsWith("\r\n0\r\n\r\n");
    assertThat(readAll(talk)).isEmpty();
    first.closed.await();
    second.closed.await();
    assertThat(first.write("late")).isFalse();
    first.outlet.join().close();
    second.outlet.join().resume();
  }
}
