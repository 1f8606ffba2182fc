package org.netback.packet;

/// The protocol by which a frame longer than the MTU is to be segmented (netif.h
/// `XEN_NETIF_GSO_TYPE_*`).
public enum GsoType {
  NONE,
  TCPV4,
  TCPV6
}
