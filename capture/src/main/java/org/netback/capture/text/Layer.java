package org.netback.capture.text;

/// What was found of one protocol, or of those inside of it.
record Layer(String protocol, String from, String to, String detail) {
  static Layer of(String protocol, String detail) {
    return new Layer(protocol, "", "", detail);
  }

  Layer between(String source, String destination) {
    return new Layer(protocol, source, destination, detail);
  }

  /// With ports behind the addresses.
  Layer betweenPorts(String source, int sourcePort, String destination, int destinationPort) {
    return between(source + '.' + sourcePort, destination + '.' + destinationPort);
  }
}
