package org.netback.vswitch;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.netback.packet.Frame;
import org.netback.packet.Headers;
import org.netback.packet.IpHeader;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MulticastPolicy.Unregistered;

/// Where a network's multicast frames go (RFC 4541): to the ports whose hosts have said that they
/// want the group, and to those behind which a multicast router is.
/// - Groups of the link, 224.0.0.0/24 and ff02::1, go to all, since hosts do not report them.
///   Frames that are not IP, or VLAN tagged, do too.
/// - A group that nobody has joined goes to all, or to routers only, those of neighbour discovery
///   excepted or not ([MulticastPolicy.Unregistered]).
/// - Reports go to routers only: a host that heard another's would keep its own to itself.
/// - A message that is malformed goes nowhere; one of an unknown type goes to all.
/// - Without a querier memberships are not repeated, and everything goes to all.
/// - A port that is new gets everything until its hosts were asked and had the time to answer.
/// - A [MulticastFilter] that is applied decides for its port instead of all this.
///
/// Sources are not told apart: who wants some sources of a group gets all of them.
///
/// Any thread; a data frame takes no lock and makes no garbage.
final class Snooping {
  private static final int IPV4_MULTICAST = 0x01005e << 1;
  private static final int IPV6_MULTICAST = 0x3333;
  private static final long RESERVED = 0x0180_c200_0000L;

  /// Where the IP header is: frames with a tag are not looked into.
  private static final int IP = Frame.MIN_LENGTH;

  private final Network network;
  private final MulticastPolicy policy;
  private final MulticastTable table;
  private final Querier querier;
  private final LongAdder malformed = new LongAdder();
  private final LongAdder refusedQueries = new LongAdder();

  Snooping(Network network, MulticastPolicy policy, long now) {
    this.network = network;
    this.policy = policy;
    this.table = new MulticastTable(network, policy);
    this.querier = new Querier(network, policy, now);
  }

  /// Where a frame to a group goes, and what it says of memberships put down.
  ///
  /// @param message scratch of the caller's
  Forwarding decide(
      Frame frame, long destination, SwitchPort from, MembershipMessage message, long now) {
    if ((destination & ~0xfL) == RESERVED) {
      return Forwarding.Discard.RESERVED_GROUP;
    }
    if (destination == MacAddress.BROADCAST) {
      return Forwarding.Flood.ALL_BUT_INGRESS;
    }
    if (policy.snooping()) {
      int type = frame.u16(12);
      if (type == Headers.ETHERTYPE_IPV4 && destination >>> 23 == IPV4_MULTICAST) {
        return ipv4(frame, from, message, now);
      }
      if (type == Headers.ETHERTYPE_IPV6 && destination >>> 32 == IPV6_MULTICAST) {
        return ipv6(frame, from, message, now);
      }
    }
    return Forwarding.Flood.MULTICAST;
  }

  private Forwarding ipv4(Frame frame, SwitchPort from, MembershipMessage message, long now) {
    if (frame.length() < IP + IpHeader.IPV4_SIZE) {
      return Forwarding.Flood.MULTICAST;
    }
    frame.need(IP + IpHeader.IPV4_SIZE);
    int protocol = IpHeader.ipv4Protocol(frame, IP);
    int group = IpHeader.ipv4Destination(frame, IP);
    if (protocol == MembershipMessage.PROTOCOL_IGMP
        || protocol == MembershipMessage.PROTOCOL_PIM
            && group == MembershipMessage.ALL_PIM_ROUTERS) {
      Forwarding control = control(frame, from, message, now);
      if (control != Forwarding.Flood.ALL_BUT_INGRESS) {
        return control;
      }
    }
    if (!MembershipMessage.isForwardedByMembershipIpv4(group) || !querier.isThereOne(false)) {
      return Forwarding.Flood.MULTICAST;
    }
    MulticastGroup found = table.lookup(0, GroupAddress.lowOfIpv4(group));
    return found != MulticastGroup.NONE ? found : unregisteredIpv4();
  }

  private Forwarding ipv6(Frame frame, SwitchPort from, MembershipMessage message, long now) {
    if (frame.length() < IP + IpHeader.IPV6_SIZE) {
      return Forwarding.Flood.MULTICAST;
    }
    frame.need(IP + IpHeader.IPV6_SIZE);
    // MLD always begins with hop-by-hop options.
    if (IpHeader.ipv6Next(frame, IP) == 0) {
      Forwarding control = control(frame, from, message, now);
      if (control != Forwarding.Flood.ALL_BUT_INGRESS) {
        return control;
      }
    }
    long high = IpHeader.ipv6DestinationHigh(frame, IP);
    long low = IpHeader.ipv6DestinationLow(frame, IP);
    if (!MembershipMessage.isForwardedByMembershipIpv6(high, low) || !querier.isThereOne(true)) {
      return Forwarding.Flood.MULTICAST;
    }
    MulticastGroup found = table.lookup(high, low);
    return found != MulticastGroup.NONE ? found : unregisteredIpv6(high, low);
  }

