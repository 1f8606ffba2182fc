package org.netback.client;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Something that netback can be told to do. The commands that belong together are the constants of
/// one enum: those of a device class stand side by side, and a new class adds its enum to [#all].
public interface Verb {
  /// Every command, in the order of the help.
  static List<Verb> all() {
    List<Verb> all = new ArrayList<>();
    all.add(ServerVerb.RUN);
    all.add(DaemonQuery.STOP);
    all.add(ServerVerb.GROUND);
    all.add(ServerVerb.GUEST);
    all.add(ServerVerb.DEMO);
    all.add(DaemonQuery.STATUS);
    // The device classes: a new one is one line here.
    all.addAll(List.of(VifQuery.values()));
    all.addAll(List.of(ConsoleQuery.values()));
    all.add(ServerVerb.CONSOLE_ATTACH);
    all.addAll(List.of(SwitchQuery.values()));
    all.addAll(List.of(CaptureQuery.values()));
    all.add(DaemonQuery.EVENTS);
    all.add(DaemonQuery.HELP);
    all.add(DaemonQuery.VERSION);
    all.add(ServerVerb.REHEARSE);
    all.add(DaemonQuery.REHEARSE_QUERIES);
    all.add(ServerVerb.SOCKET_TRANSFER);
    return all;
  }

  Syntax syntax();

  /// What it is called by: `vif`, `show`.
  default List<String> words() {
    return syntax().words();
  }

  /// Likewise as one text.
  default String phrase() {
    return String.join(" ", words());
  }

  /// What it may be given beside [#words].
  default List<Option> options() {
    return syntax().options();
  }

  /// Whether it is for netback's own use, which the help keeps quiet about.
  default boolean isHidden() {
    return syntax().description().isEmpty();
  }

  /// The commands whose words begin like this.
  static List<Verb> startingWith(List<String> words) {
    List<Verb> found = new ArrayList<>();
    for (Verb verb : all()) {
      List<String> own = verb.words();
      if (own.size() >= words.size() && own.subList(0, words.size()).equals(words)) {
        found.add(verb);
      }
    }
    return found;
  }

  /// The words that may come next, without those that the help keeps quiet about; none if the
  /// command is complete.
  static Set<String> wordsAfter(List<String> words) {
    Set<String> next = new LinkedHashSet<>();
    for (Verb verb : startingWith(words)) {
      if (verb.words().size() > words.size() && !verb.isHidden()) {
        next.add(verb.words().get(words.size()));
      }
    }
    return next;
  }
}
