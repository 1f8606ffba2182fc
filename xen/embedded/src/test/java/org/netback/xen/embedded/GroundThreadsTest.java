package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.Eventually;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.LockFile;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.wire.GroundClient;
import org.netback.xen.embedded.wire.GroundMessage;
import org.netback.xen.embedded.wire.GroundMessage.AttachBackend;
import org.netback.xen.embedded.wire.SeqpacketSocket;
import org.netback.xen.ground.Backend;

/// What the threads between a ground and the processes that are attached to it throw: it is
/// recorded, ends what it must, and leaves the others alone.
@Timeout(60)
final class GroundThreadsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Queue<String> records = new ConcurrentLinkedQueue<>();
  private final InternalErrors errors =
      new InternalErrors(
          System::nanoTime,
          report -> records.add(report.owner() + ": " + report.error().getMessage()));

  @TempDir private Path directory = Path.of("/");
  private EmbeddedGround ground;

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory, errors);
  }

  @AfterEach
  void close() throws IOException {
    ground.close();
  }

  private static StackOverflowError planted() {
    return new StackOverflowError("planted");
  }

  private void awaitRecords(int count) throws Exception {
    Eventually.await("a record", () -> records.size() >= count);
  }

  @Test
  void whatAClientsThreadThrowsLosesItsGroundAndFailsWhoeverWaits() throws Exception {
    GroundClient.Notices throwing =
        _ -> {
          throw planted();
        };
    try (GroundClient client =
        GroundClient.connect(
            EmbeddedGround.groundSocket(directory), throwing, RemoteGround.PATIENCE, errors)) {
      assertThatThrownBy(() -> client.ask(new AttachBackend()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("the connection to the ground is gone: internal error");
      assertThat(client.lost().toCompletableFuture()).isCompletedWithValue("internal error");
      awaitRecords(1);
    }
    assertThat(records).containsExactly("thread ground-client: planted");
    RemoteGround.attachBackend(directory, errors).close();
  }

  @Test
  void whatAttachingThrowsEndsThatProcesssConnectionAndTheNextIsServed() throws Exception {
    AtomicInteger threads = new AtomicInteger();
    Path socket = directory.resolve("other.sock");
    try (GroundServer _ =
        GroundServer.start(
            ground,
            ground.hypervisor(),
            socket,
            work -> {
              if (threads.getAndIncrement() == 0) {
                throw planted();
              }
              return Thread.ofPlatform().daemon().unstarted(work);
            })) {
      try (SeqpacketSocket first = SeqpacketSocket.connect(socket, RemoteGround.PATIENCE)) {
        first.receiveWithin(PATIENCE);
        assertThat(first.receive(false)).isEmpty();
      }
      try (SeqpacketSocket second = SeqpacketSocket.connect(socket, RemoteGround.PATIENCE)) {
        second.receiveWithin(PATIENCE);
        second.send(GroundMessage.write(1, new AttachBackend()));
        assertThat(second.receive(false)).isPresent();
      }
    }
    assertThat(records).containsExactly("ground: planted");
  }

  @Test
  void whatADomainsEndThrowsIsRecordedAndTheDomainGoesAllTheSame() throws Exception {
    AtomicInteger told = new AtomicInteger();
    ground
        .hypervisor()
        .onDestroyed(
            _ -> {
              throw planted();
            });
    ground.hypervisor().onDestroyed(_ -> told.incrementAndGet());
    try (Backend backend = ground.backend()) {
      GuestDomain guest =
          RemoteGround.attachGuest(
              directory, GuestSpec.of("guest", "net"), RemoteGround.PATIENCE, errors);
      String nodes = "/local/domain/" + guest.domid();
      String device = "/local/domain/0/backend/vif/" + guest.domid() + "/0";
      backend.store().write(device + "/state", "4");

      guest.close();
      Eventually.await(
          "the toolstack", () -> backend.store().read(device + "/state").orElse("").equals("5"));
      backend.store().write(device + "/state", "6");
      Eventually.await(
          "the end of the domain", () -> backend.store().read(nodes + "/name").isEmpty());
    }
    // The nodes are removed on a thread of their own; the session's may still be at its end.
    awaitRecords(1);
    assertThat(records).containsExactly("ground, which detached a process for it: planted");
    assertThat(told).hasValue(1);
  }

  @Test
  void aGroundClosesEveryPartOfItThoughOneThrows() throws Exception {
    GuestDomain guest = ground.createDomain(GuestSpec.of("guest", "net"));
    ground
        .hypervisor()
        .onDestroyed(
            _ -> {
              throw planted();
            });

    assertThatThrownBy(ground::close)
        .isInstanceOf(StackOverflowError.class)
        .hasMessage("planted")
        .hasNoSuppressedExceptions();

    assertThat(guest.lost().toCompletableFuture()).isDone();
    assertThat(directory.resolve("ground.sock")).doesNotExist();
    assertThat(directory.resolve("xenstored.sock")).doesNotExist();
    LockFile.tryLock(directory.resolve("lock")).orElseThrow().close();
    ground.close();
    assertThat(records).isEmpty();
  }
}
