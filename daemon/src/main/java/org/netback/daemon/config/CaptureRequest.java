package org.netback.daemon.config;

import java.util.List;
import java.util.regex.Pattern;

/// A request to capture. What the words mean is the capture's to judge.
///
/// @param target of a port, a network, or `all`
/// @param filter of libpcap's language; empty for none
/// @param points where; empty for all
/// @param reasons of drops; empty for all
/// @param queue of the port; -1 for all
/// @param snapLength octets of each frame
/// @param count of records; 0 for no bound
/// @param form of the answer: `text`, `json` or `pcapng`
/// @param rawChecksums whether blank checksums stay blank in a file
/// @param command that asks, for the file
public record CaptureRequest(
    String target,
    String filter,
    List<String> points,
    List<String> reasons,
    int queue,
    int snapLength,
    int count,
    String form,
    boolean rawChecksums,
    String command) {
  private static final List<String> KEYS =
      List.of(
          "target",
          "filter",
          "points",
          "reasons",
          "queue",
          "snapLength",
          "count",
          "form",
          "rawChecksums",
          "command");
  private static final Pattern WORD = Pattern.compile("[A-Za-z_-]{1,40}");
  private static final Pattern FORM = Pattern.compile("text|json|pcapng");
  private static final int WHOLE = 65_535;

  /// Reads it as JSON.
  public static CaptureRequest read(String source, String text) throws ConfigurationException {
    YamlMap map = YamlMap.parse(source, "a request to capture", text, KEYS);
    return new CaptureRequest(
        map.text("target"),
        map.text("filter", ""),
        map.texts("points", WORD, "a point"),
        map.texts("reasons", WORD, "a reason"),
        map.integer("queue", -1, WHOLE, -1),
        map.integer("snapLength", 1, WHOLE, WHOLE),
        map.integer("count", 0, Integer.MAX_VALUE, 0),
        map.has("form") ? map.text("form", FORM, "text, json or pcapng") : "text",
        map.flag("rawChecksums", false),
        map.text("command", ""));
  }
}
