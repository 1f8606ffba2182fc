package org.netback.daemon.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.netback.client.ControlClient;
import org.netback.client.ControlConnection;
import org.netback.client.ControlException;
import org.netback.client.Invocation;
import org.netback.client.UserError;

/// `netback console attach`: this process's terminal at a guest's console, in raw mode, until
/// Ctrl-] is typed or the console goes. The terminal is as it was before, however this ends but by
/// SIGKILL.
final class ConsoleAttach {
  private static final int ESCAPE = 0x1d;
  private static final int CHUNK = 4096;

  private ConsoleAttach() {}

  static int run(Invocation invocation, ControlClient client) throws IOException {
    String name = invocation.arguments().getFirst();
    boolean writes = !invocation.has("--read-only");
    String path = ControlClient.path("consoles", name, writes ? "attach" : "look");
    try (ControlConnection console = client.upgrade("GET", path, "netback-console");
        Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build()) {
      Attributes before = terminal.enterRawMode();
      Thread restore = Thread.ofPlatform().unstarted(() -> terminal.setAttributes(before));
      Runtime.getRuntime().addShutdownHook(restore);
      try {
        note(terminal.output(), "[" + name + ", Ctrl-] leaves]");
        Thread keyboard = Thread.ofPlatform().daemon().start(() -> type(terminal.input(), console));
        show(console, terminal.output());
        keyboard.interrupt();
        note(terminal.output(), "[left " + name + "]");
      } finally {
        terminal.setAttributes(before);
        Runtime.getRuntime().removeShutdownHook(restore);
      }
      return 0;
    } catch (ControlException e) {
      throw new UserError(e.exitCode(), String.valueOf(e.getMessage()));
    }
  }

  private static void note(OutputStream terminal, String text) throws IOException {
    terminal.write(("\r\n" + text + "\r\n").getBytes(StandardCharsets.UTF_8));
    terminal.flush();
  }

  /// Until the console or the connection ends.
  private static void show(ControlConnection console, OutputStream terminal) throws IOException {
    byte[] octets = new byte[CHUNK];
    try {
      for (int count = console.read(octets); count >= 0; count = console.read(octets)) {
        terminal.write(octets, 0, count);
        terminal.flush();
      }
    } catch (ClosedChannelException e) {
      return; // the keyboard's end
    }
  }

  /// Until Ctrl-], or the end of what is typed.
  private static void type(InputStream keyboard, ControlConnection console) {
    byte[] octets = new byte[CHUNK];
    try {
      for (int count = keyboard.read(octets); count >= 0; count = keyboard.read(octets)) {
        int typed = 0;
        while (typed < count && octets[typed] != ESCAPE) {
          typed++;
        }
        console.write(octets, 0, typed);
        if (typed < count) {
          console.close();
          return;
        }
      }
      console.close();
    } catch (IOException e) {
      // The other thread meets the end of the connection, and tells.
      return;
    }
  }
}
