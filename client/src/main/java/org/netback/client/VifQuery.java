package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/// The commands about the guests' network devices.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum VifQuery implements Query {
  LIST(Syntax.query("vif list", "The vifs, one line for each guest's device.", Option.JSON)),
  SHOW(Syntax.query("vif show ID", "Everything about one vif.", Option.JSON)),
  RATE(
      Syntax.query(
          "vif rate ID",
          "Change what a vif may send and get; what is not given stays as it is. A RATE is written"
              + " as for xl: 10Mb/s, 250KB/s, 1MB/s@20ms, or none: bits (b) or octets (B), K, M or"
              + " G for powers of 1000, and after @ the interval in s, ms or us, up to 71 minutes,"
              + " 50ms where none is given. A vif that was idle may send at once what the rate"
              + " comes to in an interval, but at least 128 KiB.",
          Option.optional(
              "--from-guest", "RATE", "The most that the guest sends; more waits in the guest."),
          Option.optional(
              "--to-guest",
              "RATE",
              "The most that the guest is sent; more waits for about 50 ms, then it is dropped."),
          Option.JSON));

  private final Syntax syntax;

  VifQuery(Syntax syntax) {
    this.syntax = syntax;
  }

  @Override
  public Syntax syntax() {
    return syntax;
  }

  @Override
  public void run(Invocation invocation, Writer out) throws IOException {
    Queries queries = new Queries(invocation, out);
    switch (this) {
      case LIST -> queries.show("/vifs", Layouts::vifs);
      case SHOW ->
          queries.show(
              ControlClient.path("vifs", invocation.arguments().getFirst()), Layouts::fields);
      case RATE -> rate(invocation, queries);
    }
  }

  /// Changes a vif's rates, and prints what they are now.
  private static void rate(Invocation invocation, Queries queries) throws IOException {
    String id = invocation.arguments().getFirst();
    List<String> rates = new ArrayList<>();
    invocation.value("--from-guest").ifPresent(rate -> rates.add(Queries.field("fromGuest", rate)));
    invocation.value("--to-guest").ifPresent(rate -> rates.add(Queries.field("toGuest", rate)));
    if (rates.isEmpty()) {
      throw invocation.wrong("give --from-guest RATE, --to-guest RATE, or both");
    }
    String path = ControlClient.path("vifs", id, "rate");
    String answer;
    try {
      answer = queries.ask("PUT", path, '{' + String.join(", ", rates) + '}');
    } catch (UserError e) {
      throw new UserError(e.exitCode(), asOption(String.valueOf(e.getMessage())));
    }
    queries.print(answer, Layouts::fields);
  }

  /// Names the option where the daemon names the field of a request that nobody has typed.
  private static String asOption(String message) {
    return message
        .replaceFirst("^request:[0-9:]+ \"fromGuest\"", "--from-guest")
        .replaceFirst("^request:[0-9:]+ \"toGuest\"", "--to-guest");
  }
}
