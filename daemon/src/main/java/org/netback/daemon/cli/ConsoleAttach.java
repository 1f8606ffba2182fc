package org.netback.daemon.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.jline.terminal.Attributes;
import org.jline.terminal.impl.jni.JniTerminalProvider;
import org.jline.terminal.impl.jni.linux.LinuxNativePty;
import org.jline.terminal.spi.Pty;
import org.jline.terminal.spi.SystemStream;
import org.jline.terminal.spi.TerminalProvider;
import org.netback.client.ControlClient;
import org.netback.client.ControlConnection;
import org.netback.client.ControlException;
import org.netback.client.Invocation;
import org.netback.client.UserError;
import org.netback.loop.netty.RawMode;

/// `netback console attach`: this process's terminal at a guest's console, in raw mode, until
/// Ctrl-] is typed or the console goes. The terminal is as it was before, however this ends except
/// by SIGKILL. Input that is no terminal, a pipe or a file, is sent as it is.
///
/// Nothing of JLine but the terminal's attributes: its own terminals ask the user's for features,
/// whose answers would be typed at the guest, leave Ctrl-C to this process, and do not close while
/// a key is waited for.
final class ConsoleAttach {
  private static final int ESCAPE = 0x1d;
  private static final int CHUNK = 4096;
  private static final int ESC = 0x1b;

  /// Undoes what the guest may have done to a terminal (ECMA-48, VT100): the region that scrolls,
  /// with the cursor where it is, the hidden cursor, colours.
  private static final String UNDO = "\0337\033[r\0338\033[?25h\033[m";

  private final String name;
  private final boolean writes;
  private final boolean atTerminal;
  private final ControlClient client;
  private final ControlConnection console;
  private boolean sequences;
  private volatile boolean left;

  private ConsoleAttach(
      String name,
      boolean writes,
      boolean atTerminal,
      ControlClient client,
      ControlConnection console) {
    this.name = name;
    this.writes = writes;
    this.atTerminal = atTerminal;
    this.client = client;
    this.console = console;
  }

  /// @return the exit code: 0 if the user has left, or the input has come to its end; 1 if the
  ///   console has gone, 69 if the daemon has
  static int run(Invocation invocation, ControlClient client) throws IOException {
    String name = invocation.arguments().getFirst();
    boolean writes = !invocation.has("--read-only");
    String path = ControlClient.path("consoles", name, writes ? "attach" : "look");
    Optional<Pty> terminal = terminal();
    try (ControlConnection connection = client.upgrade("GET", path, "netback-console")) {
      ConsoleAttach attach =
          new ConsoleAttach(name, writes, terminal.isPresent(), client, connection);
      return terminal.isPresent() ? inRawMode(terminal.get(), attach) : attach.talk();
    } catch (ControlException e) {
      throw new UserError(e.exitCode(), String.valueOf(e.getMessage()));
    }
  }

  /// What is typed at, if that is a terminal and there is one to show something at.
  private static Optional<Pty> terminal() throws IOException {
    TerminalProvider system = new JniTerminalProvider();
    if (!system.isSystemStream(SystemStream.Input)) {
      return Optional.empty();
    }
    for (SystemStream shows : List.of(SystemStream.Output, SystemStream.Error)) {
      if (system.isSystemStream(shows)) {
        return Optional.of(LinuxNativePty.current(system, shows));
      }
    }
    return Optional.empty();
  }

  private static int inRawMode(Pty terminal, ConsoleAttach attach) throws IOException {
    Attributes before = terminal.getAttr();
    Thread restore = Thread.ofPlatform().unstarted(() -> restore(terminal, before));
    Runtime.getRuntime().addShutdownHook(restore);
    try {
      terminal.setAttr(RawMode.of(before));
      return attach.talk();
    } finally {
      restore(terminal, before);
      Runtime.getRuntime().removeShutdownHook(restore);
    }
  }

  private static void restore(Pty terminal, Attributes before) {
    try {
      terminal.setAttr(before);
    } catch (IOException e) {
      return; // The terminal has gone.
    }
  }

  private int talk() throws IOException {
    OutputStream screen = new FileOutputStream(FileDescriptor.out);
    note(screen, "[" + name + (writes ? "" : ", looking on") + ", Ctrl-] leaves]");
    // It may wait for a key for ever, and ends with the process.
    InputStream keys = new FileInputStream(FileDescriptor.in);
    Thread.ofPlatform().daemon().start(() -> type(keys));
    show(screen);
    if (atTerminal && sequences) {
      screen.write(UNDO.getBytes(StandardCharsets.US_ASCII));
    }
    if (left) {
      note(screen, "[left " + name + "]");
      return 0;
    }
    if (daemonAnswers()) {
      note(screen, "[" + name + " has gone]");
      return UserError.FAILED;
    }
    note(screen, "[the daemon has gone; attach again when it is back]");
    return UserError.UNAVAILABLE;
  }

  /// Its end ends the connection as the console's does.
  private boolean daemonAnswers() {
    try {
      var _ = client.request("GET", "/consoles", "");
      return true;
    } catch (ControlException e) {
      return false;
    }
  }

  private static void note(OutputStream screen, String text) throws IOException {
    screen.write(("\r\n" + text + "\r\n").getBytes(StandardCharsets.UTF_8));
    screen.flush();
  }

  /// Until the console or the connection ends.
  private void show(OutputStream screen) throws IOException {
    byte[] octets = new byte[CHUNK];
    for (int count = read(octets); count >= 0; count = read(octets)) {
      for (int i = 0; i < count && !sequences; i++) {
        sequences = octets[i] == ESC;
      }
      screen.write(octets, 0, count);
      screen.flush();
    }
  }

  private int read(byte[] octets) {
    try {
      return console.read(octets);
    } catch (IOException e) {
      return -1; // the keyboard's thread has closed it, or the daemon has gone
    }
  }

  /// Until Ctrl-], or the end of what is typed; who only looks on looks on after that.
  private void type(InputStream keys) {
    byte[] octets = new byte[CHUNK];
    try {
      for (int count = keys.read(octets); count >= 0; count = keys.read(octets)) {
        int typed = 0;
        while (typed < count && octets[typed] != ESCAPE) {
          typed++;
        }
        if (writes) {
          console.write(octets, 0, typed);
        }
        if (typed < count) {
          leave();
          return;
        }
      }
      if (writes) {
        // Not closed: what the guest answers meanwhile would end the connection, and the rest of
        // this with it. The daemon closes it when the guest has been given all.
        left = true;
        console.endOutput();
      }
    } catch (IOException e) {
      // The other thread meets the end of the connection, and tells.
      return;
    }
  }

  private void leave() throws IOException {
    left = true;
    console.close();
  }
}
