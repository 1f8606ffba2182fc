package org.netback.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What `--help` prints.
final class Help {
  private static final int WIDTH = 92;

  private Help() {}

  /// @param words of a command, or of several that begin alike; none for all commands
  /// @throws UserError there is no such command
  static String about(List<String> words) {
    List<Verb> verbs = Verb.startingWith(words).stream().filter(verb -> !verb.isHidden()).toList();
    if (verbs.isEmpty()) {
      throw new UserError(
          UserError.USAGE,
          "there is no command \""
              + String.join(" ", words)
              + "\": choose from "
              + String.join(", ", Verb.wordsAfter(List.of())));
    }
    Optional<Verb> exact = verbs.stream().filter(verb -> verb.words().equals(words)).findAny();
    if (exact.isPresent() && verbs.size() > 1) {
      List<Verb> others = new ArrayList<>(verbs);
      others.remove(exact.get());
      return about(exact.get()) + '\n' + list(others);
    }
    return words.isEmpty()
        ? """
        netback, the paravirtual network backend of a Xen dom0, with a switch inside.

        Usage: netback COMMAND [OPTION…]

        """
            + list(verbs)
            + """

            netback COMMAND --help tells a command's options; netback --version the version.
            """
        : verbs.size() == 1 ? about(verbs.getFirst()) : list(verbs);
  }

  private static String list(List<Verb> verbs) {
    List<String> left = new ArrayList<>();
    List<String> right = new ArrayList<>();
    for (Verb verb : verbs) {
      left.add(synopsis(verb));
      right.add(verb.syntax().description());
    }
    return columns(left, right);
  }

  private static String synopsis(Verb verb) {
    return String.join(" ", join(verb.words(), verb.syntax().parameters()));
  }

  private static List<String> join(List<String> words, List<String> parameters) {
    List<String> all = new ArrayList<>(words);
    all.addAll(parameters);
    return all;
  }

  private static String about(Verb verb) {
    StringBuilder usage = new StringBuilder("Usage: netback ").append(synopsis(verb));
    List<String> left = new ArrayList<>();
    List<String> right = new ArrayList<>();
    for (Option option : verb.options()) {
      usage.append(option.required() ? " " + option.form() : " [" + option.form() + ']');
      left.add(option.form());
      right.add(
          option.fallback().isEmpty()
              ? option.description()
              : option.description() + " (default: " + option.fallback() + ')');
    }
    StringBuilder text = new StringBuilder();
    wrap(text, usage.toString(), 7);
    text.append('\n');
    wrap(text, verb.syntax().description(), 0);
    return text.append(left.isEmpty() ? "" : "\n").append(columns(left, right)).toString();
  }

  private static String columns(List<String> left, List<String> right) {
    int width = left.stream().mapToInt(String::length).max().orElse(0);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < left.size(); i++) {
      String padding = " ".repeat(width - left.get(i).length());
      wrap(text, "  " + left.get(i) + padding + "  " + right.get(i), width + 4);
    }
    return text.toString();
  }

  /// @param indent of all lines but the first
  private static void wrap(StringBuilder text, String paragraph, int indent) {
    String rest = paragraph;
    int from = 0;
    while (rest.length() > WIDTH) {
      int end = rest.lastIndexOf(' ', WIDTH);
      if (end <= Math.max(from, indent)) {
        break;
      }
      text.append(rest, 0, end).append('\n');
      rest = " ".repeat(indent) + rest.substring(end + 1);
      from = indent;
    }
    text.append(rest).append('\n');
  }
}
