package org.netback.vswitch;

import org.netback.packet.MacAddress;

/// One line of a network's forwarding database.
///
/// @param address the station
/// @param port the name of the port behind which it is
/// @param ageSeconds since its last sighting, accurate to a second; 0 for a static entry
/// @param isStatic entered by the operator: neither moved nor aged
public record FdbRow(MacAddress address, String port, long ageSeconds, boolean isStatic) {}
