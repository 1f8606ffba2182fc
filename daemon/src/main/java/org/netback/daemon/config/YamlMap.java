package org.netback.daemon.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.netback.client.Spelling;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/// One mapping of the file with its place: reads values by key, and turns whatever is wrong into a
/// [ConfigurationException] that points at the line.
public final class YamlMap {
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,9}) ?(ms|s|m|h)");

  /// Characters of a value, and of a whole message, that are shown.
  private static final int MAX_VALUE = 60;

  private static final int MAX_MESSAGE = 600;

  private final String file;
  private final String what;
  private final MappingNode node;
  private final Map<String, Node> values;

  private YamlMap(String file, String what, MappingNode node, Map<String, Node> values) {
    this.file = file;
    this.what = what;
    this.node = node;
    this.values = values;
  }

  /// @param what the mapping describes, for messages: "a network"
  /// @param allowed its keys; any other is an error
  static YamlMap of(String file, String what, Node node, List<String> allowed)
      throws ConfigurationException {
    if (!(node instanceof MappingNode mapping)) {
      throw at(
          file, node, what + " is written as \"key: value\" lines; allowed are " + list(allowed));
    }
    Map<String, Node> values = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      String key = tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
      if (!allowed.contains(key)) {
        throw at(
            file,
            tuple.getKeyNode(),
            "unknown key \""
                + shown(key, MAX_VALUE)
                + "\" in "
                + what
                + nearest(key, allowed).map(s -> "; did you mean \"" + s + "\"?").orElse(";")
                + " Allowed are "
                + list(allowed));
      }
      if (values.put(key, tuple.getValueNode()) != null) {
        throw at(file, tuple.getKeyNode(), "\"" + key + "\" is given twice in " + what);
      }
    }
    return new YamlMap(file, what, mapping, values);
  }

  /// Reads a text that is one mapping: a request, in JSON.
  ///
  /// @param source its name, for messages
  static YamlMap parse(String source, String what, String text, List<String> allowed)
      throws ConfigurationException {
    return of(source, what, root(source, text, allowed), allowed);
  }

  /// The one node that a text is.
  static Node root(String source, String text, List<String> allowed) throws ConfigurationException {
    return YamlText.compose(source, text)
        .orElseThrow(
            () -> new ConfigurationException(source + ":1:1: empty; allowed are " + list(allowed)));
  }

  boolean has(String key) {
    return values.containsKey(key);
  }

  String text(String key) throws ConfigurationException {
    return word(key, "one word or line of text");
  }

  /// @param allowed what it has to be, for the error if it is none
  private String word(String key, String allowed) throws ConfigurationException {
    Node value = values.get(key);
    if (value == null) {
      throw at(file, node, what + " needs \"" + key + '"');
    }
    if (!(value instanceof ScalarNode scalar)) {
      String kind = value instanceof SequenceNode ? "a list" : "a mapping";
      throw at(file, value, '"' + key + "\" is " + kind + ", but has to be " + allowed);
    }
    if (scalar.getValue().isEmpty()) {
      throw at(file, value, '"' + key + "\" is empty, but has to be " + allowed);
    }
    return scalar.getValue();
  }

  String text(String key, String otherwise) throws ConfigurationException {
    return has(key) ? text(key) : otherwise;
  }

  /// A text that has to match if there is any.
  String optional(String key, Pattern pattern, String allowed) throws ConfigurationException {
    boolean empty =
        values.get(key) instanceof ScalarNode scalar
            && scalar.getValue().isEmpty()
            && !scalar.isPlain();
    return empty || !has(key) ? "" : text(key, pattern, allowed);
  }

  /// A text that has to match, or the error says what it is to be.
  String text(String key, Pattern pattern, String allowed) throws ConfigurationException {
    String text = word(key, allowed);
    if (!pattern.matcher(text).matches()) {
      throw wrongValue(key, text, allowed);
    }
    return text;
  }

  /// One of a few words, which are written as the constants are named: ONE_WORD as one-word.
  <E extends Enum<E>> E choice(String key, E[] values, E otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    List<String> words =
        Arrays.stream(values)
            .map(value -> value.name().toLowerCase(Locale.ROOT).replace('_', '-'))
            .toList();
    String allowed = list(words.subList(0, words.size() - 1)) + " or " + words.getLast();
    String text = word(key, allowed);
    int chosen = words.indexOf(text);
    if (chosen < 0) {
      throw wrongValue(key, text, allowed);
    }
    return values[chosen];
  }

  /// A path, relative to a directory.
  ///
  /// @param mostOctets of the whole path
  Path path(String key, Path directory, int mostOctets) throws ConfigurationException {
    String allowed = "a path of at most " + mostOctets + " octets, for the sake of Unix sockets";
    String text = word(key, allowed);
    Path path;
    try {
      path = directory.resolve(text).normalize();
    } catch (InvalidPathException e) {
      throw wrong(key, '"' + key + "\" is no path: " + e.getReason());
    }
    int octets = path.toString().getBytes(StandardCharsets.UTF_8).length;
    if (octets > mostOctets) {
      throw wrong(
          key, '"' + key + "\" has " + octets + " octets as a whole, but has to be " + allowed);
    }
    return path;
  }

  int integer(String key, int min, int max, int otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    String allowed = "a number from " + min + " to " + max;
    String text = word(key, allowed);
    long value = text.matches("[0-9]{1,10}") ? Long.parseLong(text) : Long.MIN_VALUE;
    if (value < min || value > max) {
      throw wrongValue(key, text, allowed);
    }
    return (int) value;
  }

  boolean flag(String key, boolean otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    String allowed = "true or false";
    String text = word(key, allowed);
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw wrongValue(key, text, allowed);
    };
  }

  Duration duration(String key, Duration min, Duration max, Duration otherwise)
      throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    String allowed =
        "a time from " + written(min) + " to " + written(max) + ", such as 300s, 5m or 1h";
    String text = word(key, allowed);
    Matcher matcher = DURATION.matcher(text);
    Duration duration = Duration.ZERO;
    if (matcher.matches()) {
      long amount = Long.parseLong(matcher.group(1));
      duration =
          switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(amount);
            case "s" -> Duration.ofSeconds(amount);
            case "m" -> Duration.ofMinutes(amount);
            default -> Duration.ofHours(amount);
          };
    }
    if (!matcher.matches() || duration.compareTo(min) < 0 || duration.compareTo(max) > 0) {
      throw wrongValue(key, text, allowed);
    }
    return duration;
  }

  /// As the file has it: 8h.
  private static String written(Duration duration) {
    return duration.toSecondsPart() == 0 && duration.toMinutesPart() == 0
        ? duration.toHours() + "h"
        : duration.toSeconds() + "s";
  }

  <T> T parsed(String key, Function<String, T> parser) throws ConfigurationException {
    String text = text(key);
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw wrong(key, '"' + key + "\" is " + e.getMessage());
    }
  }

  Optional<YamlMap> map(String key, List<String> allowed) throws ConfigurationException {
    Node value = values.get(key);
    return value == null
        ? Optional.empty()
        : Optional.of(of(file, '"' + key + '"', value, allowed));
  }

  /// The words of a list, none if the key is absent.
  ///
  /// @param allowed what each has to be
  List<String> texts(String key, Pattern pattern, String allowed) throws ConfigurationException {
    Node value = values.get(key);
    if (value == null) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    if (value instanceof SequenceNode sequence) {
      for (Node entry : sequence.getValue()) {
        if (entry instanceof ScalarNode scalar) {
          if (!pattern.matcher(scalar.getValue()).matches()) {
            throw at(
                file,
                entry,
                '"'
                    + key
                    + "\" has \""
                    + shown(scalar.getValue(), MAX_VALUE)
                    + "\", but each has to be "
                    + allowed);
          }
          texts.add(scalar.getValue());
        }
      }
      if (texts.size() == sequence.getValue().size()) {
        return List.copyOf(texts);
      }
    }
    throw at(file, value, '"' + key + "\" is a list of words: [a, b]");
  }

  /// The mappings of a list, none if the key is absent.
  List<YamlMap> maps(String key, String what, List<String> allowed) throws ConfigurationException {
    Node value = values.get(key);
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof SequenceNode sequence)) {
      throw at(file, value, '"' + key + "\" is a list: begin each entry with \"- \"");
    }
    List<YamlMap> maps = new ArrayList<>();
    for (Node entry : sequence.getValue()) {
      maps.add(of(file, what, entry, allowed));
    }
    return maps;
  }

  /// The line of a key's value, from 1.
  int line(String key) {
    return values.getOrDefault(key, node).getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
  }

  /// An error at a key's value.
  ConfigurationException wrong(String key, String message) {
    return at(file, values.getOrDefault(key, node), message);
  }

  static ConfigurationException at(String file, Node node, String message) {
    return at(file, node.getStartMark(), message);
  }

  static ConfigurationException at(String file, Optional<Mark> mark, String message) {
    String place = mark.map(m -> ":" + (m.getLine() + 1) + ':' + (m.getColumn() + 1)).orElse("");
    return new ConfigurationException(file + place + ": " + shown(message, MAX_MESSAGE));
  }

  /// An error at an index of a text.
  static ConfigurationException at(String file, String text, int index, String message) {
    String before = text.substring(0, index);
    long line = before.chars().filter(c -> c == '\n').count() + 1;
    int start = before.lastIndexOf('\n') + 1;
    return new ConfigurationException(
        file + ':' + line + ':' + (before.codePointCount(start, index) + 1) + ": " + message);
  }

  /// A text for people: on one line, and short.
  private static String shown(String text, int length) {
    StringBuilder shown = new StringBuilder();
    text.codePoints()
        .limit(length)
        .forEach(c -> shown.appendCodePoint(Character.isISOControl(c) ? '?' : c));
    return shown.append(text.codePointCount(0, text.length()) > length ? "…" : "").toString();
  }

  /// What is wrong with a value: "is X, but has to be ALLOWED".
  private ConfigurationException wrongValue(String key, String text, String allowed) {
    return wrong(
        key, '"' + key + "\" is \"" + shown(text, MAX_VALUE) + "\", but has to be " + allowed);
  }

  static String list(List<String> words) {
    return String.join(", ", words);
  }

  /// The word that was meant, if that can be told.
  static Optional<String> nearest(String word, List<String> words) {
    return word.length() > MAX_VALUE ? Optional.empty() : Spelling.nearest(word, words);
  }
}
