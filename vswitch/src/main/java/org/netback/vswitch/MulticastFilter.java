package org.netback.vswitch;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.netback.packet.MacAddress;

/// The group addresses that a port's peer has asked for by itself, as netif.h's multicast control
/// lets guests do. Kept whether it is applied or not:
/// - applied, the port gets a group's frames if, and only if, the address is listed, whatever
///   snooping knows;
/// - not applied, a listed address is a membership beside those that snooping knows.
///
/// Broadcast is not concerned. The list lives as long as its [SwitchPort]: a peer that comes back
/// finds a new one.
///
/// Any thread. Reading takes no lock, and finds an address that is in the list the whole time.
public final class MulticastFilter {
  /// As many as in Linux.
  public static final int CAPACITY = 64;

  private static final VarHandle ADDRESSES = MethodHandles.arrayElementVarHandle(long[].class);

  private static final long FREE = 0;

  /// An address stays in its place until it is removed, so that no reader misses one that moves.
  private final long[] addresses = new long[CAPACITY];

  /// The places in use, and perhaps free ones among them, are before this.
  private volatile int end;

  private volatile boolean applied;

  MulticastFilter() {}

  /// Lists an address; one that is listed already takes no second place.
  ///
  /// @return false if the list is full
  public synchronized boolean add(long address) {
    int free = -1;
    for (int i = 0; i < CAPACITY; i++) {
      if (addresses[i] == address) {
        return true;
      }
      if (addresses[i] == FREE && free < 0) {
        free = i;
      }
    }
    if (free < 0) {
      return false;
    }
    ADDRESSES.setRelease(addresses, free, address);
    if (free >= end) {
      end = free + 1;
    }
    return true;
  }

  /// Takes an address off the list, if it is on it.
  public synchronized void remove(long address) {
    int last = 0;
    for (int i = 0; i < CAPACITY; i++) {
      if (addresses[i] == address) {
        ADDRESSES.setRelease(addresses, i, FREE);
      } else if (addresses[i] != FREE) {
        last = i + 1;
      }
    }
    end = last;
  }

  public void apply(boolean whether) {
    applied = whether;
  }

  public boolean isApplied() {
    return applied;
  }

  /// Whether a group's frames are to be kept from the port.
  boolean isRejecting(long address) {
    return applied && !contains(address);
  }

  /// @param address a group's
  boolean contains(long address) {
    int count = end;
    for (int i = 0; i < count; i++) {
      if ((long) ADDRESSES.getAcquire(addresses, i) == address) {
        return true;
      }
    }
    return false;
  }

  /// What is listed now.
  public synchronized List<MacAddress> addresses() {
    List<MacAddress> listed = new ArrayList<>();
    for (long address : addresses) {
      if (address != FREE) {
        listed.add(new MacAddress(address));
      }
    }
    return listed;
  }
}
