package org.netback.client;

/// The commands that need the daemon's code in their process.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum ServerVerb implements Verb {
  RUN(
      Syntax.of(
          "run",
          "Run the daemon in the foreground, until SIGTERM or Ctrl-C.",
          Option.required(
              "--config", "FILE", "Its configuration, in YAML; the README shows one."))),
  GROUND(
      Syntax.of(
          "ground",
          "Run the ground (domains, xenstored) as a process of its own: rings outlive a daemon in"
              + " it.",
          Option.valued(
              "--run",
              "DIR",
              Option.RUN_DIRECTORY,
              "Its directory, as in the daemon's ground.run."))),
  GUEST(
      Syntax.of(
          "guest",
          "Run a guest: the network stack of the namespace that it is started in, behind a tap, on"
              + " netif rings. It attaches again when the ground comes back.",
          Option.required("--name", "NAME", "Its domain's name."),
          Option.required("--network", "NET", "The switch's network that it joins."),
          Option.valued("--queues", "N", "1", "Queues wanted."),
          Option.optional("--tap", "IFNAME", "The interface (default: nb-NAME)."),
          Option.optional("--mac", "MAC", "Its address (default: made from the name)."),
          Option.valued("--mtu", "OCTETS", "1500", "Its MTU."),
          Option.valued(
              "--ground", "SOCKET", Option.RUN_DIRECTORY + "/ground.sock", "The ground's socket."),
          Option.valued("--timeout", "SECONDS", "5", "How long to wait for the ground's answer."),
          Option.flag(
              "--console",
              "Run a shell, with this process's rights, at the guest's console: \"netback console"
                  + " attach NAME\" reaches it."),
          Option.optional(
              "--console-command",
              "COMMAND",
              "The same, with what runs there, by /bin/sh -c (default: /bin/sh)."),
          Option.flag("--no-gso", "Take no frames that are still to be segmented."),
          Option.flag("--no-csum", "Take no blank checksums."),
          Option.flag("--no-sg", "Take no frames of several slots."),
          Option.flag("--single-event-channel", "One channel for both rings."),
          Option.flag(
              "--static-grants",
              "Have every buffer mapped for good, instead of a grant copy per slot."))),
  CONSOLE_ATTACH(
      Syntax.query(
          "console attach NAME",
          "Sit down at a guest's console; Ctrl-] leaves it. Who attaches last types; the others"
              + " look on.",
          Option.flag("--read-only", "Look on, and leave the keyboard to others."))),
  DEMO(
      Syntax.of(
          "demo",
          "Let guests, a switch and an uplink talk on this machine, check and measure it. Needs"
              + " root for guests with a kernel; touches nothing of the host's network.",
          Option.valued("--seconds", "N", "3", "How long each load runs."),
          Option.flag("--json", "Print the report as JSON."))),

  /// For netback itself: a short run of most of the daemon's code, for a start-up cache.
  REHEARSE(Syntax.of("rehearse", "")),
  /// One end of the demonstration's TCP stream.
  SOCKET_TRANSFER(Syntax.of("socket-transfer [ADDRESS] [SECONDS]", ""));

  private final Syntax syntax;

  ServerVerb(Syntax syntax) {
    this.syntax = syntax;
  }

  @Override
  public Syntax syntax() {
    return syntax;
  }
}
