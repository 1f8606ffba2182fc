package org.netback.xen.frontends;

/// What has passed one queue since its [Netfront] was made, over all connections. Written by the
/// queue's loop alone; a reader on another thread sees values that may be a moment old.
public final class NetfrontCounters {
  long txFrames;
  long txOctets;
  long txErrors;
  long txRefused;
  long txFull;
  long txNotified;
  long txNotNotified;
  long rxFrames;
  long rxOctets;
  long rxMultiSlot;
  long rxGso;
  long rxHashed;
  long rxMalformed;
  long rxBadOffload;
  long rxNotified;
  long rxNotNotified;

  NetfrontCounters() {}

  public long txFrames() {
    return txFrames;
  }

  public long txOctets() {
    return txOctets;
  }

  /// Slots that the backend answered with an error or as dropped.
  public long txErrors() {
    return txErrors;
  }

  /// Frames of [SendResult#REFUSED].
  public long txRefused() {
    return txRefused;
  }

  /// How often the ring was found full.
  public long txFull() {
    return txFull;
  }

  /// Pushes of tx requests that the backend wanted to be told of.
  public long txNotified() {
    return txNotified;
  }

  /// Pushes of tx requests that it did not: notifications saved.
  public long txNotNotified() {
    return txNotNotified;
  }

  public long rxFrames() {
    return rxFrames;
  }

  public long rxOctets() {
    return rxOctets;
  }

  /// Received frames of more than one data slot.
  public long rxMultiSlot() {
    return rxMultiSlot;
  }

  /// Received frames that carried a GSO extra.
  public long rxGso() {
    return rxGso;
  }

  /// Received frames that carried a HASH extra.
  public long rxHashed() {
    return rxHashed;
  }

  /// Received packets that were dropped because their slots made no sense.
  public long rxMalformed() {
    return rxMalformed;
  }

  /// Received packets that were dropped because their checksum was blank, or they were to be
  /// segmented, and they were not TCP or UDP directly behind an Ethernet header without VLAN tags
  /// and IP: as Linux drops them.
  public long rxBadOffload() {
    return rxBadOffload;
  }

  /// Pushes of rx buffers that the backend wanted to be told of.
  public long rxNotified() {
    return rxNotified;
  }

  /// Pushes of rx buffers that it did not: notifications saved.
  public long rxNotNotified() {
    return rxNotNotified;
  }
}
