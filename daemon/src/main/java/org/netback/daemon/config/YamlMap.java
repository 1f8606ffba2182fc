package org.netback.daemon.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/// One mapping of the file with its place: reads values by key, and turns whatever is wrong into a
/// [ConfigurationException] that points at the line.
final class YamlMap {
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,9}) ?(ms|s|m|h)");

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
                + key
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

  boolean has(String key) {
    return values.containsKey(key);
  }

  String text(String key) throws ConfigurationException {
    Node value = values.get(key);
    if (value == null) {
      throw at(file, node, what + " needs \"" + key + '"');
    }
    if (!(value instanceof ScalarNode scalar) || scalar.getValue().isEmpty()) {
      throw at(file, value, '"' + key + "\" is one word or line of text");
    }
    return scalar.getValue();
  }

  String text(String key, String otherwise) throws ConfigurationException {
    return has(key) ? text(key) : otherwise;
  }

  /// A text that has to match, or the error says what it is to be.
  String text(String key, Pattern pattern, String allowed) throws ConfigurationException {
    String text = text(key);
    if (!pattern.matcher(text).matches()) {
      throw wrong(key, '"' + key + "\" is \"" + text + "\", but has to be " + allowed);
    }
    return text;
  }

  int integer(String key, int min, int max, int otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    String text = text(key);
    long value = text.matches("[0-9]{1,10}") ? Long.parseLong(text) : Long.MIN_VALUE;
    if (value < min || value > max) {
      throw wrong(
          key,
          '"' + key + "\" is \"" + text + "\", but has to be a number from " + min + " to " + max);
    }
    return (int) value;
  }

  boolean flag(String key, boolean otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    return switch (text(key)) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw wrong(key, '"' + key + "\" is \"" + text(key) + "\", but has to be true or false");
    };
  }

  Duration duration(String key, Duration otherwise) throws ConfigurationException {
    if (!has(key)) {
      return otherwise;
    }
    Matcher matcher = DURATION.matcher(text(key));
    if (!matcher.matches() || matcher.group(1).matches("0+")) {
      throw wrong(
          key,
          '"' + key + "\" is \"" + text(key) + "\", but has to be a time such as 300s, 5m or 1h");
    }
    long amount = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      case "m" -> Duration.ofMinutes(amount);
      default -> Duration.ofHours(amount);
    };
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
  List<String> texts(String key) throws ConfigurationException {
    Node value = values.get(key);
    if (value == null) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    if (value instanceof SequenceNode sequence) {
      for (Node entry : sequence.getValue()) {
        if (entry instanceof ScalarNode scalar && !scalar.getValue().isEmpty()) {
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

  /// An error at a key's value.
  ConfigurationException wrong(String key, String message) {
    return at(file, values.getOrDefault(key, node), message);
  }

  static ConfigurationException at(String file, Node node, String message) {
    return at(file, node.getStartMark(), message);
  }

  static ConfigurationException at(String file, Optional<Mark> mark, String message) {
    String place = mark.map(m -> ":" + (m.getLine() + 1) + ':' + (m.getColumn() + 1)).orElse("");
    return new ConfigurationException(file + place + ": " + message);
  }

  static String list(List<String> words) {
    return String.join(", ", words);
  }

  /// The word that a slip of the hand away from the given one, if there is such.
  static Optional<String> nearest(String word, List<String> words) {
    String best = "";
    int least = Math.max(2, word.length() / 3) + 1;
    for (String candidate : words) {
      int distance = distance(word, candidate);
      if (distance < least) {
        least = distance;
        best = candidate;
      }
    }
    return best.isEmpty() ? Optional.empty() : Optional.of(best);
  }

  /// Insertions, deletions and replacements between two words.
  private static int distance(String a, String b) {
    int[] previous = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, 1 + Math.min(previous[j], row[j - 1]));
      }
      previous = row;
    }
    return previous[b.length()];
  }
}
