package org.netback.xen.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.netty.NettyLoop;

/// The client against a xenstored that keeps to the protocol's letter only, or not even that.
@Timeout(60)
class StoreClientTest {
  @TempDir private Path dir = Path.of("/");
  private final NettyLoop loop = NettyLoop.start("store-client-test");
  private final ExecutorService watchers = Executors.newSingleThreadExecutor();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
    loop.close();
    watchers.shutdownNow();
  }

  @Test
  void matchesRepliesThatComeInAnotherOrder() throws Exception {
    List<StoreMessage> held = new ArrayList<>();
    StoreClient client =
        connect(
            (request, peer) -> {
              held.add(request);
              if (held.size() == 3) {
                for (StoreMessage late : held.reversed()) {
                  peer.event("/unasked", "no such token");
                  peer.reply(late, "value of " + late.strings().getFirst());
                }
              }
            });
    List<CompletableFuture<Optional<String>>> reads = new ArrayList<>();
    try (ExecutorService callers = Executors.newFixedThreadPool(3)) {
      for (String path : List.of("/a", "/b", "/c")) {
        reads.add(CompletableFuture.supplyAsync(() -> read(client, path), callers));
      }
      assertThat(reads.stream().map(CompletableFuture::join).map(Optional::orElseThrow))
          .containsExactly("value of /a", "value of /b", "value of /c");
    }
  }

  @Test
  void takesRelativePathsFromItsHome() throws Exception {
    StoreClient client = connect((request, peer) -> peer.reply(request, request.payload()));

    assertThat(client.read("backend/vif")).contains("/local/domain/0/backend/vif\0");
    assertThat(client.read("/abs")).contains("/abs\0");
  }

  /// xenstored looks for a path without a slash below the domain that it takes the connection for.
  @Test
  void learnsFromXenstoredInWhichDomainItIsAtHome() throws Exception {
    StoreClient client =
        connectAtHome(
            (request, peer) ->
                peer.reply(request, request.payload().equals("domid\0") ? "5" : request.payload()));

    assertThat(client.domid()).isEqualTo(5);
    assertThat(client.read("backend/vif")).contains("/local/domain/5/backend/vif\0");
  }

  @Test
  void takesADomainForDom0ThatNobodyHasTold() throws Exception {
    StoreClient client = connectAtHome((request, peer) -> peer.refuse(request, "ENOENT"));

    assertThat(client.domid()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "five", "-1", "123456"})
  void isAtHomeInNoDomainThatIsNone(String domid) {
    assertThatThrownBy(() -> connectAtHome((request, peer) -> peer.reply(request, domid)))
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("EIO");
  }

  @Test
  void namesTheErrorAndThePath() throws Exception {
    StoreClient client = connect((request, peer) -> peer.refuse(request, "EACCES"));

    assertThatThrownBy(() -> client.read("/secret"))
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("/secret")
        .satisfies(e -> assertThat(((StoreException) e).error()).isEqualTo("EACCES"));
  }

  @Test
  void takesAMissingNodeForNone() throws Exception {
    StoreClient client = connect((request, peer) -> peer.refuse(request, "ENOENT"));

    assertThat(client.read("/none")).isEmpty();
    assertThat(client.directory("/none")).isEmpty();
    client.remove("/none");
  }

  @Test
  void readsALongDirectoryInPartsAndAgainIfItChangedBetween() throws Exception {
    AtomicInteger parts = new AtomicInteger();
    StoreClient client =
        connect(
            (request, peer) -> {
              if (request.type() == StoreOperation.DIRECTORY.type()) {
                peer.refuse(request, "E2BIG");
                return;
              }
              String offset = request.strings().get(1);
              switch (parts.getAndIncrement()) {
                case 0 -> {
                  assertThat(offset).isEqualTo("0");
                  peer.reply(request, "7\0one\0");
                }
                case 1 -> {
                  assertThat(offset).isEqualTo("4");
                  peer.reply(request, "8\0two\0\0");
                }
                case 2 -> peer.reply(request, "8\0three\0");
                case 3 -> {
                  assertThat(offset).isEqualTo("6");
                  peer.reply(request, "8\0four\0\0");
                }
                default -> peer.hangUp();
              }
            });

    assertThat(client.directory("/long")).containsExactly("three", "four");
  }

  @Test
  void runsATransactionAgainWhenAnotherCameBetween() throws Exception {
    AtomicInteger ends = new AtomicInteger();
    AtomicInteger bodies = new AtomicInteger();
    StoreClient client =
        connect(
            (request, peer) -> {
              if (request.type() == StoreOperation.TRANSACTION_START.type()) {
                peer.reply(request, "4294967295\0");
              } else if (request.type() == StoreOperation.TRANSACTION_END.type()) {
                assertThat(request.payload()).isEqualTo("T\0");
                if (ends.incrementAndGet() < 3) {
                  peer.refuse(request, "EAGAIN");
                } else {
                  peer.reply(request, "OK\0");
                }
              } else {
                peer.reply(request, "in " + Integer.toUnsignedString(request.transactionId()));
              }
            });

    String read =
        client.transaction(
            within -> {
              bodies.incrementAndGet();
              return within.read("/x").orElseThrow();
            });

    assertThat(read).isEqualTo("in 4294967295");
    assertThat(bodies).hasValue(3);
  }

  @Test
  void givesUpATransactionThatNeverGetsThrough() throws Exception {
    StoreClient client =
        connect(
            (request, peer) -> {
              if (request.type() == StoreOperation.TRANSACTION_START.type()) {
                peer.reply(request, "1\0");
              } else {
                peer.refuse(request, "EAGAIN");
              }
            });

    assertFails("EAGAIN", () -> client.transaction(within -> "done"));
  }

  @Test
  void dropsATransactionWhoseBodyFails() throws Exception {
    CompletableFuture<String> end = new CompletableFuture<>();
    StoreClient client =
        connect(
            (request, peer) -> {
              if (request.type() == StoreOperation.TRANSACTION_END.type()) {
                end.complete(request.payload());
              }
              peer.reply(request, "1\0");
            });

    assertThatThrownBy(
            () ->
                client.transaction(
                    within -> {
                      throw new IllegalStateException("body");
                    }))
        .hasMessage("body");
    assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo("F\0");
  }

  @Test
  void refusesToUseATransactionThatIsOver() throws Exception {
    StoreClient client = connect((request, peer) -> peer.reply(request, "1\0"));
    XenStore escaped = client.transaction(within -> within);

    assertThatThrownBy(() -> escaped.read("/x")).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void tellsWatchersOnTheExecutorThatMayMakeCalls() throws Exception {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    StoreClient client =
        connect(
            (request, peer) -> {
              if (request.type() == StoreOperation.WATCH.type()) {
                // Events may overtake the reply.
                peer.event(request.strings().get(0), request.strings().get(1));
                peer.reply(request, "OK\0");
                peer.event("/a/b", request.strings().get(1));
              } else {
                peer.reply(request, "value");
              }
            });
    XenStore.Watch watch =
        client.watch("/a", path -> told.add(path + '=' + read(client, path).orElseThrow()));

    assertThat(told.poll(30, TimeUnit.SECONDS)).isEqualTo("/a=value");
    assertThat(told.poll(30, TimeUnit.SECONDS)).isEqualTo("/a/b=value");
    watch.close();
    watch.close();
  }

  @Test
  void refusesWhatWouldHaveTheConnectionKilled() throws Exception {
    StoreClient client = connect((request, peer) -> peer.reply(request, "OK\0"));

    assertFails("E2BIG", () -> client.write("/a", "x".repeat(4096)));
    assertFails("EINVAL", () -> client.write("/a", "€"));
    assertFails("EINVAL", () -> client.write("/a\0b", ""));
    assertFails("EINVAL", () -> client.read("/" + "a".repeat(3072)));
    client.write("/a", "x".repeat(4093));
  }

  @Test
  void endsWaitingAndLaterCallsWhenXenstoredHangsUp() throws Exception {
    StoreClient client = connect((request, peer) -> peer.hangUp());

    assertFails("ENOTCONN", () -> client.read("/a"));
    assertFails("ENOTCONN", () -> client.read("/b"));
    assertThat(client.closed().toCompletableFuture().get(30, TimeUnit.SECONDS))
        .isEqualTo("closed by xenstored");
  }

  @Test
  void endsAConnectionThatSendsNonsense() throws Exception {
    StoreClient client =
        connect(
            (request, peer) -> {
              ByteBuffer header = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
              header.putInt(12, 5000);
              peer.sendOctets(header);
            });

    assertFails("ENOTCONN", () -> client.read("/a"));
  }

  @Test
  void ignoresRepliesThatNobodyWaitsFor() throws Exception {
    StoreClient client =
        connect(
            (request, peer) -> {
              peer.send(new StoreMessage(2, request.requestId() + 1000, 0, "stray"));
              peer.send(new StoreMessage(15, 0, 0, "no token"));
              peer.reply(request, "right");
              peer.reply(request, "twice");
            });

    assertThat(client.read("/a")).contains("right");
    assertThat(client.read("/b")).contains("right");
  }

  @Test
  void refusesCallsOnTheThreadThatDelivers() throws Exception {
    StoreClient client = connect((request, peer) -> peer.reply(request, "value"));
    client.read("/a");
    CompletableFuture<Throwable> thrown = new CompletableFuture<>();
    loop.execute(
        () -> {
          try {
            read(client, "/b");
          } catch (IllegalStateException e) {
            thrown.complete(e);
          }
        });

    assertThat(thrown.get(30, TimeUnit.SECONDS)).hasMessageContaining("transport's thread");
  }

  @Test
  void saysWhichSocketDidNotAnswer() {
    assertThatThrownBy(() -> UnixStoreTransport.connect(loop, dir.resolve("none")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(dir.resolve("none").toString());
  }

  private StoreClient connectAtHome(ScriptedXenstored.Script script) throws IOException {
    Path socket = dir.resolve("s");
    open.add(ScriptedXenstored.listen(socket, script));
    StoreClient client =
        StoreClient.start(UnixStoreTransport.connect(loop, socket), watchers, loop.errors());
    open.add(client);
    return client;
  }

  private StoreClient connect(ScriptedXenstored.Script script) throws IOException {
    Path socket = dir.resolve("s");
    open.add(ScriptedXenstored.listen(socket, script));
    StoreClient client =
        StoreClient.start(
            UnixStoreTransport.connect(loop, socket), "/local/domain/0", watchers, loop.errors());
    open.add(client);
    return client;
  }

  private static Optional<String> read(XenStore store, String path) {
    try {
      return store.read(path);
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertFails(String error, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(StoreException.class)
        .satisfies(e -> assertThat(((StoreException) e).error()).isEqualTo(error));
  }
}
