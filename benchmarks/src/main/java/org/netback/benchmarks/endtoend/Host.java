package org.netback.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.netback.daemon.Namespace;

/// A kernel's stack in a namespace, with one interface that a switch is behind.
///
/// @param number from 1; also the switch's port
record Host(int number, Namespace namespace) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /// The interface, of a name that no other host's has.
  String device() {
    return "p" + number;
  }

  String address() {
    return "10.77.0." + number;
  }

  String mac() throws IOException {
    return link().path("address").asText();
  }

  /// Frames that the interface has handed to the stack.
  long received() throws IOException {
    return link().path("stats64").path("rx").path("packets").asLong();
  }

  private JsonNode link() throws IOException {
    return JSON.readTree(namespace.ip("-s", "-j", "link", "show", device())).path(0);
  }
}
