package org.netback.daemon.config;

import java.nio.file.Path;
import java.util.List;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.loop.netty.SocketFile;
import org.netback.xen.embedded.EmbeddedGround;
import org.snakeyaml.engine.v2.nodes.Node;

/// Reads the file's `ground`, and `control`, which must keep out of the ground's way.
final class GroundSection {
  static final List<String> KEYS = List.of("kind", "run", "apart");

  private enum Kind {
    DOM0,
    EMBEDDED
  }

  private GroundSection() {}

  /// @param root of the file, which an error points at where there is no ground
  static GroundChoice read(String file, Node root, YamlMap top, Path directory)
      throws ConfigurationException {
    YamlMap map =
        top.map("ground", KEYS)
            .orElseThrow(
                () ->
                    YamlMap.at(
                        file,
                        root,
                        "\"ground\" is missing: {kind: dom0} on a Xen host, elsewhere {run: DIR}"));
    return switch (map.choice("kind", Kind.values(), Kind.EMBEDDED)) {
      case DOM0 -> {
        for (String key : List.of("run", "apart")) {
          if (map.has(key)) {
            throw map.wrong(
                key,
                '"' + key + "\" is for the embedded ground; a ground of kind dom0 has Xen's own");
          }
        }
        yield new Dom0Choice();
      }
      case EMBEDDED ->
          new EmbeddedChoice(
              map.path("run", directory, EmbeddedGround.MAX_RUN_OCTETS), map.flag("apart", false));
    };
  }

  /// Where the control API listens.
  static Path control(YamlMap top, GroundChoice ground, Path directory)
      throws ConfigurationException {
    RunDirectory run = new RunDirectory(runDirectory(ground));
    if (!top.has("control")) {
      return run.control();
    }
    Path control = top.path("control", directory, SocketFile.MAX_OCTETS);
    if (run.isOfTheGround(control)) {
      throw top.wrong(
          "control", "\"control\" is " + control + ", which the ground needs for itself");
    }
    return control;
  }

  private static Path runDirectory(GroundChoice ground) {
    return switch (ground) {
      case EmbeddedChoice embedded -> embedded.run();
      case Dom0Choice _ -> Path.of(RunDirectory.DEFAULT);
    };
  }
}
