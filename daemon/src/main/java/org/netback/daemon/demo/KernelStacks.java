package org.netback.daemon.demo;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.netback.daemon.Cleanup;
import org.netback.daemon.MissingProgram;
import org.netback.daemon.Namespace;
import org.netback.daemon.Program;

/// Network stacks of the kernel, each in a namespace of its own, and what this machine lets them
/// do. Everything that a check will need is tried here on the loopback first, so that what a
/// machine lacks is left out instead of failing.
record KernelStacks(List<Namespace> namespaces, boolean ipv6, Set<String> pinging) {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String ALL = "guests with kernels and the tap";
  private static final String LOOPBACK_4 = "127.0.0.1";
  private static final String LOOPBACK_6 = "::1";

  /// The command that sends some echo requests and fails unless all are answered. Without a
  /// deadline, ping gives up two round trips after its last request, which a busy machine takes
  /// longer for; with one, 20 s, it fails unless it gets as many answers as asked for.
  static String[] ping(int count, String address) {
    return new String[] {
      "ping", "-n", "-c", Integer.toString(count), "-i", "0.05", "-w", "20", address
    };
  }

  /// Makes the namespaces.
  ///
  /// @param names of the namespaces, in the order that they are returned in
  /// @param notes are told what is left out, and why
  /// @return empty if this machine lets nobody make namespaces or taps
  static Optional<KernelStacks> make(List<String> names, Cleanup cleanup, Report.Notes notes)
      throws IOException {
    List<Namespace> made = new ArrayList<>();
    try {
      for (String name : names) {
        made.add(cleanup.add(Namespace.create(name)));
      }
      made.getFirst().succeed(LIMIT, "true");
    } catch (MissingProgram e) {
      notes.leftOut(ALL + ": " + e.getMessage());
      return Optional.empty();
    } catch (IOException e) {
      notes.leftOut(
          ALL
              + ": no network namespace can be made ("
              + e.getMessage()
              + "): run it as root, where root may do so");
      return Optional.empty();
    }
    Namespace probe = made.getFirst();
    try {
      probe.ip("tuntap", "add", "mode", "tap", "name", "probe");
      probe.ip("link", "del", "probe");
    } catch (IOException e) {
      notes.leftOut(ALL + ": /dev/net/tun makes no tap here (" + e.getMessage() + ")");
      return Optional.empty();
    }
    boolean ipv6 = hasIpv6(probe, notes);
    return Optional.of(new KernelStacks(made, ipv6, pinging(probe, ipv6, notes)));
  }

  private static boolean hasIpv6(Namespace probe, Report.Notes notes) {
    try {
      probe.ip("-6", "addr", "add", "fd66::ffff/128", "dev", "lo", "nodad");
      probe.ip("-6", "addr", "del", "fd66::ffff/128", "dev", "lo");
      return true;
    } catch (IOException e) {
      notes.leftOut("IPv6 between kernels: the kernel has none (" + e.getMessage() + ")");
      return false;
    }
  }

  private static Set<String> pinging(Namespace probe, boolean ipv6, Report.Notes notes)
      throws IOException {
    Set<String> pinging = new HashSet<>();
    for (String loopback : ipv6 ? List.of(LOOPBACK_4, LOOPBACK_6) : List.of(LOOPBACK_4)) {
      try {
        Program.Result result = Program.run(LIMIT, probe.command(ping(1, loopback)));
        if (result.code() == 0) {
          pinging.add(loopback);
        } else {
          notes.leftOut(
              "pings by kernels, "
                  + (isIpv6(loopback) ? "IPv6" : "IPv4")
                  + ": ping does not reach "
                  + loopback
                  + " (exit code "
                  + result.code()
                  + ": "
                  + (result.err().isBlank() ? result.out() : result.err()).strip()
                  + ")");
        }
      } catch (MissingProgram e) {
        notes.leftOut("pings by kernels: " + e.getMessage());
        return Set.of();
      }
    }
    return pinging;
  }

  static boolean isIpv6(String address) {
    return address.indexOf(':') >= 0;
  }

  /// Whether the kernels can have an address of this one's family.
  boolean have(String address) {
    return ipv6 || !isIpv6(address);
  }

  /// Whether a kernel can ping an address of this one's family.
  boolean ping(String address) {
    return pinging.contains(isIpv6(address) ? LOOPBACK_6 : LOOPBACK_4);
  }
}
