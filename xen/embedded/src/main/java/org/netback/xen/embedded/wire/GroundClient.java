package org.netback.xen.embedded.wire;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.loop.InternalErrors;
import org.netback.loop.libc.LibC;
import org.netback.xen.embedded.wire.GroundMessage.Refused;
import org.netback.xen.embedded.wire.GroundMessage.Reply;
import org.netback.xen.embedded.wire.GroundMessage.Request;

/// A connection to a ground in another process. Requests block their thread for a round trip; a
/// thread of the connection's own hands out the replies.
public final class GroundClient implements AutoCloseable {
  /// The ground answers within microseconds, or milliseconds where the store is written; this is
  /// for one that is stopped.
  private static final Duration REPLY = Duration.ofSeconds(30);

  private final SeqpacketSocket socket;
  private final Notices notices;
  private final CompletableFuture<String> lost = new CompletableFuture<>();
  private final Map<Integer, CompletableFuture<Answer>> pending = new HashMap<>();
  private int lastId;

  private GroundClient(SeqpacketSocket socket, Notices notices) {
    this.socket = socket;
    this.notices = notices;
  }

  /// What the ground says by itself or must be seen in the order in which it says it; called on the
  /// connection's thread.
  public interface Notices {
    Notices NONE = _ -> {};

    void said(Answer answer) throws IOException;
  }

  /// @param descriptors came along; they are the asker's
  public record Answer(Reply reply, List<Integer> descriptors) {
    public void closeDescriptors() {
      descriptors.forEach(LibC::close);
    }
  }

  /// @param path of the ground's socket
  /// @param patience how long a ground may take to let this process in
  public static GroundClient connect(
      Path path, Notices notices, Duration patience, InternalErrors errors) throws IOException {
    GroundClient client = new GroundClient(SeqpacketSocket.connect(path, patience), notices);
    Thread.ofPlatform()
        .name("ground-client")
        .daemon()
        .uncaughtExceptionHandler(errors::uncaught)
        .start(client::receive);
    return client;
  }

  public CompletionStage<String> lost() {
    return lost.minimalCompletionStage();
  }

  /// Asks and waits.
  ///
  /// @throws IOException with the ground's reason if it refuses
  public Answer ask(Request request) throws IOException {
    return ask(request, REPLY);
  }

  /// Likewise.
  ///
  /// @throws SocketTimeoutException the ground does not answer in this time
  public Answer ask(Request request, Duration patience) throws IOException {
    Answer answer = askAnyway(request, patience);
    if (answer.reply instanceof Refused refused) {
      throw new IOException(refused.why());
    }
    return answer;
  }

  /// Asks and waits; a refusal is an answer too.
  Answer askAnyway(Request request) throws IOException {
    return askAnyway(request, REPLY);
  }

  private Answer askAnyway(Request request, Duration patience) throws IOException {
    CompletableFuture<Answer> answer = new CompletableFuture<>();
    int id;
    synchronized (this) {
      if (lost.isDone()) {
        throw new IOException("the connection to the ground is gone: " + lost.join());
      }
      do {
        lastId++;
      } while (lastId == 0 || pending.containsKey(lastId));
      id = lastId;
      pending.put(id, answer);
    }
    try {
      socket.send(GroundMessage.write(id, request));
      return answer.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw abandoned(answer, new IOException("interrupted while waiting for the ground", e));
    } catch (TimeoutException e) {
      throw abandoned(
          answer,
          new SocketTimeoutException(
              "the ground gave no answer within " + patience.toMillis() / 1000.0 + " s"));
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } finally {
      synchronized (this) {
        pending.remove(id);
      }
    }
  }

  private static IOException abandoned(CompletableFuture<Answer> answer, IOException why) {
    if (!answer.completeExceptionally(why)) {
      answer.join().closeDescriptors();
    }
    return why;
  }

  private void receive() {
    // Stays if this thread ends by an exception, which its handler records.
    String reason = "internal error";
    try {
      Optional<SeqpacketSocket.Message> message = socket.receive(true);
      while (message.isPresent()) {
        received(message.get());
        message = socket.receive(true);
      }
      reason = "closed by the ground";
    } catch (IOException e) {
      reason = String.valueOf(e.getMessage());
    } finally {
      end(reason);
    }
  }

  private void end(String reason) {
    socket.close();
    List<CompletableFuture<Answer>> waiting;
    synchronized (this) {
      lost.complete(reason);
      waiting = List.copyOf(pending.values());
    }
    IOException gone = new IOException("the connection to the ground is gone: " + reason);
    waiting.forEach(answer -> answer.completeExceptionally(gone));
  }

  private void received(SeqpacketSocket.Message message) throws IOException {
    int id = message.octets().getInt();
    if (!(GroundMessage.read(message.octets()) instanceof Reply reply)) {
      message.descriptors().forEach(LibC::close);
      throw new IOException("the ground sent a request");
    }
    Answer answer = new Answer(reply, message.descriptors());
    notices.said(answer);
    if (id != 0) {
      Optional<CompletableFuture<Answer>> asker;
      synchronized (this) {
        asker = Optional.ofNullable(pending.get(id));
      }
      if (asker.isEmpty() || !asker.get().complete(answer)) {
        answer.closeDescriptors();
      }
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
