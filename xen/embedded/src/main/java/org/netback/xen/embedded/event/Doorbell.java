package org.netback.xen.embedded.event;

/// How one end of an event channel is told of an event: a task on its loop if it lives in this
/// process, else an eventfd.
interface Doorbell {
  /// Rings where nobody listens.
  Doorbell NONE = () -> {};

  /// Any thread; never blocks. Rings merge until the other side has looked.
  void ring();
}
