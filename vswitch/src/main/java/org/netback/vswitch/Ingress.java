package org.netback.vswitch;

import java.util.Arrays;
import org.netback.offload.Admission;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.MacAddress;

/// The way of one sending queue's frames through the switch: learn, decide, collect by egress port,
/// do the offload work that a receiver does not take, hand over. Confined to the thread of that
/// queue's loop, close included.
///
/// Frames to the same port keep their order. A frame that goes to several ports is handed to each
/// as that port takes it.
public final class Ingress implements AutoCloseable {
  /// Ports with frames in a round at a time; when one more is needed, those collected go out first.
  private static final int MAX_OPEN = 32;

  private static final byte NOT_OPEN = -1;

  /// What no frame has.
  private static final long NO_ADDRESS = -1;

  private final SwitchPort port;
  private final PortTraffic traffic;
  private final int queue;
  private final Network network;
  private final MacTable macTable;
  private final Snooping snooping;
  private final MembershipMessage message = new MembershipMessage();
  private final Forwarding.Unicast home;
  private final RoundDrops drops;
  private final Delivery delivery;

  /// The entries of the last frame, which the next one is likely to need again.
  private MacEntry lastSource = MacEntry.listEnd();

  private MacEntry lastDestination = MacEntry.listEnd();

  // The addresses of the round's last frame that went to one port, and that port's frames. Runs of
  // frames of one flow are what most rounds are made of.
  private long runSource;
  private long runDestination = NO_ADDRESS;
  private Egress runEgress;

  private final Egress[] open = new Egress[MAX_OPEN];
  private int openCount;

  /// Where a port's frames are in [#open], by the port's index.
  private byte[] openAt = {};

  // What the round has come to, added to the network's counters at its end.
  private int unicast;
  private int flooded;
  private int multicast;
  private int discarded;

  /// A sink: keeps the compiler from leaving out [MacTable#fetch].
  @SuppressWarnings("UnusedVariable")
  private long fetched;

  Ingress(SwitchPort port, Network network, int queue) {
    this.port = port;
    this.traffic = port.traffic();
    this.queue = queue;
    this.drops = new RoundDrops(traffic, queue);
    this.delivery = new Delivery(drops);
    this.network = network;
    this.macTable = network.macTable();
    this.snooping = network.snooping();
    this.home = port.unicast();
    Arrays.setAll(open, _ -> new Egress(port));
    this.runEgress = open[0];
  }

  /// Carries a round's frames to where they belong. The frames are lent: when this returns, nobody
  /// holds them any more. Their checksums may have been completed in place.
  public void forward(FrameBatch frames) {
    PortObservation[] observers = traffic.observers();
    boolean observed = observers.length != 0;
    int count = frames.size();
    traffic.counters().ingress(count, frames.octets());
    if (observed) {
      PortTraffic.showIngress(observers, queue, frames);
    }
    if (!port.isAttached()) {
      traffic.drop(DropReason.PORT_DOWN, queue, frames, 0);
      return;
    }
    // Where each frame is to be seen, or to be judged by more than its addresses, none goes by the
    // decision for the one before.
    boolean singly = observed;
    drops.begin(observers);
    forgetUnfinished();
    long now = network.now();
    SwitchPort[] ports = network.snapshot();
    fetched += macTable.fetch(frames);
    for (int i = 0; i < count; i++) {
      Frame frame = frames.get(i);
      if (isOfRun(frame)) {
        unicast++;
        add(runEgress, frame);
        continue;
      }
      Forwarding forwarding = decide(frame, now);
      if (frame.isTorn()) {
        continue;
      }
      if (forwarding instanceof Forwarding.Discard discard) {
        discard(discard.reason(), frame);
        continue;
      }
      if (observed) {
        PortTraffic.showForwarded(observers, queue, frame, forwarding);
      }
      if (forwarding instanceof Forwarding.Unicast to) {
        unicast++;
        Egress collected = collect(to.egress(), frame);
        if (!singly) {
          runEgress = collected;
          runSource = frame.source();
          runDestination = frame.destination();
        }
      } else if (forwarding == Forwarding.Flood.ALL_BUT_INGRESS) {
        flood(ports, frame);
      } else {
        toListeners(ports, frame, forwarding);
      }
    }
    sendAll();
    drops.count();
    countRound();
  }

  private void discard(DropReason reason, Frame frame) {
    discarded++;
    drops.drop(reason, frame);
  }

  /// Whether a frame has the addresses of the last one that went to one port, so that nothing needs
  /// to be looked up. Of none in a round whose frames are decided singly.
  private boolean isOfRun(Frame frame) {
    return frame.length() >= Frame.MIN_LENGTH
        && frame.destination() == runDestination
        && frame.source() == runSource
        && isAdmitted(frame)
        && !frame.isTorn();
  }

  private Forwarding decide(Frame frame, long now) {
    if (frame.length() < Frame.MIN_LENGTH) {
      return Forwarding.Discard.TOO_SHORT;
    }
    if (!see(frame.source(), now)) {
      return Forwarding.Discard.SOURCE_INVALID;
    }
    if (!isAdmitted(frame)) {
      return Forwarding.Discard.BAD_OFFLOAD;
    }
    long destination = frame.destination();
    MacEntry entry = lastDestination;
    Forwarding forwarding = entry.forwarding;
    if (entry.key != destination || forwarding == Forwarding.Flood.ALL_BUT_INGRESS) {
      if (MacAddress.isGroup(destination)) {
        return snooping.decide(frame, destination, port, message, now);
      }
      entry = macTable.lookup(destination);
      forwarding = entry.forwarding;
      lastDestination = entry;
    }
    if (macTable.isTooOld(entry, now)) {
      return Forwarding.Flood.ALL_BUT_INGRESS;
    }
    return forwarding == home ? Forwarding.Discard.SAME_PORT : forwarding;
  }

