package org.netback.vswitch;

import org.netback.packet.Frame;
import org.netback.packet.Headers;
import org.netback.packet.InternetChecksum;
import org.netback.packet.IpHeader;

/// An IGMP (RFC 1112, 2236, 3376) or MLD (RFC 2710, 3810) message in a frame: judged as a whole by
/// [#parse], then read. A reusable object, so that reading costs no garbage.
///
/// Any octets give a defined answer. A message whose lengths, checksums or addresses are wrong is
/// [Kind#MALFORMED], and nothing of it counts (RFC 4541 2.1.1). Which sources are wanted of a group
/// is not told: whoever wants some of them has joined.
///
/// A frame is asked for the whole of a message ([Frame#need]), and of any other for its headers. A
/// message that is torn is none.
///
/// Confined to one thread.
final class MembershipMessage {
  enum Kind {
    /// Something else, as most frames are.
    NONE,
    /// Groups that hosts have joined or left.
    REPORT,
    /// A querier asks for members.
    QUERY,
    /// What only a multicast router sends: PIM, or multicast router discovery (RFC 4286).
    ROUTER,
    /// A type of message that nobody has heard of; for all to see.
    UNKNOWN,
    MALFORMED
  }

  enum Change {
    NONE,
    JOIN,
    LEAVE
  }

  /// More records than any host has, whose groups are bounded; a guest must not make us walk eight
  /// thousand of them.
  static final int MAX_RECORDS = 512;

  static final int ALL_PIM_ROUTERS = 0xe000_000d;

  static final int PROTOCOL_IGMP = 2;
  static final int PROTOCOL_PIM = 103;

  private static final int ETHERNET_SIZE = Frame.MIN_LENGTH;
  private static final int IPV4_SIZE = IpHeader.IPV4_SIZE;
  private static final int IPV6_SIZE = IpHeader.IPV6_SIZE;
  private static final int PROTOCOL_ICMPV6 = 58;
  private static final int ALL_HOSTS = 0xe000_0001;
  private static final long LINK_LOCAL_PREFIX = 0xff02_0000_0000_0000L;
  private static final long USUAL_RESPONSE_MILLIS = 10_000;

  private boolean ipv6;

  // A report's records.
  private int records;
  private int recordAt;
  private boolean isSingle;
  private Change single = Change.NONE;

  // The group of a query, or of the record at hand.
  private long groupHigh;
  private long groupLow;
  private Change change = Change.NONE;

  private long sourceHigh;
  private long sourceLow;
  private long responseMillis;

  /// Reads a frame, forgetting the last one.
  Kind parse(Frame frame) {
    records = 0;
    isSingle = false;
    if (frame.length() < ETHERNET_SIZE + IPV4_SIZE) {
      return Kind.NONE;
    }
    int type = frame.u16(12);
    ipv6 = type == Headers.ETHERTYPE_IPV6;
    if (type == Headers.ETHERTYPE_IPV4) {
      return ipv4(frame);
    }
    return ipv6 ? ipv6(frame) : Kind.NONE;
  }

  private Kind ipv4(Frame frame) {
    int length = frame.length();
    int at = ETHERNET_SIZE;
    frame.need(at + IPV4_SIZE);
    if (IpHeader.version(frame, at) != 4) {
      return Kind.NONE;
    }
    int protocol = IpHeader.ipv4Protocol(frame, at);
    int destination = IpHeader.ipv4Destination(frame, at);
    boolean pim = protocol == PROTOCOL_PIM && destination == ALL_PIM_ROUTERS;
    if (protocol != PROTOCOL_IGMP && !pim) {
      return Kind.NONE;
    }
    int header = IpHeader.ipv4Length(frame, at);
    int total = IpHeader.ipv4Total(frame, at);
    if (header < IPV4_SIZE
        || total < header + 4
        || at + total > length
        || IpHeader.isIpv4Fragment(frame, at)) {
      return Kind.MALFORMED;
    }
    frame.need(at + total);
    if (frame.isTorn()) {
      return Kind.NONE;
    }
    if (InternetChecksum.finish(InternetChecksum.sum(frame, at, header)) != 0) {
      return Kind.MALFORMED;
    }
    sourceHigh = 0;
    sourceLow = GroupAddress.lowOfIpv4(IpHeader.ipv4Source(frame, at));
    int size = total - header;
    at += header;
    if (pim) {
      return frame.u8(at) == 0x20 ? Kind.ROUTER : Kind.NONE;
    }
    if (size < 8 || InternetChecksum.finish(InternetChecksum.sum(frame, at, size)) != 0) {
      return Kind.MALFORMED;
    }
    return switch (frame.u8(at)) {
      case 0x11 -> igmpQuery(frame, at, size, destination);
      case 0x12, 0x16 -> one(frame, at + 4, Change.JOIN);
      case 0x17 -> one(frame, at + 4, Change.LEAVE);
      case 0x22 -> reports(frame, at, size);
      case 0x30 -> Kind.ROUTER;
      default -> Kind.UNKNOWN;
    };
  }

