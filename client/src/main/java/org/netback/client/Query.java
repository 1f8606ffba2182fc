package org.netback.client;

import java.io.IOException;
import java.io.Writer;

/// A command that [Client] can do; the others need the daemon's code in their process.
public interface Query extends Verb {
  /// Does it.
  ///
  /// @throws UserError it cannot be done
  /// @throws IOException the output cannot be written
  void run(Invocation invocation, Writer out) throws IOException;
}
