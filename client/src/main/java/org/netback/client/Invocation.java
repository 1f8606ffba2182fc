package org.netback.client;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// One command line, understood: a command and its values.
public final class Invocation {
  private static final double MAX_SECONDS = 86_400;

  private final Verb verb;
  private final Map<String, String> options;
  private final List<String> arguments;

  private Invocation(Verb verb, Map<String, String> options, List<String> arguments) {
    this.verb = verb;
    this.options = options;
    this.arguments = List.copyOf(arguments);
  }

  /// Understands a command line. Options stand anywhere after the command's words, as `--name
  /// value` or `--name=value`; after `--` there are none. `--help` and `--version` anywhere win
  /// over everything else.
  ///
  /// @throws UserError with [UserError#USAGE] and what would be right
  public static Invocation parse(List<String> line) {
    int end = line.indexOf("--");
    List<String> before = end < 0 ? line : line.subList(0, end);
    if (before.contains("--version") || before.contains("-V")) {
      return new Invocation(DaemonQuery.VERSION, Map.of(), List.of());
    }
    if (before.contains("--help") || before.contains("-h")) {
      return new Invocation(DaemonQuery.HELP, Map.of(), known(before));
    }
    if (line.isEmpty()) {
      throw new UserError(
          UserError.USAGE, "a command is missing; \"netback --help\" lists what there is");
    }
    Verb verb = find(line);
    return arguments(verb, line.subList(verb.words().size(), line.size()));
  }

  /// The words of the command that help is wanted for, as far as there is such a command.
  private static List<String> known(List<String> line) {
    List<String> words = new ArrayList<>();
    for (String word : line) {
      words.add(word);
      if (Verb.startingWith(words).isEmpty()) {
        words.removeLast();
        break;
      }
    }
    return words;
  }

  private static Verb find(List<String> line) {
    List<String> words = new ArrayList<>();
    // One that is complete while others go on: "capture vif1.0" beside "capture list".
    Optional<Verb> complete = Optional.empty();
    for (String word : line) {
      words.add(word);
      List<Verb> found = Verb.startingWith(words);
      if (found.isEmpty() && complete.isPresent()) {
        return complete.get();
      }
      if (found.isEmpty()) {
        words.removeLast();
        throw unknown(words, word);
      }
      complete = found.stream().filter(verb -> verb.words().equals(words)).findAny();
      if (complete.isPresent() && found.size() == 1) {
        return complete.get();
      }
    }
    if (complete.isPresent()) {
      return complete.get();
    }
    throw new UserError(
        UserError.USAGE,
        "\"netback "
            + String.join(" ", words)
            + "\" goes on with "
            + String.join(", ", Verb.wordsAfter(words)));
  }

  private static UserError unknown(List<String> words, String word) {
    Set<String> next = Verb.wordsAfter(words);
    String before = words.isEmpty() ? "" : String.join(" ", words) + ' ';
    Optional<String> meant = Spelling.nearest(word, next);
    return new UserError(
        UserError.USAGE,
        (word.startsWith("-") ? "unknown option \"" : "unknown command \"")
            + before
            + word
            + '"'
            + (meant.isPresent()
                ? "; did you mean \"" + before + meant.get() + "\"?"
                : ": choose from " + String.join(", ", next)));
  }

  private static Invocation arguments(Verb verb, List<String> line) {
    Map<String, String> options = new LinkedHashMap<>();
    List<String> arguments = new ArrayList<>();
    int at = 0;
    while (at < line.size()) {
      String word = line.get(at++);
      if (word.equals("--")) {
        arguments.addAll(line.subList(at, line.size()));
        break;
      }
      if (!word.startsWith("-") || word.equals("-")) {
        arguments.add(word);
        continue;
      }
      int equals = word.indexOf('=');
      Option option = option(verb, equals < 0 ? word : word.substring(0, equals));
      String value = "";
      if (option.isSwitch() == (equals >= 0)) {
        if (option.isSwitch()) {
          throw wrong(verb, option.name() + " takes no value");
        }
        if (at == line.size() || line.get(at).startsWith("--")) {
          throw wrong(verb, option.name() + " takes a value: " + option.form());
        }
        value = line.get(at++);
      } else if (equals >= 0) {
        value = word.substring(equals + 1);
      }
      if (!option.isSwitch() && value.isEmpty()) {
        throw wrong(verb, option.name() + " takes a value that is not empty: " + option.form());
      }
      if (options.put(option.name(), value) != null) {
        throw wrong(verb, option.name() + " is given twice");
      }
    }
    check(verb, options, arguments);
    return new Invocation(verb, options, arguments);
  }

