package org.netback.netif;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.packet.OffloadSet;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.grant.GrantTable;

/// What a frontend's directory says, judged as a whole before anything of it is used.
///
/// With one queue the keys are in the directory itself, also if the number of queues is given; with
/// more they are in `queue-0` and on. What is left over of the other form is ignored: a frontend
/// may have had another number of queues before.
///
/// @param ctrl the control ring, if there is one
/// @param rxNotify the frontend notifies when it has posted buffers to receive into
/// @param accepts what may be sent to the guest
record VifSettings(
    List<QueueKeys> queues, Optional<CtrlKeys> ctrl, boolean rxNotify, OffloadSet accepts) {
  /// More than this is never offered, whatever the configuration says.
  static final int MOST_QUEUES = 64;

  private static final long MAX_GREF = 0xffff_ffffL;

  VifSettings {
    queues = List.copyOf(queues);
  }

  /// @param mtu the toolstack's, which bounds what the guest is sent
  /// @throws DeviceException names the key that is wrong
  static VifSettings read(FrontendKeys keys, int maxQueues, int mtu) throws DeviceException {
    int count = 1;
    if (keys.has("multi-queue-num-queues")) {
      count = (int) keys.number("multi-queue-num-queues", 1, maxQueues);
    }
    // Page flipping is all that a frontend could want instead, and no backend does it any more.
    if (!keys.flag("request-rx-copy", true)) {
      throw new DeviceException("request-rx-copy is 0, and there is nothing but copying");
    }
    List<QueueKeys> queues = new ArrayList<>();
    Map<Long, String> refs = new HashMap<>();
    Map<Long, String> ports = new HashMap<>();
    for (int i = 0; i < count; i++) {
      queues.add(readQueue(keys, count == 1 ? "" : "queue-" + i + '/', refs, ports));
    }
    return new VifSettings(
        queues,
        readCtrl(keys, refs, ports),
        keys.flag("feature-rx-notify", false),
        accepts(keys, mtu));
  }

  private static QueueKeys readQueue(
      FrontendKeys keys, String prefix, Map<Long, String> refs, Map<Long, String> ports)
      throws DeviceException {
    int txRef = unique(keys, prefix + "tx-ring-ref", 0, MAX_GREF, refs);
    int rxRef = unique(keys, prefix + "rx-ring-ref", 0, MAX_GREF, refs);
    String txKey = prefix + "event-channel-tx";
    String rxKey = prefix + "event-channel-rx";
    String oneKey = prefix + "event-channel";
    boolean split = keys.has(txKey) && keys.has(rxKey);
    if (!split && !keys.has(oneKey) && (keys.has(txKey) || keys.has(rxKey))) {
      // Names the half that is missing.
      keys.number(txKey, 1, Integer.MAX_VALUE);
      keys.number(rxKey, 1, Integer.MAX_VALUE);
    }
    if (!split) {
      int port = unique(keys, oneKey, 1, Integer.MAX_VALUE, ports);
      return new QueueKeys(prefix, txRef, rxRef, port, port);
    }
    return new QueueKeys(
        prefix,
        txRef,
        rxRef,
        unique(keys, txKey, 1, Integer.MAX_VALUE, ports),
        unique(keys, rxKey, 1, Integer.MAX_VALUE, ports));
  }

  /// A channel without a ring is left over from a frontend before this one.
  private static Optional<CtrlKeys> readCtrl(
      FrontendKeys keys, Map<Long, String> refs, Map<Long, String> ports) throws DeviceException {
    if (!keys.has(CtrlKeys.RING)) {
      return Optional.empty();
    }
    return Optional.of(
        new CtrlKeys(
            unique(keys, CtrlKeys.RING, 0, MAX_GREF, refs),
            unique(keys, CtrlKeys.CHANNEL, 1, Integer.MAX_VALUE, ports)));
  }

  private static int unique(
      FrontendKeys keys, String key, long min, long max, Map<Long, String> taken)
      throws DeviceException {
    long value = keys.number(key, min, max);
    String other = taken.putIfAbsent(value, key);
    if (other != null) {
      throw new DeviceException(key + " is " + value + ", as is " + other);
    }
    return (int) value;
  }

  /// Segmentation is of no use to a guest that cannot take a frame in several buffers, or cannot
  /// complete the checksum; such a guest gets no GSO even if it asks for it, as from Linux. Behind
  /// a VLAN tag nothing is left to any guest: Linux's netfront drops a blank checksum unless the
  /// ethertype in front is that of IP, and no key of netif.h says that a frontend knows better.
  private static OffloadSet accepts(FrontendKeys keys, int mtu) throws DeviceException {
    boolean sg = keys.flag("feature-sg", false);
    boolean ipv4 = !keys.flag("feature-no-csum-offload", false);
    boolean ipv6 = keys.flag("feature-ipv6-csum-offload", false);
    boolean tcpv4 = keys.flag("feature-gso-tcpv4", false);
    boolean tcpv6 = keys.flag("feature-gso-tcpv6", false);
    return new OffloadSet(
        ipv4,
        ipv6,
        sg && ipv4 && tcpv4,
        sg && ipv6 && tcpv6,
        false,
        sg ? OffloadSet.MAX_LENGTH : GrantTable.PAGE_SIZE,
        mtu);
  }

  /// Where the control ring and its channel are.
  record CtrlKeys(int ref, int port) {
    static final String RING = "ctrl-ring-ref";
    static final String CHANNEL = "event-channel-ctrl";
  }

  /// Where one queue's rings and channels are.
  ///
  /// @param prefix of its keys, for messages: "" or "queue-1/"
  /// @param rxPort the same as the tx port if the queue has one channel for both
  record QueueKeys(String prefix, int txRef, int rxRef, int txPort, int rxPort) {
    boolean isSplit() {
      return txPort != rxPort;
    }
  }
}
