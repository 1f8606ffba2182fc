package org.netback.xen.embedded;

import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GuestMemory;

/// A domain as the hypervisor alone makes it, whose guest lives in this process: no toolstack has
/// given it devices, and it has no store.
public final class BareDomain implements AutoCloseable {
  private final GuestMemory memory;
  private final EventChannels events;
  private final String name;
  private final Runnable destroy;

  BareDomain(GuestMemory memory, EventChannels events, String name, Runnable destroy) {
    this.memory = memory;
    this.events = events;
    this.name = name;
    this.destroy = destroy;
  }

  public int domid() {
    return memory.domid();
  }

  public String name() {
    return name;
  }

  public GuestMemory memory() {
    return memory;
  }

  public EventChannels events() {
    return events;
  }

  /// Destroys the domain: every later access to its memory throws IllegalStateException.
  /// Idempotent.
  @Override
  public void close() {
    destroy.run();
  }
}
