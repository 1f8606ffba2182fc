package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import org.netback.xen.ring.RingMessage;

/// A guest's wish on the control ring (io/netif.h, `struct xen_netif_ctrl_request`), 16 octets.
///
/// @param id echoed in the response, 0 to 65535
/// @param type one of the `TYPE_` numbers, which also says what the data mean
public record CtrlRequest(int id, int type, int data0, int data1, int data2)
    implements RingMessage {
  /// Octets of the struct, and of a slot of the control ring.
  public static final int SIZE = 16;

  /// `XEN_NETIF_CTRL_TYPE_INVALID`.
  public static final int TYPE_INVALID = 0;

  /// `XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS`.
  public static final int TYPE_GET_HASH_FLAGS = 1;

  /// `XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS`.
  public static final int TYPE_SET_HASH_FLAGS = 2;

  /// `XEN_NETIF_CTRL_TYPE_SET_HASH_KEY`.
  public static final int TYPE_SET_HASH_KEY = 3;

  /// `XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE`.
  public static final int TYPE_GET_HASH_MAPPING_SIZE = 4;

  /// `XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE`.
  public static final int TYPE_SET_HASH_MAPPING_SIZE = 5;

  /// `XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING`.
  public static final int TYPE_SET_HASH_MAPPING = 6;

  /// `XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM`.
  public static final int TYPE_SET_HASH_ALGORITHM = 7;

  /// `XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE`.
  public static final int TYPE_GET_GREF_MAPPING_SIZE = 8;

  /// `XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING`.
  public static final int TYPE_ADD_GREF_MAPPING = 9;

  /// `XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING`.
  public static final int TYPE_DEL_GREF_MAPPING = 10;

  /// `XEN_NETIF_CTRL_HASH_TYPE_IPV4`.
  public static final int HASH_TYPE_IPV4 = 1;

  /// `XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP`.
  public static final int HASH_TYPE_IPV4_TCP = 1 << 1;

  /// `XEN_NETIF_CTRL_HASH_TYPE_IPV6`.
  public static final int HASH_TYPE_IPV6 = 1 << 2;

  /// `XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP`.
  public static final int HASH_TYPE_IPV6_TCP = 1 << 3;

  /// `XEN_NETIF_CTRL_HASH_ALGORITHM_NONE`.
  public static final int HASH_ALGORITHM_NONE = 0;

  /// `XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ`.
  public static final int HASH_ALGORITHM_TOEPLITZ = 1;

  /// Reads a private slot; any bits give a value.
  public static CtrlRequest read(MemorySegment slot) {
    return new CtrlRequest(
        Octets.u16(slot, 0),
        Octets.u16(slot, 2),
        Octets.u32(slot, 4),
        Octets.u32(slot, 8),
        Octets.u32(slot, 12));
  }

  @Override
  public void writeTo(MemorySegment slot) {
    Octets.put16(slot, 0, id);
    Octets.put16(slot, 2, type);
    Octets.put32(slot, 4, data0);
    Octets.put32(slot, 8, data1);
    Octets.put32(slot, 12, data2);
  }
}
