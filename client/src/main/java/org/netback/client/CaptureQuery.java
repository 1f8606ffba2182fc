package org.netback.client;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The commands about captures. Options are called as tcpdump's and dumpcap's are, where they have
/// them.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum CaptureQuery implements Query {
  LIST(Syntax.query("capture list", "The captures that run, one line each.", Option.JSON)),
  STOP(Syntax.query("capture stop NUMBER", "End a capture. Its command ends with it.")),
  CAPTURE(
      Syntax.query(
          "capture TARGET",
          "Show what passes a port, a network, or all: a line for each frame at each point, or a"
              + " pcapng file for Wireshark. Ends with the daemon, or with Ctrl-C.",
          Option.optional("-w", "FILE", "Write pcapng to a file; - is the standard output."),
          Option.optional("-f", "EXPRESSION", "Take what matches; written as for tcpdump."),
          Option.optional(
              "--points",
              "POINT,…",
              "Where: from-guest, forwarded, to-guest, dropped. All if it is not given."),
          Option.optional(
              "--reason", "REASON,…", "What was dropped for these reasons, and nothing else."),
          Option.optional("--queue", "NUMBER", "Take one queue of the port's."),
          Option.valued("-s", "OCTETS", "65535", "How much of each frame to keep."),
          Option.optional("-c", "COUNT", "End after so many records."),
          Option.flag("--raw-checksums", "Leave checksums in the file as the sender left them."),
          Option.JSON));

  private static final int MOST_QUEUES = 65_535;

  private final Syntax syntax;

  CaptureQuery(Syntax syntax) {
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
      case LIST -> queries.show("/captures", CaptureQuery::table);
      case STOP ->
          queries.print(
              queries.ask(
                  "DELETE", ControlClient.path("captures", invocation.arguments().getFirst()), ""),
              Layouts::fields);
      case CAPTURE -> capture(invocation, queries);
    }
  }

  private static void capture(Invocation invocation, Queries queries) throws IOException {
    Optional<String> file = invocation.value("-w");
    if (file.isPresent() && invocation.has("--json")) {
      throw invocation.wrong("a file is pcapng: leave --json or -w out");
    }
    String form = file.isPresent() ? "pcapng" : invocation.has("--json") ? "json" : "text";
    String request = request(invocation, form);
    if (file.isEmpty()) {
      queries.pour("POST", "/captures", request);
      return;
    }
    if (file.get().equals("-")) {
      queries.pour("POST", "/captures", request, new FileOutputStream(FileDescriptor.out));
      return;
    }
    try (LateFile to = new LateFile(invocation.path("-w"))) {
      queries.pour("POST", "/captures", request, to);
    }
  }

  private static String request(Invocation invocation, String form) {
    List<String> fields = new ArrayList<>();
    fields.add(Queries.field("target", invocation.arguments().getFirst()));
    fields.add(Queries.field("form", form));
    fields.add(Queries.field("command", "netback capture " + invocation.arguments().getFirst()));
    invocation.value("-f").ifPresent(filter -> fields.add(Queries.field("filter", filter)));
    invocation.value("--points").ifPresent(points -> fields.add(list("points", points)));
    invocation.value("--reason").ifPresent(reasons -> fields.add(list("reasons", reasons)));
    if (invocation.has("--reason") && !invocation.has("--points")) {
      fields.add(list("points", "dropped"));
    }
    if (invocation.has("--queue")) {
      fields.add("\"queue\": " + invocation.number("--queue", 0, MOST_QUEUES));
    }
    fields.add("\"snapLength\": " + invocation.number("-s", 1, MOST_QUEUES));
    if (invocation.has("-c")) {
      fields.add("\"count\": " + invocation.number("-c", 1, Integer.MAX_VALUE));
    }
    fields.add("\"rawChecksums\": " + invocation.has("--raw-checksums"));
    return '{' + String.join(", ", fields) + '}';
  }

  private static String list(String name, String words) {
    List<String> quoted = new ArrayList<>();
    for (String word : words.split(",", -1)) {
      quoted.add(Queries.quoted(word));
    }
    return Queries.quoted(name) + ": [" + String.join(", ", quoted) + ']';
  }

  private static String table(Json captures) {
    Table table = new Table("CAPTURE", "OF", "FORM", "FRAMES", "OCTETS", "LOST", "FILTER");
    for (Json capture : captures.items()) {
      table.row(
          capture.at("number").text(),
          capture.at("target").text(),
          capture.at("form").text(),
          capture.at("frames").text(),
          capture.at("octets").text(),
          capture.at("lost").text(),
          capture.at("filter").text());
    }
    return table.toString();
  }
}
