package org.netback.benchmarks;

import java.util.ArrayList;
import java.util.List;

/// What guests do, the same against netback and against the backend in C.
///
/// @param octets of each frame; above a page it is sent as TCPv4 GSO
/// @param queues of each guest
/// @param inFlight most frames under way; [#UNBOUNDED] for what the rings hold
/// @param learning whether the sender's address is learned from its frames
record Workload(Mode mode, int octets, int queues, int inFlight, boolean learning) {
  static final int UNBOUNDED = 256;

  /// The options that both programs have in common.
  List<String> options() {
    return new ArrayList<>(
        List.of(
            "-s",
            Integer.toString(octets),
            "-q",
            Integer.toString(queues),
            "-w",
            Integer.toString(mode.looks()),
            "-n",
            Integer.toString(inFlight)));
  }

  @Override
  public String toString() {
    return mode + ":" + octets + ':' + queues + ':' + inFlight + (learning ? ":learning" : "");
  }
}
