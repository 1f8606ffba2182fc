package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// The real store, by both of its ways.
final class Dom0StoreTest {
  private static final String DIRECTORY = "/local/domain/0/netback-test";

  private final NettyLoop loop = NettyLoop.start("store");
  private final ExecutorService watchers = Executors.newSingleThreadExecutor();

  @BeforeEach
  void assumeXen() {
    Devices.assume(Gntdev.PATH, KernelStoreTransport.PATH);
  }

  @AfterEach
  void close() {
    loop.close();
    watchers.shutdownNow();
  }

  @Test
  void talksThroughXenstoredsSocket() throws Exception {
    try (Backend ground = Dom0Ground.open(Map.of(), loop.errors())) {
      converse(ground.store());
      assertThat(ground.lost().toCompletableFuture()).isNotDone();
    }
  }

  @Test
  void talksThroughTheKernelsDevice() throws Exception {
    StoreClient client =
        StoreClient.start(
            KernelStoreTransport.open(loop), "/local/domain/0", watchers, loop.errors());
    converse(client);
    client.close();
    assertThat(client.closed().toCompletableFuture().get(1, TimeUnit.MINUTES))
        .isEqualTo("closed by this side");
    assertThatThrownBy(() -> client.read("/")).isInstanceOf(StoreException.class);
  }

  @Test
  void namesTheSocketThatNobodyListensOn() {
    assertThatThrownBy(
            () -> Dom0Ground.open(Map.of("XENSTORED_PATH", "/run/nobody"), loop.errors()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("/run/nobody");
    assertThat(Dom0Ground.storeSocket(Map.of("XENSTORED_PATH", "/run/nobody")))
        .contains(Path.of("/run/nobody"));
  }

  private static void converse(XenStore store) throws Exception {
    store.remove(DIRECTORY);
    BlockingQueue<String> changes = new LinkedBlockingQueue<>();
    XenStore.Watch watch = store.watch(DIRECTORY, changes::add);
    assertThat(changes.poll(1, TimeUnit.MINUTES)).isEqualTo(DIRECTORY);
    store.write(DIRECTORY + "/key", "value");
    assertThat(changes.poll(1, TimeUnit.MINUTES)).isEqualTo(DIRECTORY + "/key");
    assertThat(store.read(DIRECTORY + "/key")).contains("value");
    assertThat(store.read(DIRECTORY + "/other")).isEmpty();
    store.write(DIRECTORY + "/long", "x".repeat(4000));
    assertThat(store.read(DIRECTORY + "/long").orElseThrow()).hasSize(4000);
    String moved =
        store.transaction(
            within -> {
              String value = within.read(DIRECTORY + "/key").orElseThrow();
              within.write(DIRECTORY + "/moved", value);
              within.remove(DIRECTORY + "/key");
              return value;
            });
    assertThat(moved).isEqualTo("value");
    assertThat(store.directory(DIRECTORY)).containsExactlyInAnyOrder("moved", "long");
    assertThat(store.permissions(DIRECTORY)).containsExactly("n0");
    watch.close();
    store.remove(DIRECTORY);
    assertThat(store.directory(DIRECTORY)).isEmpty();
  }
}