  private Kind igmpQuery(Frame frame, int at, int size, int destination) {
    int code = frame.u8(at + 1);
    boolean version3 = size >= 12;
    if (size != 8 && (!version3 || 12 + 4 * frame.u16(at + 10) > size)) {
      return Kind.MALFORMED;
    }
    if (version3 && (code & 0x80) != 0) {
      code = (code & 0xf | 0x10) << (code >>> 4 & 7) + 3;
    }
    responseMillis = code == 0 ? USUAL_RESPONSE_MILLIS : code * 100L;
    return query(frame, at + 4, destination == ALL_HOSTS);
  }

  private Kind ipv6(Frame frame) {
    int length = frame.length();
    int at = ETHERNET_SIZE;
    int options = at + IPV6_SIZE;
    // MLD always has the router alert, so its next header is that of the hop-by-hop options.
    if (length < options + 8) {
      return Kind.NONE;
    }
    frame.need(options + 8);
    if (IpHeader.version(frame, at) != 6 || IpHeader.ipv6Next(frame, at) != 0) {
      return Kind.NONE;
    }
    int message = options + (frame.u8(options + 1) + 1 << 3);
    if (frame.u8(options) != PROTOCOL_ICMPV6 || message >= length) {
      return Kind.NONE;
    }
    frame.need(message + 1);
    int type = frame.u8(message);
    if (type < 130 || type > 132 && type != 143 && type != 151) {
      return Kind.NONE;
    }
    int end = options + IpHeader.ipv6Payload(frame, at);
    int size = end - message;
    sourceHigh = IpHeader.ipv6SourceHigh(frame, at);
    sourceLow = IpHeader.ipv6SourceLow(frame, at);
    boolean linkLocal = sourceHigh >>> 54 == 0xfe80 >>> 6;
    boolean unspecified = sourceHigh == 0 && sourceLow == 0;
    if (size < 8
        || end > length
        || IpHeader.ipv6HopLimit(frame, at) != 1
        || !linkLocal && (!unspecified || type == 130)) {
      return Kind.MALFORMED;
    }
    frame.need(end);
    if (frame.isTorn()) {
      return Kind.NONE;
    }
    if (InternetChecksum.finish(
            InternetChecksum.combine(
                InternetChecksum.pseudoHeaderIpv6(frame, at, PROTOCOL_ICMPV6, size),
                InternetChecksum.sum(frame, message, size)))
        != 0) {
      return Kind.MALFORMED;
    }
    return switch (type) {
      case 130 -> mldQuery(frame, message, size, at);
      case 131, 132 ->
          size < 24
              ? Kind.MALFORMED
              : one(frame, message + 8, type == 131 ? Change.JOIN : Change.LEAVE);
      case 143 -> reports(frame, message, size);
      default -> Kind.ROUTER;
    };
  }

  private Kind mldQuery(Frame frame, int at, int size, int ip) {
    boolean version2 = size >= 28;
    if (size != 24 && (!version2 || 28 + 16 * frame.u16(at + 26) > size)) {
      return Kind.MALFORMED;
    }
    int code = frame.u16(at + 4);
    responseMillis =
        version2 && (code & 0x8000) != 0
            ? (long) (code & 0xfff | 0x1000) << (code >>> 12 & 7) + 3
            : code;
    return query(
        frame,
        at + 8,
        IpHeader.ipv6DestinationHigh(frame, ip) == LINK_LOCAL_PREFIX
            && IpHeader.ipv6DestinationLow(frame, ip) == 1);
  }

  /// @param toAll whether it was sent to all hosts, as a general query has to be
  private Kind query(Frame frame, int group, boolean toAll) {
    boolean general = readGroup(frame, group);
    if (general ? !toAll : !isGroup()) {
      return Kind.MALFORMED;
    }
    return Kind.QUERY;
  }

  private Kind one(Frame frame, int group, Change what) {
    readGroup(frame, group);
    if (!isGroup()) {
      return Kind.MALFORMED;
    }
    isSingle = true;
    single = what;
    records = 1;
    return Kind.REPORT;
  }

