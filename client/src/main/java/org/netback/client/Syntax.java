package org.netback.client;

import java.util.ArrayList;
import java.util.List;

/// How a command is written, from which the parser works and the help is made.
///
/// @param words what it is called by: `vif`, `show`
/// @param parameters its arguments in capitals, in brackets if they may be left out, with … if
///   there may be several
/// @param description sentences; empty for a command that the help keeps quiet about
record Syntax(
    List<String> words, List<String> parameters, String description, List<Option> options) {

  /// @param synopsis the words in small letters, then the parameters
  static Syntax of(String synopsis, String description, Option... options) {
    List<String> lower = new ArrayList<>();
    List<String> upper = new ArrayList<>();
    for (String part : synopsis.split(" ", -1)) {
      (Character.isLowerCase(part.charAt(0)) ? lower : upper).add(part);
    }
    return new Syntax(List.copyOf(lower), List.copyOf(upper), description, List.of(options));
  }

  /// Of a command that asks the daemon.
  static Syntax query(String synopsis, String description, Option... options) {
    return of(synopsis, description, ControlOptions.after(options));
  }
}
