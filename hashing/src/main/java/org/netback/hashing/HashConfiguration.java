package org.netback.hashing;

import java.util.StringJoiner;
import org.netback.packet.Frame;
import org.netback.packet.Headers;

/// What a guest has chosen of hashing (io/netif.h, "Control messages"). Immutable: a change makes
/// another, which takes the place of the old one in a single step.
///
/// A frame gets the "maximal" of the types that are switched on: that of TCP if it is TCP and no
/// fragment, else that of its IP. Options and extension headers are passed over, VLAN tags too.
/// What is not IP, or is cut off before it says so, has no hash.
///
/// Any thread.
public final class HashConfiguration {
  /// A frame without a hash.
  public static final long NO_HASH = -1;

  /// As it is before a guest says anything: no algorithm, no types, an empty key, no table.
  public static final HashConfiguration INITIAL =
      new HashConfiguration(false, 0, new Toeplitz(HashKey.EMPTY), HashMapping.MODULO);

  private final boolean toeplitz;
  private final int types;
  private final Toeplitz hash;
  private final HashMapping mapping;

  private HashConfiguration(boolean toeplitz, int types, Toeplitz hash, HashMapping mapping) {
    this.toeplitz = toeplitz;
    this.types = types;
    this.hash = hash;
    this.mapping = mapping;
  }

  /// Whether an algorithm is chosen; there is only one.
  public HashConfiguration withToeplitz(boolean chosen) {
    return new HashConfiguration(chosen, types, hash, mapping);
  }

  /// @param bits of [HashType]s
  public HashConfiguration withTypes(int bits) {
    return new HashConfiguration(toeplitz, bits, hash, mapping);
  }

  public HashConfiguration withKey(HashKey key) {
    return new HashConfiguration(toeplitz, types, new Toeplitz(key), mapping);
  }

  public HashConfiguration withMapping(HashMapping table) {
    return new HashConfiguration(toeplitz, types, hash, table);
  }

  public boolean isToeplitz() {
    return toeplitz;
  }

  public HashMapping mapping() {
    return mapping;
  }

  /// Whether frames are hashed and led to queues by this; if not, the backend does as it likes.
  public boolean isOn() {
    return toeplitz && types != 0;
  }

  /// For people: `off`, or the types and the size of the mapping, 0 for the hash modulo the queues.
  @Override
  public String toString() {
    if (!isOn()) {
      return "off";
    }
    StringJoiner names = new StringJoiner(" ", "toeplitz ", ", mapping " + mapping.size());
    for (HashType type : HashType.values()) {
      if ((types & type.bit()) != 0) {
        names.add(type.name());
      }
    }
    return names.toString();
  }

  /// The hash of a frame with its type, for [#type], [#value] and [#queue].
  ///
  /// @return [#NO_HASH] if no type that is on fits the frame
  public long hash(Frame frame) {
    Headers headers = frame.headers();
    boolean tcp = headers.transport() == Headers.Transport.TCP;
    return switch (headers.ip()) {
      case NONE -> NO_HASH;
      case V4 -> hash(frame, headers, tcp, HashType.IPV4, HashType.IPV4_TCP, 12, 8);
      case V6 -> hash(frame, headers, tcp, HashType.IPV6, HashType.IPV6_TCP, 8, 32);
    };
  }

  private long hash(
      Frame frame,
      Headers headers,
      boolean tcp,
      HashType ofIp,
      HashType ofTcp,
      int addressesAt,
      int addresses) {
    boolean ports = tcp && (types & ofTcp.bit()) != 0;
    if (!ports && (types & ofIp.bit()) == 0) {
      return NO_HASH;
    }
    int value = hash.part(0, frame, headers.ipOffset() + addressesAt, addresses);
    if (!ports) {
      return pack(ofIp, value);
    }
    return pack(ofTcp, value ^ hash.part(addresses, frame, headers.transportOffset(), 4));
  }

  private static long pack(HashType type, int value) {
    return (long) type.number() << Integer.SIZE | value & 0xffff_ffffL;
  }

  /// The type's number of a frame that has a hash.
  public static int type(long hash) {
    return (int) (hash >>> Integer.SIZE);
  }

  public static int value(long hash) {
    return (int) hash;
  }

  /// The queue of a frame; one without a hash goes where a hash of 0 would.
  ///
  /// @param count how many queues there are
  public int queue(long ofFrame, int count) {
    return mapping.queue(ofFrame == NO_HASH ? 0 : value(ofFrame), count);
  }
}
