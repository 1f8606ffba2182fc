package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The commands about guests' consoles, except the one that needs a terminal.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum ConsoleQuery implements Query {
  LIST(Syntax.query("console list", "The guests' consoles, one line each.", Option.JSON)),
  LOG(
      Syntax.query(
          "console log NAME",
          "The end of what a guest has put on its console, without control sequences. A NAME is a"
              + " console's (console3.0), its guest's, or guest/number.",
          Option.FOLLOW,
          Option.JSON)),
  SEND(
      Syntax.query(
          "console send NAME TEXT",
          "Type a text on a guest's console. In it \\r is the Enter key, \\n a line feed, \\t a"
              + " tab, \\e Escape, \\x03 the octet 3 (Ctrl-C) and \\\\ a backslash.",
          Option.JSON));

  private static final Pattern ESCAPE =
      Pattern.compile("\\\\(?:[rnte\\\\]|x0[1-9a-fA-F]|x[1-7][0-9a-fA-F])");

  /// In the place of octets of the command line that are no UTF-8.
  private static final char REPLACEMENT = '\ufffd';

  private final Syntax syntax;

  ConsoleQuery(Syntax syntax) {
    this.syntax = syntax;
  }

  @Override
  public Syntax syntax() {
    return syntax;
  }

  @Override
  public void run(Invocation invocation, Writer out) throws IOException {
    Queries queries = new Queries(invocation, out);
    List<String> arguments = invocation.arguments();
    switch (this) {
      case LIST -> queries.show("/consoles", ConsoleQuery::table);
      case LOG -> log(invocation, queries, arguments.getFirst());
      case SEND ->
          queries.print(
              queries.ask(
                  "POST",
                  ControlClient.path("consoles", arguments.getFirst(), "input"),
                  typed(invocation, arguments.get(1))),
              Layouts::fields);
    }
  }

  private static void log(Invocation invocation, Queries queries, String name) throws IOException {
    if (!invocation.has(Option.FOLLOW.name())) {
      queries.show(
          ControlClient.path("consoles", name, "past"), answer -> answer.at("past").text());
    } else if (invocation.has(Option.JSON.name())) {
      throw invocation.wrong("what is followed is text: leave --json or --follow out");
    } else {
      queries.pour("GET", ControlClient.path("consoles", name, "follow"), "");
    }
  }

  private static String table(Json consoles) {
    Table table =
        new Table("CONSOLE", "GUEST", "TTY", "WRITER", "VIEWERS", "FROM GUEST", "TO GUEST");
    for (Json console : consoles.items()) {
      table.row(
          console.at("id").text(),
          console.at("guest").text(),
          console.at("tty").text(),
          console.at("writer").text(),
          Integer.toString(console.at("viewers").items().size()),
          console.at("fromGuest").text(),
          console.at("toGuest").text());
    }
    return table.toString();
  }

  private static String typed(Invocation invocation, String text) {
    if (text.indexOf(REPLACEMENT) >= 0) {
      throw invocation.wrong("the text is no UTF-8");
    }
    StringBuilder typed = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) != '\\') {
        typed.append(text.charAt(i));
        continue;
      }
      Matcher escape = ESCAPE.matcher(text).region(i, text.length());
      if (!escape.lookingAt()) {
        throw invocation.wrong(
            text.substring(i, Math.min(i + 2, text.length()))
                + " means nothing; there are \\r \\n \\t \\e \\x01 to \\x7f, and \\\\");
      }
      typed.append(
          switch (text.charAt(i + 1)) {
            case 'r' -> '\r';
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'e' -> '\033';
            case 'x' -> (char) Integer.parseInt(text.substring(i + 2, i + 4), 16);
            default -> '\\';
          });
      i = escape.end() - 1;
    }
    return typed.toString();
  }
}
