package org.netback.client;

import java.io.IOException;
import java.io.Writer;

/// The commands about the switch.
@SuppressWarnings("ImmutableEnumChecker") // its lists are copies
public enum SwitchQuery implements Query {
  FDB_SHOW(
      Syntax.query(
          "fdb show",
          "The forwarding database: who is behind which port, one line per known station.",
          Option.JSON)),
  MCAST_SHOW(
      Syntax.query(
          "mcast show",
          "Multicast: one line per port and group; who asks for members.",
          Option.JSON)),
  PORT_LIST(
      Syntax.query("port list", "The switch's ports, vifs and taps, one line each.", Option.JSON));

  private final Syntax syntax;

  SwitchQuery(Syntax syntax) {
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
      case FDB_SHOW -> queries.show("/fdb", Layouts::fdb);
      case MCAST_SHOW -> queries.show("/mcast", Layouts::multicast);
      case PORT_LIST -> queries.show("/ports", Layouts::ports);
    }
  }
}
