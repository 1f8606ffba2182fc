package org.netback.daemon;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A network namespace made for the moment; gone when closed, with all interfaces that are in it.
///
/// @param name as `ip netns` knows it
public record Namespace(String name) implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /// Makes a namespace with a loopback that is up.
  ///
  /// @throws MissingProgram there is no `ip`
  /// @throws IOException why not: mostly that it takes root
  public static Namespace create(String name) throws IOException {
    Program.require("ip");
    Namespace made = new Namespace(name);
    try {
      Program.succeed(LIMIT, List.of("ip", "netns", "add", name));
      made.ip("link", "set", "lo", "up");
      return made;
    } catch (IOException e) {
      // Without the right to mount, `ip` leaves its file behind.
      var _ = Program.run(LIMIT, List.of("ip", "netns", "del", name));
      throw e;
    }
  }

  /// Runs `ip` in it.
  public String ip(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("ip", "-n", name));
    command.addAll(List.of(arguments));
    return Program.succeed(LIMIT, command);
  }

  /// Gives an interface its addresses, usable at once.
  public void addresses(String tap, String ipv4, String ipv6) throws IOException {
    address(tap, ipv4);
    address(tap, ipv6);
  }

  /// Gives an interface one address, usable at once, in a network of 24 bits, with IPv6 64.
  public void address(String tap, String address) throws IOException {
    if (address.indexOf(':') < 0) {
      ip("addr", "add", address + "/24", "dev", tap);
    } else {
      ip("-6", "addr", "add", address + "/64", "dev", tap, "nodad");
    }
  }

  /// The command line that runs a program in it.
  ///
  /// @throws MissingProgram there is no such program; `ip`, which runs it, would only say so in
  ///   words of its own
  public List<String> command(String... command) throws MissingProgram {
    Program.require(command[0]);
    List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", name));
    whole.addAll(List.of(command));
    return whole;
  }

  /// Runs a program in it that has to succeed.
  public String succeed(Duration limit, String... command) throws IOException {
    return Program.succeed(limit, command(command));
  }

  @Override
  public void close() throws IOException {
    Program.succeed(LIMIT, List.of("ip", "netns", "del", name));
  }
}
