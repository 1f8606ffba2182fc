package org.netback.adapters.tap;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import org.netback.packet.MacAddress;

/// What a tap is to be like when it is opened.
///
/// @param name of the interface, or a template of which the kernel replaces `%d` by a number
/// @param namespace network namespace to make it in, by the name that `ip netns` gives it or by a
///   path; empty for the daemon's own
/// @param queues descriptors that frames go through, 1 to 256; more than 1 makes a multi-queue tap
/// @param persistent whether the interface stays when the daemon ends; if not, one that was made
///   persistent by someone else still stays
/// @param offload what the kernel may hand over
/// @param mtu to be set; empty leaves it
/// @param mac the kernel's own address on the interface; empty leaves it
/// @param up whether the interface is switched on
public record TapOptions(
    String name,
    Optional<String> namespace,
    int queues,
    boolean persistent,
    TapOffload offload,
    OptionalInt mtu,
    Optional<MacAddress> mac,
    boolean up) {
  private static final int IFNAMSIZ = 16;

  public TapOptions {
    if (name.isEmpty()
        || name.getBytes(StandardCharsets.UTF_8).length >= IFNAMSIZ
        || name.chars().anyMatch(c -> c == '/' || c == ':' || Character.isWhitespace(c))) {
      throw new IllegalArgumentException(
          "not an interface name of 1 to 15 octets without '/', ':' and blanks: \"" + name + '"');
    }
    if (queues < 1 || queues > 256) {
      throw new IllegalArgumentException("tap " + name + " with " + queues + " queues");
    }
  }

  /// One queue, not persistent, all offloads, switched on.
  public static TapOptions named(String name) {
    return new TapOptions(
        name,
        Optional.empty(),
        1,
        false,
        TapOffload.ALL,
        OptionalInt.empty(),
        Optional.empty(),
        true);
  }

  public TapOptions inNamespace(String newNamespace) {
    return new TapOptions(
        name, Optional.of(newNamespace), queues, persistent, offload, mtu, mac, up);
  }

  public TapOptions withQueues(int newQueues) {
    return new TapOptions(name, namespace, newQueues, persistent, offload, mtu, mac, up);
  }

  public TapOptions withPersistent(boolean newPersistent) {
    return new TapOptions(name, namespace, queues, newPersistent, offload, mtu, mac, up);
  }

  public TapOptions withOffload(TapOffload newOffload) {
    return new TapOptions(name, namespace, queues, persistent, newOffload, mtu, mac, up);
  }

  public TapOptions withMtu(int newMtu) {
    return new TapOptions(
        name, namespace, queues, persistent, offload, OptionalInt.of(newMtu), mac, up);
  }

  public TapOptions withMac(MacAddress newMac) {
    return new TapOptions(
        name, namespace, queues, persistent, offload, mtu, Optional.of(newMac), up);
  }

  public TapOptions withUp(boolean newUp) {
    return new TapOptions(name, namespace, queues, persistent, offload, mtu, mac, newUp);
  }
}