  private Kind reports(Frame frame, int at, int size) {
    int count = frame.u16(at + 6);
    if (count > MAX_RECORDS) {
      return Kind.MALFORMED;
    }
    int end = at + size;
    int record = at + 8;
    for (int i = 0; i < count; i++) {
      if (record + recordSize() > end) {
        return Kind.MALFORMED;
      }
      readGroup(frame, record + 4);
      int next = next(frame, record);
      if (!isGroup() || next > end) {
        return Kind.MALFORMED;
      }
      record = next;
    }
    records = count;
    recordAt = at + 8;
    return Kind.REPORT;
  }

  private int recordSize() {
    return ipv6 ? 20 : 8;
  }

  private int next(Frame frame, int record) {
    int source = ipv6 ? 16 : 4;
    return record + recordSize() + frame.u16(record + 2) * source + frame.u8(record + 1) * 4;
  }

  /// Steps to the next record of a report; false at its end.
  ///
  /// @param frame the one that was parsed
  boolean nextRecord(Frame frame) {
    if (records == 0) {
      return false;
    }
    records--;
    if (isSingle) {
      change = single;
    } else {
      readGroup(frame, recordAt + 4);
      change = change(frame.u8(recordAt), frame.u16(recordAt + 2));
      recordAt = next(frame, recordAt);
    }
    if (!isForwardedByMembership()) {
      change = Change.NONE;
    }
    return true;
  }

  /// What a record says of a port's membership, whatever the sources.
  private static Change change(int type, int sources) {
    return switch (type) {
      // Is, or has changed to, only these sources; has some more.
      case 1, 5 -> sources > 0 ? Change.JOIN : Change.NONE;
      case 3 -> sources > 0 ? Change.JOIN : Change.LEAVE;
      // Is, or has changed to, all but these sources.
      case 2, 4 -> Change.JOIN;
      // Some sources less: others may be left. Types that come later say nothing to us.
      default -> Change.NONE;
    };
  }

  /// Reads a group's address.
  ///
  /// @return whether it is unspecified
  private boolean readGroup(Frame frame, int at) {
    if (ipv6) {
      groupHigh = frame.i64(at);
      groupLow = frame.i64(at + 8);
      return groupHigh == 0 && groupLow == 0;
    }
    int address = frame.i32(at);
    groupHigh = 0;
    groupLow = GroupAddress.lowOfIpv4(address);
    return address == 0;
  }

  private boolean isGroup() {
    return ipv6 ? groupHigh >>> 56 == 0xff : (groupLow & 0xf000_0000L) == 0xe000_0000L;
  }

  private boolean isForwardedByMembership() {
    return ipv6
        ? isForwardedByMembershipIpv6(groupHigh, groupLow)
        : isForwardedByMembershipIpv4((int) groupLow);
  }

  /// Whether a group is one that hosts report: those of the link are not all reported, so that they
  /// go to all (RFC 4541 2.1.2).
  static boolean isForwardedByMembershipIpv4(int group) {
    return group >>> 28 == 0xe && group >>> 8 != 0xe0_0000;
  }

  /// The same for IPv6, where only that of all nodes, and what never leaves a host, is not reported
  /// (RFC 4541 3, RFC 3810 6).
  static boolean isForwardedByMembershipIpv6(long high, long low) {
    int scope = (int) (high >>> 48) & 0xf;
    return high >>> 56 == 0xff && scope > 1 && (high != LINK_LOCAL_PREFIX || low != 1);
  }

  boolean isIpv6() {
    return ipv6;
  }

  /// What the record at hand says; NONE also for groups that are forwarded to all anyway.
  Change change() {
    return change;
  }

  /// Of the record at hand, or of a query; of a general query both halves are those of address 0.
  long groupHigh() {
    return groupHigh;
  }

  long groupLow() {
    return groupLow;
  }

  /// Of a query: whether it asks for all groups.
  boolean isGeneral() {
    return !isGroup();
  }

  /// Whether the sender has no address, as switches that ask have none (RFC 4541 2.1.1).
  boolean hasNoSource() {
    return ipv6 ? sourceHigh == 0 && sourceLow == 0 : (int) sourceLow == 0;
  }

  long sourceHigh() {
    return sourceHigh;
  }

  long sourceLow() {
    return sourceLow;
  }

  /// Of a query: how long hosts may take to answer.
  long responseMillis() {
    return responseMillis;
  }
}
