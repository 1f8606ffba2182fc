package org.netback.vswitch;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.CRC32;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;
import org.netback.packet.IpAddress;

/// Who asks a network's hosts which groups they are in, and behind which ports multicast routers
/// are (RFC 3376 4.1 and 8, RFC 3810 5.1 and 9, RFC 4541 2.1.1).
///
/// The switch asks while nobody else does. Its queries are IGMPv3 and MLDv2, which older hosts
/// understand as their own; IGMP's come from 0.0.0.0, so that a router never takes the switch for a
/// better one. A router that asks is left to it as long as it is heard, and its port gets all
/// groups.
///
/// A port that is new is asked at once, with a second's time to answer; until then it gets
/// everything, since what its hosts have joined before is not known.
///
/// Heard from all loops; everything else is for the one thread that keeps house.
final class Querier {
  static final int LAST_MEMBER_QUERIES = 2;

  /// What a last member has from the second question on.
  static final long LAST_MEMBER_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final int LAST_MEMBER_RESPONSE_MILLIS = 1000;
  private static final int ROBUSTNESS = 2;
  private static final int STARTUP_QUERIES = 2;

  /// After the time to answer: what the answer needs to get here.
  private static final long SETTLING_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long LONGEST_RESPONSE_MILLIS = 25_000;
  private static final long MAC_TO_ALL_HOSTS = 0x0100_5e00_0001L;
  private static final long MAC_TO_ALL_NODES = 0x3333_0000_0001L;
  private static final int IPV4_TO_ALL_HOSTS = 0xe000_0001;
  private static final long IPV6_LINK_LOCAL_GROUP = 0xff02_0000_0000_0000L;
  private static final int IGMP_FRAME = 14 + 24 + 12;
  private static final int MLD_FRAME = 14 + 40 + 8 + 28;

  private final Network network;
  private final MulticastPolicy policy;
  private final long mac;
  private final Family[] families;
  private final LongAdder sent = new LongAdder();

