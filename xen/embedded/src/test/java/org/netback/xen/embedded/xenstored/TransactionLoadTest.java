package org.netback.xen.embedded.xenstored;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;

@Timeout(120)
class TransactionLoadTest {
  private static final int CLIENTS = 4;
  private static final int ROUNDS = 250;

  @TempDir Path directory;

  @Test
  void noUpdateOfConcurrentTransactionsIsLost() throws Exception {
    Path socket = directory.resolve("socket");
    MultiThreadIoEventLoopGroup group =
        new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    try (Xenstored xenstored = new Xenstored(group.next(), new InternalErrors(System::nanoTime));
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      xenstored.listen(socket, 0);
      try (RawClient client = new RawClient(socket)) {
        client.ok(Operation.WRITE, "/counter\0000");
        List<Future<Integer>> conflicts = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
          conflicts.add(threads.submit(() -> increment(socket)));
        }
        int refused = 0;
        for (Future<Integer> each : conflicts) {
          refused += each.get();
        }
        assertThat(client.ok(Operation.READ, "/counter\0"))
            .isEqualTo(Integer.toString(CLIENTS * ROUNDS));
        assertThat(refused).isPositive();
      }
    } finally {
      group.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }
  }

  /// Counts up, and returns how often a commit was refused.
  private static int increment(Path socket) throws IOException {
    int refused = 0;
    try (RawClient client = new RawClient(socket)) {
      for (int done = 0; done < ROUNDS; ) {
        String id = client.ok(Operation.TRANSACTION_START, "\0");
        int transaction = Integer.parseUnsignedInt(id.substring(0, id.length() - 1));
        int count = Integer.parseInt(client.ok(transaction, Operation.READ, "/counter\0"));
        client.ok(transaction, Operation.WRITE, "/counter\0" + (count + 1));
        RawClient.Received end = client.call(transaction, Operation.TRANSACTION_END, "T\0");
        if (end.failed()) {
          assertThat(end.payload()).isEqualTo("EAGAIN\0");
          refused++;
        } else {
          done++;
        }
      }
    }
    return refused;
  }
}
