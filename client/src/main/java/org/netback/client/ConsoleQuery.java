package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.util.List;

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
              + " tab, \\e Escape and \\\\ a backslash.",
          Option.JSON));

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
      queries.pour(ControlClient.path("consoles", name, "follow"));
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
    StringBuilder typed = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && ++i < text.length()) {
        typed.append(
            switch (text.charAt(i)) {
              case 'r' -> '\r';
              case 'n' -> '\n';
              case 't' -> '\t';
              case 'e' -> '\033';
              case '\\' -> '\\';
              default ->
                  throw invocation.wrong(
                      "\\" + text.charAt(i) + " means nothing; there are \\r \\n \\t \\e \\\\");
            });
      } else {
        typed.append(c);
      }
    }
    return typed.toString();
  }
}
