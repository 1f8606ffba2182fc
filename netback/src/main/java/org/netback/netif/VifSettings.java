package org.netback.netif;

import java.util.ArrayList;
import java.util.List;
import org.netback.packet.OffloadSet;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.grant.GrantTable;

/// What a frontend's directory says of its vif, except the references and ports themselves, which
/// an attachment reads by the keys here.
///
/// With one queue the keys are in the directory itself, also if the number of queues is given; with
/// more they are in `queue-0` and on. What is left over of the other form is ignored: a frontend
/// may have had another number of queues before.
///
/// @param ctrl whether there is a control ring
/// @param rxNotify the frontend notifies when it has posted buffers to receive into
/// @param accepts what may be sent to the guest
record VifSettings(List<QueueKeys> queues, boolean ctrl, boolean rxNotify, OffloadSet accepts) {
  /// More than this is never offered, whatever the configuration says.
  static final int MOST_QUEUES = 64;

  static final String CTRL_RING = "ctrl-ring-ref";
  static final String CTRL_CHANNEL = "event-channel-ctrl";

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
    for (int i = 0; i < count; i++) {
      queues.add(readQueue(keys, count == 1 ? "" : "queue-" + i + '/'));
    }
    // A channel without a ring is left over from a frontend before this one.
    return new VifSettings(
        queues, keys.has(CTRL_RING), keys.flag("feature-rx-notify", false), accepts(keys, mtu));
  }

  private static QueueKeys readQueue(FrontendKeys keys, String prefix) throws DeviceException {
    QueueKeys split = new QueueKeys(prefix, true);
    QueueKeys one = new QueueKeys(prefix, false);
    boolean tx = keys.has(split.txChannel());
    boolean rx = keys.has(split.rxChannel());
    // If neither form is whole, the half that is missing is named.
    return tx && rx || (tx || rx) && !keys.has(one.txChannel()) ? split : one;
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

  /// The keys of one queue's rings and channels.
  ///
  /// @param prefix of its keys: "" or "queue-1/"
  /// @param split whether it has a channel for each ring
  record QueueKeys(String prefix, boolean split) {
    String txRing() {
      return prefix + "tx-ring-ref";
    }

    String rxRing() {
      return prefix + "rx-ring-ref";
    }

    String txChannel() {
      return prefix + (split ? "event-channel-tx" : "event-channel");
    }

    String rxChannel() {
      return prefix + (split ? "event-channel-rx" : "event-channel");
    }
  }
}
