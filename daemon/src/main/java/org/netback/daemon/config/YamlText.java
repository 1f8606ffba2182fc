package org.netback.daemon.config;

import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ParserException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.parser.Parser;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/// Turns a text into the one YAML document that it holds, with the places of all its parts.
final class YamlText {
  /// Three times what a configuration needs. The library goes down by recursion.
  static final int MAX_DEPTH = 16;

  /// Uses of anchors: few are handy, and many make a short text a long configuration.
  static final int MAX_ALIASES = 50;

  private YamlText() {}

  /// @param source for messages: the file's name
  /// @return empty if there is no document
  /// @throws ConfigurationException points at what is no YAML, or too much of it
  static Optional<Node> compose(String source, String text) throws ConfigurationException {
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int character = text.codePointAt(i);
      if (!StreamReader.isPrintable(character)) {
        throw YamlMap.at(
            source, text, i, "not YAML: character U+%04X has no place in it".formatted(character));
      }
    }
    LoadSettings settings = LoadSettings.builder().setLabel(source).build();
    try {
      return new Composer(
              settings,
              new BoundedParser(new ParserImpl(settings, new StreamReader(settings, text))))
          .getSingleNode();
    } catch (MarkedYamlEngineException e) {
      throw YamlMap.at(
          source, e.getProblemMark().or(e::getContextMark), "not YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      throw new ConfigurationException(source + ": not YAML: " + e.getMessage());
    }
  }

  /// A parser that ends where there is too much.
  private static final class BoundedParser implements Parser {
    private final Parser parser;
    private int depth;
    private int aliases;

    BoundedParser(Parser parser) {
      this.parser = parser;
    }

    @Override
    public boolean hasNext() {
      return parser.hasNext();
    }

    @Override
    public boolean checkEvent(Event.ID choice) {
      return parser.checkEvent(choice);
    }

    @Override
    public Event peekEvent() {
      return parser.peekEvent();
    }

    @Override
    public Event next() {
      Event event = parser.next();
      switch (event.getEventId()) {
        case MappingStart, SequenceStart -> depth++;
        case MappingEnd, SequenceEnd -> depth--;
        case Alias -> aliases++;
        case Comment, DocumentEnd, DocumentStart, Scalar, StreamEnd, StreamStart -> {}
      }
      if (depth > MAX_DEPTH) {
        throw new ParserException("nested deeper than " + MAX_DEPTH, event.getStartMark());
      }
      if (aliases > MAX_ALIASES) {
        throw new ParserException("more than " + MAX_ALIASES + " aliases", event.getStartMark());
      }
      return event;
    }
  }
}
