package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;

/// The store as Xen's own command line tools (Debian's xenstore-utils) see it, as the control
/// domain and as a guest through a socket of its own.
@Timeout(120)
class XenstoreToolsTest {
  private record Result(int status, String out, String err) {}

  @TempDir Path directory;

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final Xenstored xenstored =
      new Xenstored(group.next(), new InternalErrors(System::nanoTime));
  private final List<Process> started = new ArrayList<>();
  private Path control = Path.of("/nowhere");
  private Path guest = Path.of("/nowhere");

  @BeforeEach
  void listen() throws IOException {
    control = directory.resolve("control");
    guest = directory.resolve("guest-3");
    xenstored.listen(control, 0);
    xenstored.listen(guest, 3);
    xenstored.introduce(3);
  }

  @AfterEach
  void stop() {
    started.forEach(Process::destroyForcibly);
    xenstored.close();
    group.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private Process start(Path socket, String... command) throws IOException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, command[0]))),
        command[0] + " is not installed: bin/install tests");
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("XENSTORED_PATH", socket.toString());
    Process process = builder.start();
    started.add(process);
    return process;
  }

  private Result run(Path socket, String... command) throws IOException, InterruptedException {
    Process process = start(socket, command);
    String out = new String(process.getInputStream().readAllBytes(), ISO_8859_1);
    String err = new String(process.getErrorStream().readAllBytes(), ISO_8859_1);
    return new Result(process.waitFor(), out, err);
  }

  private String out(String... command) throws IOException, InterruptedException {
    Result result = run(control, command);
    assertThat(result.status()).as(result.err()).isZero();
    return result.out();
  }

  @Test
  void writesReadsAndTellsWhatExists() throws Exception {
    out("xenstore-write", "/vm/name", "one", "/vm/memory", "512");
    assertThat(out("xenstore-read", "/vm/name")).isEqualTo("one\n");
    assertThat(out("xenstore-read", "-p", "/vm/name", "/vm/memory"))
        .isEqualTo("/vm/name: one\n/vm/memory: 512\n");
    assertThat(run(control, "xenstore-exists", "/vm/memory").status()).isZero();
    assertThat(run(control, "xenstore-exists", "/vm/nothing").status()).isEqualTo(1);
    Result missing = run(control, "xenstore-read", "/vm/nothing");
    assertThat(missing.status()).isEqualTo(1);
    assertThat(missing.err()).contains("couldn't read path /vm/nothing");
  }

  @Test
  void listsTrees() throws Exception {
    out("xenstore-write", "/vm/1/name", "one", "/vm/2/name", "two");
    assertThat(out("xenstore-list", "/vm")).isEqualTo("1\n2\n");
    assertThat(out("xenstore-list", "-p", "/vm")).isEqualTo("/vm/1\n/vm/2\n");
    assertThat(out("xenstore-ls", "/vm"))
        .isEqualTo("1 = \"\"\n name = \"one\"\n2 = \"\"\n name = \"two\"\n");
    assertThat(out("xenstore-ls", "-f", "/vm").lines())
        .containsExactly(
            "/vm/1 = \"\"", "/vm/1/name = \"one\"", "/vm/2 = \"\"", "/vm/2/name = \"two\"");
    assertThat(out("xenstore-ls", "-f", "-p", "/vm/2").strip())
        .matches("/vm/2/name = \"two\" +\\. *\\(n0\\)|/vm/2/name = \"two\" +\\(n0\\)");
  }

  @Test
  void listsMoreNamesThanOneMessageHolds() throws Exception {
    try (RawClient client = new RawClient(control)) {
      for (int i = 0; i < 1500; i++) {
        client.ok(Operation.WRITE, "/local/domain/" + i + "\0");
      }
    }
    assertThat(out("xenstore-list", "/local/domain").lines().count()).isEqualTo(1500);
    assertThat(out("xenstore-ls", "-f", "/local/domain").lines().count()).isEqualTo(1500);
  }

  @Test
  void removesTrees() throws Exception {
    out("xenstore-write", "/vm/1/name", "one", "/vm/2/name", "two");
    out("xenstore-rm", "/vm/1");
    assertThat(out("xenstore-list", "/vm")).isEqualTo("2\n");
    out("xenstore-rm", "-t", "/vm/2/name");
    assertThat(run(control, "xenstore-exists", "/vm").status()).isEqualTo(1);
  }

  @Test
  void changesPermissionsAlsoOfAllBelow() throws Exception {
    out("xenstore-write", "/vm/1/name", "one");
    out("xenstore-chmod", "-r", "/vm", "n0", "r3");
    assertThat(out("xenstore-ls", "-f", "-p", "/vm")).contains("(n0,r3)").contains("name");
    Result read = run(guest, "xenstore-read", "/vm/1/name");
    assertThat(read.out()).isEqualTo("one\n");
  }

  @Test
  void watchesUntilTheNumberOfEventsThatWasAskedFor() throws Exception {
    Process watch = start(control, "xenstore-watch", "-n", "3", "/vm");
    BufferedReader events = watch.inputReader(ISO_8859_1);
    assertThat(events.readLine()).isEqualTo("/vm");
    out("xenstore-write", "/vm/1", "one");
    assertThat(events.readLine()).isEqualTo("/vm/1");
    out("xenstore-rm", "/vm");
    assertThat(events.readLine()).isEqualTo("/vm");
    assertThat(watch.waitFor()).isZero();
  }

  @Test
  void watchesDomainsComeAndGo() throws Exception {
    Process watch =
        start(control, "xenstore-watch", "-n", "4", "@introduceDomain", "@releaseDomain");
    BufferedReader events = watch.inputReader(ISO_8859_1);
    assertThat(List.of(events.readLine(), events.readLine()))
        .containsExactlyInAnyOrder("@introduceDomain", "@releaseDomain");
    xenstored.introduce(7);
    assertThat(events.readLine()).isEqualTo("@introduceDomain");
    xenstored.release(7);
    assertThat(events.readLine()).isEqualTo("@releaseDomain");
    assertThat(watch.waitFor()).isZero();
  }

  @Test
  void deniesAGuestWhatXenWould() throws Exception {
    out("xenstore-write", "/vm/secret", "x", "/local/domain/3/name", "guest");
    out("xenstore-chmod", "/local/domain/3", "n3");
    assertThat(run(guest, "xenstore-read", "/vm/secret").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-list", "/vm").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-write", "/vm/mine", "x").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-rm", "/vm/secret").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-chmod", "/vm/secret", "b3").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-read", "name").status()).isEqualTo(1);
    out("xenstore-chmod", "/local/domain/3/name", "n0", "r3");
    assertThat(run(guest, "xenstore-read", "name").out()).isEqualTo("guest\n");
    assertThat(run(guest, "xenstore-write", "name", "other").status()).isEqualTo(1);
    assertThat(run(guest, "xenstore-write", "data", "x").status()).isZero();
    assertThat(out("xenstore-ls", "-f", "-p", "/local/domain/3")).contains("(n3)");
    assertThat(run(guest, "xenstore-chmod", "data", "n3", "r0").status()).isZero();
    assertThat(out("xenstore-read", "/local/domain/3/data")).isEqualTo("x\n");
  }

  /// The tools write all their arguments in one transaction and try again at EAGAIN.
  @Test
  void concurrentWritersEachGetTheirTransactionThrough() throws Exception {
    List<Process> writers = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      String value = Integer.toString(i);
      writers.add(start(control, "xenstore-write", "/one", value, "/two", value, "/x/" + i, value));
    }
    for (Process writer : writers) {
      assertThat(writer.waitFor()).isZero();
    }
    assertThat(out("xenstore-read", "/one")).isEqualTo(out("xenstore-read", "/two"));
    assertThat(out("xenstore-list", "/x").lines().count()).isEqualTo(16);
  }
}