  private Forwarding unregisteredIpv4() {
    return policy.unregistered() == Unregistered.FLOOD
        ? Forwarding.Flood.MULTICAST
        : Forwarding.Flood.UNREGISTERED_IPV4;
  }

  private Forwarding unregisteredIpv6(long high, long low) {
    return switch (policy.unregistered()) {
      case FLOOD -> Forwarding.Flood.MULTICAST;
      case ROUTERS -> Forwarding.Flood.UNREGISTERED_IPV6;
      case ROUTERS_AND_ND ->
          GroupAddress.isSolicitedNode(high, low)
              ? Forwarding.Flood.MULTICAST
              : Forwarding.Flood.UNREGISTERED_IPV6;
    };
  }

  /// Takes note of a message.
  ///
  /// @return where it goes; ALL_BUT_INGRESS if it is none
  private Forwarding control(Frame frame, SwitchPort from, MembershipMessage message, long now) {
    return switch (message.parse(frame)) {
      case NONE -> Forwarding.Flood.ALL_BUT_INGRESS;
      case UNKNOWN -> Forwarding.Flood.MULTICAST;
      case MALFORMED -> {
        malformed.increment();
        yield Forwarding.Discard.BAD_MEMBERSHIP_MESSAGE;
      }
      case ROUTER -> {
        if (from.policy().router() != PortPolicy.Router.NEVER) {
          querier.routerHeard(from, message.isIpv6(), now);
        }
        yield Forwarding.Flood.MULTICAST;
      }
      case REPORT -> {
        report(frame, from, message, now);
        yield message.isIpv6() ? Forwarding.Flood.REPORT_IPV6 : Forwarding.Flood.REPORT_IPV4;
      }
      case QUERY -> {
        if (from.policy().router() == PortPolicy.Router.NEVER) {
          refusedQueries.increment();
          yield Forwarding.Discard.QUERY_REFUSED;
        }
        query(from, message, now);
        yield Forwarding.Flood.MULTICAST;
      }
    };
  }

  private void report(Frame frame, SwitchPort from, MembershipMessage message, long now) {
    boolean ipv6 = message.isIpv6();
    while (message.nextRecord(frame)) {
      switch (message.change()) {
        case NONE -> {}
        case JOIN -> table.join(message.groupHigh(), message.groupLow(), ipv6, from, now);
        case LEAVE ->
            table.leave(message.groupHigh(), message.groupLow(), from, querier.isAsking(ipv6));
      }
    }
  }

  private void query(SwitchPort from, MembershipMessage message, long now) {
    if (message.isGeneral()) {
      querier.queryHeard(from, message, now);
    } else {
      // Twice the time, since the second of the querier's questions may be the first one heard.
      long nanos = TimeUnit.MILLISECONDS.toNanos(message.responseMillis()) * 2;
      table.expectReports(
          message.groupHigh(), message.groupLow(), Math.max(nanos, Querier.LAST_MEMBER_NANOS), now);
    }
  }

  /// Asks, and forgets what was not answered; to be called every second or so, by one thread at a
  /// time.
  void keepHouse(long now) {
    if (policy.snooping()) {
      querier.keepHouse(table.age(now), now);
    }
  }

  void flush(SwitchPort port) {
    table.flush(port);
  }

  List<String> queriers() {
    return policy.snooping() ? querier.names() : List.of("none", "none");
  }

  /// What ports get, by groups; those that get more than their memberships say at the end.
  List<MulticastRow> rows(long now) {
    List<MulticastRow> rows = new ArrayList<>(table.rows(now));
    for (SwitchPort port : network.snapshot()) {
      MulticastFilter filter = port.multicastFilter();
      MulticastRow.Origin origin =
          filter.isApplied() ? MulticastRow.Origin.CONTROL : MulticastRow.Origin.CONTROL_UNAPPLIED;
      for (MacAddress address : filter.addresses()) {
        rows.add(new MulticastRow(address.toString(), port.name(), origin, 0));
      }
    }
    if (policy.snooping()) {
      querier.addRows(rows, now);
    }
    return rows;
  }

  MulticastStatistics statistics() {
    return table.statistics(network.name(), malformed.sum(), refusedQueries.sum(), querier.sent());
  }
}