  // Scratch of the thread that keeps house.
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 256);
  private final FrameBatch batch = new FrameBatch(1);

  /// What is known for one of the two protocols.
  private static final class Family {
    final boolean ipv6;
    long nextQueryAt;
    int startupQueriesLeft = STARTUP_QUERIES;

    /// Whether another one asks, and how long that is believed. The second is written first.
    volatile boolean other;

    volatile long otherUntil;
    volatile String otherAddress = "";

    Family(boolean ipv6, long now) {
      this.ipv6 = ipv6;
      this.nextQueryAt = now;
    }

    void expire(long now) {
      if (other && now - otherUntil >= 0) {
        other = false;
        nextQueryAt = now;
      }
    }
  }

  Querier(Network network, MulticastPolicy policy, long now) {
    this.network = network;
    this.policy = policy;
    this.mac = macOf(network.name());
    this.families = new Family[] {new Family(false, now), new Family(true, now)};
  }

  /// An address of our own making, from the range for those (the locally administered bit).
  private static long macOf(String network) {
    CRC32 crc = new CRC32();
    crc.update(network.getBytes(StandardCharsets.UTF_8));
    return 0x0200_0000_0000L | 0x4e00_0000L << 8 | crc.getValue() & 0xffff_ffffL;
  }

  private Family family(boolean ipv6) {
    return families[ipv6 ? 1 : 0];
  }

  /// Whether hosts are asked at all, without which nothing may be filtered.
  boolean isThereOne(boolean ipv6) {
    return policy.querier() || family(ipv6).other;
  }

  /// Whether the switch is the one who asks.
  boolean isAsking(boolean ipv6) {
    return policy.querier() && !family(ipv6).other;
  }

  /// A general query has come.
  void queryHeard(SwitchPort from, MembershipMessage query, long now) {
    long response = Math.min(query.responseMillis(), LONGEST_RESPONSE_MILLIS);
    long settledAt = now + TimeUnit.MILLISECONDS.toNanos(response) + SETTLING_NANOS;
    for (SwitchPort port : network.snapshot()) {
      port.queries().asked(settledAt);
    }
    if (query.hasNoSource()) {
      // Another switch: its hosts are asked, but no router is there and nobody takes over.
      return;
    }
    Family family = family(query.isIpv6());
    family.otherUntil = now + policy.querierInterval().toNanos();
    family.otherAddress =
        query.isIpv6()
            ? IpAddress.ipv6(query.sourceHigh(), query.sourceLow())
            : IpAddress.ipv4((int) query.sourceLow());
    family.other = true;
    routerHeard(from, query.isIpv6(), now);
  }

  void routerHeard(SwitchPort port, boolean ipv6, long now) {
    port.queries().routerUntil(ipv6, now + policy.querierInterval().toNanos());
  }

  /// Asks whoever is to be asked now.
  ///
  /// @param leaving memberships whose port is to be asked whether somebody is left
  void keepHouse(List<Membership> leaving, long now) {
    SwitchPort[] ports = network.snapshot();
    for (SwitchPort port : ports) {
      port.queries().expireRouter(now);
      if (port.policy().router() == PortPolicy.Router.ALWAYS) {
        routerHeard(port, false, now);
        routerHeard(port, true, now);
      }
    }
    for (Family family : families) {
      family.expire(now);
      if (isAsking(family.ipv6) && now - family.nextQueryAt >= 0) {
        askAll(family, ports, now);
      }
    }
    for (SwitchPort port : ports) {
      if (port.queries().isToBeAsked() && policy.querier()) {
        // Also where another one asks, who does not know of the new port. It does not see this.
        send(port, false, 0, 0, LAST_MEMBER_RESPONSE_MILLIS);
        send(port, true, 0, 0, LAST_MEMBER_RESPONSE_MILLIS);
        port.queries()
            .asked(
                now + TimeUnit.MILLISECONDS.toNanos(LAST_MEMBER_RESPONSE_MILLIS) + SETTLING_NANOS);
      }
      port.queries().settle(now);
    }
    for (Membership membership : leaving) {
      MulticastGroup group = membership.group();
      send(
          membership.port(),
          group.ipv6,
          group.high,
          group.ipv6 ? group.low : group.low & 0xffff_ffffL,
          LAST_MEMBER_RESPONSE_MILLIS);
    }
  }

  private void askAll(Family family, SwitchPort[] ports, long now) {
    long nanos = policy.queryInterval().toNanos();
    if (family.startupQueriesLeft > 0) {
      family.startupQueriesLeft--;
      nanos /= 4;
    }
    family.nextQueryAt = now + nanos;
    int responseMillis = (int) policy.responseTime().toMillis();
    for (SwitchPort port : ports) {
      if (!port.queries().isToBeAsked()) {
        send(port, family.ipv6, 0, 0, responseMillis);
      }
    }
  }

  /// Sends a query for a group, or for all if the address is 0.
  private void send(SwitchPort port, boolean ipv6, long high, long low, int responseMillis) {
    arena.clear();
    batch.clear();
    Frame frame = ipv6 ? mldQuery(high, low, responseMillis) : igmpQuery((int) low, responseMillis);
    if (port.multicastFilter().isRejecting(frame.destination())) {
      return;
    }
    batch.add(frame);
    port.transmit(port.port(), batch);
    sent.increment();
  }

  private Frame igmpQuery(int group, int responseMillis) {
    Frame frame = arena.allocate(IGMP_FRAME);
    int destination = group == 0 ? IPV4_TO_ALL_HOSTS : group;
    ethernet(
        frame,
        group == 0 ? MAC_TO_ALL_HOSTS : 0x0100_5e00_0000L | group & 0x7f_ffff,
        Headers.ETHERTYPE_IPV4);
    int ip = 14;
    frame.putU16(ip, 0x46c0); // 24 octets of header; internetwork control
    frame.putU16(ip + 2, IGMP_FRAME - 14);
    frame.putI32(ip + 4, 0x4000); // do not fragment
    frame.putU16(ip + 8, 0x0102); // TTL 1, IGMP
    frame.putU16(ip + 10, 0);
    frame.putI32(ip + 12, 0);
    frame.putI32(ip + 16, destination);
    frame.putI32(ip + 20, 0x9404_0000); // router alert
    frame.putU16(ip + 10, InternetChecksum.finish(InternetChecksum.sum(frame, ip, 24)));
    int igmp = ip + 24;
    frame.putU8(igmp, 0x11);
    frame.putU8(igmp + 1, igmpCode(responseMillis / 100));
    frame.putU16(igmp + 2, 0);
    frame.putI32(igmp + 4, group);
    frame.putU8(igmp + 8, ROBUSTNESS);
    frame.putU8(igmp + 9, igmpCode((int) policy.queryInterval().toSeconds()));
    frame.putU16(igmp + 10, 0);
    frame.putU16(igmp + 2, InternetChecksum.finish(InternetChecksum.sum(frame, igmp, 12)));
    return frame;
  }

  private Frame mldQuery(long high, long low, int responseMillis) {
    Frame frame = arena.allocate(MLD_FRAME);
    boolean general = high == 0 && low == 0;
    ethernet(
        frame,
        general ? MAC_TO_ALL_NODES : 0x3333_0000_0000L | low & 0xffff_ffffL,
        Headers.ETHERTYPE_IPV6);
    int ip = 14;
    frame.putI32(ip, 0x6000_0000);
    frame.putU16(ip + 4, MLD_FRAME - 14 - 40);
    frame.putU16(ip + 6, 0x0001); // hop-by-hop options, one hop
    putI64(frame, ip + 8, 0xfe80_0000_0000_0000L);
    // The modified EUI-64 of our address.
    putI64(frame, ip + 16, (mac >>> 24 ^ 0x02_0000L) << 40 | 0xff_fe00_0000L | mac & 0xff_ffffL);
    putI64(frame, ip + 24, general ? IPV6_LINK_LOCAL_GROUP : high);
    putI64(frame, ip + 32, general ? 1 : low);
    int options = ip + 40;
    frame.putI32(options, 0x3a00_0502); // ICMPv6 next; router alert
    frame.putI32(options + 4, 0x0000_0100); // for MLD; padding
    int mld = options + 8;
    frame.putI32(mld, 130 << 24);
    frame.putU16(mld + 4, responseMillis);
    frame.putU16(mld + 6, 0);
    putI64(frame, mld + 8, high);
    putI64(frame, mld + 16, low);
    frame.putU8(mld + 24, ROBUSTNESS);
    frame.putU8(mld + 25, igmpCode((int) policy.queryInterval().toSeconds()));
    frame.putU16(mld + 26, 0);
    int sum =
        InternetChecksum.combine(
            InternetChecksum.pseudoHeaderIpv6(frame, ip, 58, 28),
            InternetChecksum.sum(frame, mld, 28));
    frame.putU16(mld + 2, InternetChecksum.finish(sum));
    return frame;
  }

  private void ethernet(Frame frame, long destination, int type) {
    frame.putU16(0, (int) (destination >>> 32));
    frame.putI32(2, (int) destination);
    frame.putU16(6, (int) (mac >>> 32));
    frame.putI32(8, (int) mac);
    frame.putU16(12, type);
  }

  private static void putI64(Frame frame, int at, long value) {
    frame.putI32(at, (int) (value >>> 32));
    frame.putI32(at + 4, (int) value);
  }

  /// A number as RFC 3376 4.1.1 packs it: 0 to 127 as it is, larger ones with an exponent.
  static int igmpCode(int value) {
    if (value < 128) {
      return value;
    }
    int exponent = 0;
    int mantissa = value >>> 3;
    while (mantissa > 0x1f) {
      mantissa >>>= 1;
      exponent++;
    }
    return exponent > 7 ? 0xff : 0x80 | exponent << 4 | mantissa & 0xf;
  }

  long sent() {
    return sent.sum();
  }

  void addRows(List<MulticastRow> rows, long now) {
    for (SwitchPort port : network.snapshot()) {
      for (Family family : families) {
        if (port.queries().isRouter(family.ipv6)) {
          long left = port.queries().routerLeft(family.ipv6, now);
          boolean configured = port.policy().router() == PortPolicy.Router.ALWAYS;
          rows.add(
              new MulticastRow(
                  "*",
                  port.name(),
                  family.ipv6 ? MulticastRow.Origin.ROUTER_IPV6 : MulticastRow.Origin.ROUTER_IPV4,
                  configured ? 0 : Math.max(0, TimeUnit.NANOSECONDS.toSeconds(left))));
        }
      }
      if (!port.queries().isSettled()) {
        rows.add(new MulticastRow("*", port.name(), MulticastRow.Origin.SETTLING, 0));
      }
    }
  }

  /// Who asks now, for IPv4 and for IPv6: an address, `self` or `none`.
  List<String> names() {
    List<String> names = new ArrayList<>();
    for (Family family : families) {
      names.add(family.other ? family.otherAddress : policy.querier() ? "self" : "none");
    }
    return names;
  }
}
