package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.daemon.config.ConfigurationFile;

/// What the daemon finds where its sockets are to be, and leaves there.
class DaemonFilesTest {
  @TempDir Path directory = Path.of("");

  @BeforeEach
  void putThingsThere() throws IOException {
    Files.writeString(directory.resolve("file"), "kept");
    Files.createFile(directory.resolve("empty"));
    Files.createDirectory(directory.resolve("directory"));
    Files.createSymbolicLink(directory.resolve("link"), Path.of("file"));
    Files.createSymbolicLink(directory.resolve("dangling"), Path.of("nothing"));
    Files.createDirectory(directory.resolve("run"));
  }

  private Daemon start(String control) throws Exception {
    Path file = directory.resolve("n.yaml");
    Files.writeString(file, "ground: {run: run}\nloops: 1\ncontrol: " + control + '\n');
    return Daemon.start(ConfigurationFile.read(file));
  }

  private List<String> listing(Path top) throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.walk(top)) {
      for (Path file : files.sorted().toList()) {
        lines.add(
            directory.relativize(file)
                + " "
                + Files.readAttributes(file, "unix:mode,ino,size", LinkOption.NOFOLLOW_LINKS));
      }
    }
    return lines;
  }

  @ParameterizedTest
  @ValueSource(strings = {"file", "empty", "directory", "link", "dangling", "n.yaml"})
  void staysWhereTheControlSocketIsToBe(String name) throws Exception {
    Path path = directory.resolve(name);
    Files.writeString(directory.resolve("n.yaml"), "");
    List<String> before =
        listing(directory).stream().filter(line -> !line.startsWith("n.yaml")).toList();
    assertThatThrownBy(() -> start(name).close())
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("control: " + path + " is a")
        .hasMessageContaining("and stays");
    assertThat(listing(directory))
        .filteredOn(line -> !line.startsWith("run") && !line.startsWith("n.yaml"))
        .isEqualTo(before.stream().filter(line -> !line.startsWith("run")).toList());
    assertThat(directory.resolve("n.yaml")).content().startsWith("ground:");
    assertThat(directory.resolve("file")).hasContent("kept");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ground.sock", "xenstored.sock", "lock", "daemon.lock", "domains"})
  void staysWhereTheGroundsFilesAreToBe(String name) throws Exception {
    Path link = directory.resolve("run").resolve(name);
    Files.createSymbolicLink(link, Path.of("../file"));
    Object number = Files.getAttribute(link, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    assertThatThrownBy(() -> start("control.sock").close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining(link.toString());
    assertThat(Files.getAttribute(link, "unix:ino", LinkOption.NOFOLLOW_LINKS)).isEqualTo(number);
    assertThat(directory.resolve("file")).hasContent("kept");
    assertThat(directory.resolve("control.sock")).doesNotExist();
    Files.delete(link);
    start("control.sock").close();
  }

  @Test
  void isALiveSocketOfAnotherProgram() throws Exception {
    for (String name : List.of("control.sock", "run/ground.sock", "run/xenstored.sock")) {
      Path socket = directory.resolve(name);
      try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
        other.bind(UnixDomainSocketAddress.of(socket));
        assertThatThrownBy(() -> start("control.sock").close())
            .isInstanceOf(IOException.class)
            .hasMessageContaining(socket + ": another process is listening there");
        assertThat(socket).exists();
      }
      // It is dead now.
      start("control.sock").close();
      assertThat(socket).doesNotExist();
    }
  }

  @Test
  void isNothingOfItsOwnAfterwardsButEmptyLockFiles() throws Exception {
    start("control.sock").close();
    assertThat(directory.resolve("control.sock")).doesNotExist();
    assertThat(listing(directory.resolve("run")))
        .extracting(line -> line.substring(0, line.indexOf(' ')))
        .containsExactly("run", "run/daemon.lock", "run/domains", "run/lock");
    assertThat(directory.resolve("run/lock")).isEmptyFile();
  }

  @Test
  void isARunDirectoryThatIsNone() throws Exception {
    Files.delete(directory.resolve("run"));
    Files.writeString(directory.resolve("run"), "kept");
    assertThatThrownBy(() -> start("control.sock").close())
        .isInstanceOf(IOException.class)
        .hasMessage(directory.resolve("run") + " is in the way: it is no directory");
    assertThat(directory.resolve("run")).hasContent("kept");
  }
}
