package org.netback.client;

import static org.netback.client.Option.CONTROL;
import static org.netback.client.Option.JSON;
import static org.netback.client.Option.TIMEOUT;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// What netback can be told to do: each command's words, arguments and options, from which the
/// parser works and the help is made.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum Verb {
  RUN(
      "run",
      "Run the daemon in the foreground, until SIGTERM or Ctrl-C.",
      Option.required("--config", "FILE", "Its configuration, in YAML; the README shows one.")),
  STOP(
      "stop",
      "End the running daemon, as SIGTERM does: every guest sees its device closed. With"
          + " --keep-guests no guest notices, and the next daemon goes on where this one stopped.",
      Option.KEEP_GUESTS,
      Option.WAIT,
      CONTROL,
      TIMEOUT),
  GROUND(
      "ground",
      "Run the ground (domains, xenstored) as a process of its own: rings outlive a daemon in it.",
      Option.valued(
          "--run", "DIR", Option.RUN_DIRECTORY, "Its directory, as in the daemon's ground.run.")),
  GUEST(
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
      Option.flag("--no-gso", "Take no frames that are still to be segmented."),
      Option.flag("--no-csum", "Take no blank checksums."),
      Option.flag("--no-sg", "Take no frames of several slots."),
      Option.flag("--single-event-channel", "One channel for both rings."),
      Option.flag(
          "--static-grants",
          "Have every buffer mapped for good, instead of a grant copy per slot.")),
  DEMO(
      "demo",
      "Let guests, a switch and an uplink talk on this machine, check and measure it. Needs root"
          + " for guests with a kernel; touches nothing of the host's network.",
      Option.valued("--seconds", "N", "3", "How long each load runs."),
      Option.flag("--json", "Print the report as JSON.")),
  STATUS("status", "The daemon in a few lines.", JSON, CONTROL, TIMEOUT),
  VIF_LIST("vif list", "The vifs, one line for each guest's device.", JSON, CONTROL, TIMEOUT),
  VIF_SHOW("vif show ID", "Everything about one vif.", JSON, CONTROL, TIMEOUT),
  VIF_RATE(
      "vif rate ID",
      "Change what a vif may send and get; what is not given stays as it is. A RATE is written as"
          + " for xl: 10Mb/s, 250KB/s, 1MB/s@20ms, or none: bits (b) or octets (B), K, M or G for"
          + " powers of 1000, and after @ the interval in s, ms or us, up to 71 minutes, 50ms where"
          + " none is given. A vif that was idle may send at once what the rate comes to in an"
          + " interval, but at least 128 KiB.",
      Option.optional(
          "--from-guest", "RATE", "The most that the guest sends; more waits in the guest."),
      Option.optional(
          "--to-guest",
          "RATE",
          "The most that the guest is sent; more waits for about 50 ms, then it is dropped."),
      JSON,
      CONTROL,
      TIMEOUT),
  FDB_SHOW(
      "fdb show",
      "The forwarding database: who is behind which port, one line per known station.",
      JSON,
      CONTROL,
      TIMEOUT),
  MCAST_SHOW(
      "mcast show",
      "Multicast: one line per port and group; who asks for members.",
      JSON,
      CONTROL,
      TIMEOUT),
  PORT_LIST(
      "port list", "The switch's ports, vifs and taps, one line each.", JSON, CONTROL, TIMEOUT),
  HELP("help [COMMAND…]", "Tell what there is, or all about one command."),
  VERSION("version", "Print netback's version."),

  /// For netback itself: a short run of most of the daemon's code, for a start-up cache.
  REHEARSE("rehearse", ""),
  /// The same for the queries.
  REHEARSE_QUERIES("rehearse-queries", ""),
  /// One end of the demonstration's TCP stream.
  SOCKET_TRANSFER("socket-transfer [ADDRESS] [SECONDS]", "");

  private final List<String> words;
  private final List<String> parameters;
  private final String description;
  private final List<Option> options;

  /// @param synopsis its words in small letters, then its arguments in capitals, in brackets if
  ///   they may be left out, with … if there may be several
  /// @param description sentences; empty for a command that the help keeps quiet about
  Verb(String synopsis, String description, Option... options) {
    List<String> lower = new ArrayList<>();
    List<String> upper = new ArrayList<>();
    for (String part : synopsis.split(" ", -1)) {
      (Character.isLowerCase(part.charAt(0)) ? lower : upper).add(part);
    }
    this.words = List.copyOf(lower);
    this.parameters = List.copyOf(upper);
    this.description = description;
    this.options = List.of(options);
  }

  /// What it is called by: `vif`, `show`.
  public List<String> words() {
    return words;
  }

  /// Likewise as one text.
  public String phrase() {
    return String.join(" ", words);
  }

  List<String> parameters() {
    return parameters;
  }

  public List<Option> options() {
    return options;
  }

  String description() {
    return description;
  }

  /// Whether [Client] can do it; the others need the daemon's code in their process.
  public boolean isQuery() {
    return switch (this) {
      case RUN, GROUND, GUEST, DEMO, REHEARSE, SOCKET_TRANSFER -> false;
      case STOP,
          STATUS,
          VIF_LIST,
          VIF_SHOW,
          VIF_RATE,
          FDB_SHOW,
          MCAST_SHOW,
          PORT_LIST,
          HELP,
          VERSION,
          REHEARSE_QUERIES ->
          true;
    };
  }

  /// Whether it is for netback's own use, which the help keeps quiet about.
  public boolean isHidden() {
    return description.isEmpty();
  }

  /// The commands whose words begin like this.
  static List<Verb> startingWith(List<String> words) {
    List<Verb> found = new ArrayList<>();
    for (Verb verb : values()) {
      if (verb.words.size() >= words.size() && verb.words.subList(0, words.size()).equals(words)) {
        found.add(verb);
      }
    }
    return found;
  }

  /// The words that may come next, without those that the help keeps quiet about; none if the
  /// command is complete.
  static Set<String> wordsAfter(List<String> words) {
    Set<String> next = new LinkedHashSet<>();
    for (Verb verb : startingWith(words)) {
      if (verb.words.size() > words.size() && !verb.isHidden()) {
        next.add(verb.words.get(words.size()));
      }
    }
    return next;
  }
}
