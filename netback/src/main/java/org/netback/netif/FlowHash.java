package org.netback.netif;

import org.netback.packet.Frame;
import org.netback.packet.Headers;
import org.netback.packet.IpHeader;

/// A number that is the same for all frames of one flow in one direction, to choose a queue by:
/// flows keep their order and spread over the queues. Nobody but the backend sees it; the guest's
/// own choice of hash is another matter. It looks at fixed places alone, since it decides nothing
/// else; [Headers] would cost more.
final class FlowHash {
  private static final int VLAN = 0x8100;
  private static final int SERVICE_VLAN = 0x88a8;
  private static final int TCP = Headers.PROTOCOL_TCP;
  private static final int UDP = Headers.PROTOCOL_UDP;

  private FlowHash() {}

  /// Hashes addresses and, where there are any, ports; of anything but IP the MAC addresses.
  static int of(Frame frame) {
    int at = 12;
    int length = frame.length();
    int type = frame.u16(at);
    for (int tags = 0;
        (type == VLAN || type == SERVICE_VLAN) && tags < 2 && at + 6 <= length;
        tags++) {
      at += 4;
      frame.need(at + 2);
      type = frame.u16(at);
    }
    at += 2;
    if (type == Headers.ETHERTYPE_IPV4 && at + IpHeader.IPV4_SIZE <= length) {
      frame.need(at + IpHeader.IPV4_SIZE);
      int hash = mix(mix(1, IpHeader.ipv4Source(frame, at)), IpHeader.ipv4Destination(frame, at));
      int protocol = IpHeader.ipv4Protocol(frame, at);
      // Only the first fragment has the ports, so none of them counts.
      boolean fragment = IpHeader.isIpv4Fragment(frame, at);
      int ports = at + IpHeader.ipv4Length(frame, at);
      return (protocol == TCP || protocol == UDP) && !fragment && ports + 4 <= length
          ? finish(mix(hash, ports(frame, ports)))
          : finish(hash);
    }
    if (type == Headers.ETHERTYPE_IPV6 && at + IpHeader.IPV6_SIZE <= length) {
      frame.need(at + IpHeader.IPV6_SIZE);
      int hash = 1;
      for (int i = 8; i < 40; i += 4) {
        hash = mix(hash, frame.i32(at + i));
      }
      int next = IpHeader.ipv6Next(frame, at);
      int ports = at + IpHeader.IPV6_SIZE;
      return (next == TCP || next == UDP) && ports + 4 <= length
          ? finish(mix(hash, ports(frame, ports)))
          : finish(hash);
    }
    return finish(mix(mix(mix(1, frame.i32(0)), frame.i32(4)), frame.i32(8)));
  }

  private static int ports(Frame frame, int at) {
    frame.need(at + 4);
    return frame.i32(at);
  }

  private static int mix(int hash, int word) {
    int h = (hash ^ word) * 0x9e3779b1;
    return h ^ h >>> 15;
  }

  /// Spreads the entropy to the high bits, by which the queue is chosen.
  private static int finish(int hash) {
    int h = hash * 0x85ebca6b;
    return h ^ h >>> 13;
  }
}