  private static Option option(Verb verb, String name) {
    Set<String> names = new LinkedHashSet<>();
    for (Option option : verb.options()) {
      if (option.name().equals(name)) {
        return option;
      }
      names.add(option.name());
    }
    String advice =
        names.isEmpty()
            ? ""
            : Spelling.nearest(name, names)
                .map(near -> "; did you mean " + near + '?')
                .orElse(": choose from " + String.join(", ", names));
    throw wrong(verb, "unknown option " + name + advice);
  }

  private static void check(Verb verb, Map<String, String> options, List<String> arguments) {
    for (Option option : verb.options()) {
      if (option.required() && !options.containsKey(option.name())) {
        throw wrong(verb, option.form() + " is missing");
      }
    }
    int at = 0;
    boolean more = false;
    for (String parameter : verb.syntax().parameters()) {
      boolean optional = parameter.startsWith("[");
      more |= parameter.contains("…");
      if (at == arguments.size() && !optional) {
        throw wrong(verb, parameter + " is missing");
      }
      if (at < arguments.size() && arguments.get(at++).isEmpty()) {
        throw wrong(verb, parameter + " is empty");
      }
    }
    if (at < arguments.size() && !more) {
      throw wrong(verb, "there is one argument too many: " + arguments.get(at));
    }
  }

  private static UserError wrong(Verb verb, String message) {
    return new UserError(
        UserError.USAGE,
        message + "; \"netback " + verb.phrase() + " --help\" tells how it is written");
  }

  /// A value that was understood and cannot be.
  UserError wrong(String message) {
    return wrong(verb, message);
  }

  public Verb verb() {
    return verb;
  }

  /// The command's arguments without its options.
  public List<String> arguments() {
    return arguments;
  }

  /// Whether a switch was given.
  public boolean has(String option) {
    return options.containsKey(option);
  }

  /// An option's value, or its fallback; empty if it has neither.
  public Optional<String> value(String name) {
    for (Option option : verb.options()) {
      if (option.name().equals(name)) {
        String value = options.getOrDefault(name, option.fallback());
        return value.isEmpty() ? Optional.empty() : Optional.of(value);
      }
    }
    throw new IllegalArgumentException(verb.phrase() + " has no option " + name);
  }

  /// A value that is always there: required, or with a fallback.
  public String text(String name) {
    return value(name).orElseThrow();
  }

  /// A path.
  public Path path(String name) {
    try {
      return Path.of(text(name));
    } catch (InvalidPathException e) {
      throw wrong(
          name
              + " is no path ("
              + e.getReason()
              + "); names beyond ASCII take a locale that has them, such as LC_ALL=C.UTF-8");
    }
  }

  /// A whole number.
  public int number(String name, int least, int most) {
    String text = text(name);
    try {
      int number = Integer.parseInt(text);
      if (number >= least && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw wrong(name + " is \"" + text + "\", but has to be " + least + " to " + most);
  }

  /// A time: seconds, with a fraction if wanted.
  public Duration seconds(String name) {
    String text = text(name);
    try {
      double seconds = Double.parseDouble(text);
      boolean plain = Character.isDigit(text.charAt(text.length() - 1)); // not "5d", as in Java
      if (plain && seconds >= 0.001 && seconds <= MAX_SECONDS) {
        return Duration.ofNanos((long) (seconds * 1e9));
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw wrong(
        name + " is \"" + text + "\", but has to be seconds, 0.001 to " + (int) MAX_SECONDS);
  }
}
