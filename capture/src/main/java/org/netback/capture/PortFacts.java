package org.netback.capture;

import java.util.Optional;
import org.netback.packet.MacAddress;

/// What a capture file says of a port beside its name.
///
/// @param description who is behind it
/// @param speed in bits per second; 0 if it has none
public record PortFacts(String description, Optional<MacAddress> address, long speed) {
  public static final PortFacts NONE = new PortFacts("", Optional.empty(), 0);
}