  /// Whether a frame's headers are those of what it asks for; asked when it comes in, so that no
  /// receiver gets one that contradicts itself.
  private static boolean isAdmitted(Frame frame) {
    return !Admission.concerns(frame) || Admission.admit(frame);
  }

  /// Learns from a source address; false if it is none.
  private boolean see(long source, long now) {
    MacEntry entry = lastSource;
    if (entry.key == source && isFreshHere(entry, now)) {
      return true;
    }
    if (MacAddress.isGroup(source) || source == 0) {
      return false;
    }
    entry = macTable.lookup(source);
    if (!entry.isStatic && !isFreshHere(entry, now)) {
      entry = macTable.sight(source, port, now);
    }
    lastSource = entry;
    return true;
  }

  private boolean isFreshHere(MacEntry entry, long now) {
    return entry.forwarding == home && now - entry.seenAt < MacTable.REFRESH_NANOS;
  }

  private void flood(SwitchPort[] ports, Frame frame) {
    // To be read by several receivers.
    if (!frame.pull()) {
      return;
    }
    boolean alone = true;
    for (SwitchPort egress : ports) {
      if (egress != port) {
        alone = false;
        Egress _ = collect(egress, frame);
      }
    }
    if (alone) {
      discard(DropReason.NO_EGRESS, frame);
    } else {
      flooded++;
    }
  }

  private void toListeners(SwitchPort[] ports, Frame frame, Forwarding forwarding) {
    if (!frame.pull()) {
      return;
    }
    long group = frame.destination();
    boolean wanted = false;
    for (SwitchPort egress : ports) {
      if (egress != port && isWanted(egress, forwarding, group, frame)) {
        wanted = true;
        Egress _ = collect(egress, frame);
      }
    }
    if (wanted && forwarding == Forwarding.Flood.MULTICAST) {
      flooded++;
    } else if (wanted || isReport(forwarding)) {
      // A report that no router gets has been heard by the switch.
      multicast++;
    } else {
      discard(DropReason.NO_LISTENER, frame);
    }
  }

  /// Whether a port gets a frame to a group; counts what its peer's own list keeps from it.
  private static boolean isWanted(
      SwitchPort egress, Forwarding forwarding, long group, Frame frame) {
    MulticastFilter filter = egress.multicastFilter();
    if (filter.isApplied()) {
      if (isReport(forwarding) && !isRouter(egress, forwarding)) {
        return false;
      }
      if (!filter.contains(group)) {
        egress.traffic().drop(DropReason.NOT_A_MEMBER, Observer.NO_QUEUE, frame);
        return false;
      }
      return true;
    }
    if (forwarding == Forwarding.Flood.MULTICAST) {
      return true;
    }
    if (forwarding instanceof MulticastGroup joined && joined.has(egress.index())
        || isRouter(egress, forwarding)) {
      return true;
    }
    return !isReport(forwarding) && (!egress.queries().isSettled() || filter.contains(group));
  }

  private static boolean isReport(Forwarding forwarding) {
    return forwarding == Forwarding.Flood.REPORT_IPV4 || forwarding == Forwarding.Flood.REPORT_IPV6;
  }

  private static boolean isRouter(SwitchPort egress, Forwarding forwarding) {
    return egress
        .queries()
        .isRouter(
            forwarding instanceof MulticastGroup joined
                ? joined.ipv6
                : forwarding == Forwarding.Flood.REPORT_IPV6
                    || forwarding == Forwarding.Flood.UNREGISTERED_IPV6);
  }

  private Egress collect(SwitchPort egress, Frame frame) {
    Egress collected = open(egress);
    add(collected, frame);
    return collected;
  }

  private void add(Egress collected, Frame frame) {
    if (collected.frames.isFull()) {
      delivery.send(collected);
    }
    collected.add(frame);
  }

  private Egress open(SwitchPort egress) {
    int index = egress.index();
    if (index < openAt.length && openAt[index] != NOT_OPEN) {
      Egress found = open[openAt[index]];
      if (found.port == egress) {
        return found;
      }
      // The index has passed to another port during this round.
      sendAll();
    }
    if (openCount == MAX_OPEN) {
      sendAll();
    }
    if (index >= openAt.length) {
      int length = openAt.length;
      openAt = Arrays.copyOf(openAt, Math.max(index + 1, length * 2));
      Arrays.fill(openAt, length, openAt.length, NOT_OPEN);
    }
    Egress opened = open[openCount];
    openAt[index] = (byte) openCount;
    openCount++;
    opened.port = egress;
    return opened;
  }

  private void sendAll() {
    for (int i = 0; i < openCount; i++) {
      delivery.send(open[i]);
    }
    closeOpen();
  }

  private void closeOpen() {
    runDestination = NO_ADDRESS;
    for (int i = 0; i < openCount; i++) {
      openAt[open[i].port.index()] = NOT_OPEN;
      open[i].port = port;
    }
    openCount = 0;
  }

  /// After a round that ended in an exception: its frames have died with it.
  private void forgetUnfinished() {
    if (openCount != 0) {
      for (int i = 0; i < openCount; i++) {
        open[i].clear();
      }
      closeOpen();
    }
  }

  private void countRound() {
    network.countRound(unicast, flooded, multicast, discarded);
    unicast = 0;
    flooded = 0;
    multicast = 0;
    discarded = 0;
  }

  /// Gives back the queue's scratch memory. The port stays attached.
  @Override
  public void close() {
    delivery.close();
  }
}
