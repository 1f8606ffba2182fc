package org.netback.packet;

/// Where the headers of a frame are: Ethernet with up to two VLAN tags, IPv4 or IPv6, TCP or UDP.
/// Checked once by [#parse], then read; a reusable object, so that parsing costs no garbage. A
/// frame carries its own ([Frame#headers]).
///
/// Any octets give a defined answer. What is reported lies wholly inside the frame: an offset that
/// this class gives out, and the fixed part of the header there, may be read and written without
/// further checks. A header that is cut off or contradicts itself is not reported, nor is anything
/// behind it, and [#isMalformed()] holds.
///
/// [#parse] asks a partial frame for the octets that it reads ([Frame#need]). So the headers that
/// are reported are private: that of IPv4 with its options, that of TCP without. If this tears the
/// frame, the answers are those of the zeros in it.
///
/// Holds no reference to the frame, and says nothing about it once the frame's headers are changed.
/// Confined to one thread.
public final class Headers {
  /// The internet protocol of a frame.
  public enum Ip {
    NONE,
    V4,
    V6
  }

  /// The transport protocol of a frame. Fragments have none, the first one included: the length and
  /// the checksum in its transport header are those of the whole datagram.
  public enum Transport {
    NONE,
    TCP,
    UDP
  }

  public static final int ETHERTYPE_IPV4 = 0x0800;
  public static final int ETHERTYPE_IPV6 = 0x86dd;
  public static final int PROTOCOL_TCP = 6;
  public static final int PROTOCOL_UDP = 17;

  private static final int ETHERNET_SIZE = 14;
  private static final int TAG_SIZE = 4;
  private static final int MAX_TAGS = 2;
  private static final int IPV4_SIZE = 20;
  private static final int IPV6_SIZE = 40;
  private static final int TCP_SIZE = 20;
  private static final int UDP_SIZE = 8;

  /// More extension headers than anyone sends; a guest must not make us walk 8192 of them.
  private static final int MAX_EXTENSIONS = 16;

  private int etherType;
  private int tags;
  private Ip ip = Ip.NONE;
  private int ipOffset;
  private int ipEnd;
  private boolean fragment;
  private boolean rerouted;
  private boolean malformed;
  private int protocol;
  private Transport transport = Transport.NONE;
  private int transportOffset;
  private int payloadOffset;
  private int transportEnd;

  /// Reads a frame's headers, forgetting those of the last one.
  public Headers parse(Frame frame) {
    etherType = 0;
    tags = 0;
    ip = Ip.NONE;
    ipOffset = 0;
    ipEnd = 0;
    fragment = false;
    rerouted = false;
    malformed = false;
    protocol = -1;
    transport = Transport.NONE;
    transportOffset = 0;
    payloadOffset = 0;
    transportEnd = 0;

    int length = frame.length();
    if (length < ETHERNET_SIZE) {
      malformed = true;
      return this;
    }
    // The first type is private in any frame.
    int typeAt = 12;
    etherType = frame.u16(typeAt);
    while (isTag(etherType) && tags < MAX_TAGS) {
      if (typeAt + TAG_SIZE + 2 > length) {
        malformed = true;
        return this;
      }
      tags++;
      typeAt += TAG_SIZE;
      frame.need(typeAt + 2);
      etherType = frame.u16(typeAt);
    }
    if (etherType == ETHERTYPE_IPV4) {
      parseIpv4(frame, typeAt + 2);
    } else if (etherType == ETHERTYPE_IPV6) {
      parseIpv6(frame, typeAt + 2);
    }
    return this;
  }

  /// The VLAN tags of a frame, as [#vlanTags()] has them, without a look at anything else. They are
  /// private then, and so is the type behind them.
  ///
  /// @param frame of at least [Frame#MIN_LENGTH]
  public static int vlanTags(Frame frame) {
    if (!isTag(frame.u16(12)) || frame.length() < ETHERNET_SIZE + TAG_SIZE) {
      return 0;
    }
    frame.need(ETHERNET_SIZE + 2 * TAG_SIZE);
    return frame.length() >= ETHERNET_SIZE + 2 * TAG_SIZE && isTag(frame.u16(16)) ? 2 : 1;
  }

  private static boolean isTag(int type) {
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
  }

  private void parseIpv4(Frame frame, int at) {
    int available = frame.length() - at;
    if (available < IPV4_SIZE) {
      malformed = true;
      return;
    }
    frame.need(at + IPV4_SIZE);
    int versionAndSize = frame.u8(at);
    int size = (versionAndSize & 0xf) << 2;
    int total = frame.u16(at + 2);
    if (total == 0 && frame.gso() != GsoType.NONE) {
      // Some stacks leave the length of a frame that is to be segmented to the segmenter.
      total = available;
    }
    if (versionAndSize >>> 4 != 4 || size < IPV4_SIZE || size > total || total > available) {
      malformed = true;
      return;
    }
    ip = Ip.V4;
    ipOffset = at;
    ipEnd = at + total;
    frame.need(at + size);
    protocol = frame.u8(at + 9);
    rerouted = hasSourceRoute(frame, at + IPV4_SIZE, at + size);
    fragment = (frame.u16(at + 6) & 0x3fff) != 0;
    if (!fragment) {
      parseTransport(frame, at + size);
    }
  }

  /// Whether the destination in the header is not the last one: the pseudo header has the last.
  /// Where only one octet is left, there is no room for a source route.
  private static boolean hasSourceRoute(Frame frame, int from, int end) {
    int at = from;
    while (at + 1 < end) {
      int option = frame.u8(at);
      if (option == 131 || option == 137) {
        return true;
      }
      int size = option == 1 ? 1 : frame.u8(at + 1);
      if (option == 0 || size == 0) {
        return false;
      }
      at += size;
    }
    return false;
  }

  private void parseIpv6(Frame frame, int at) {
    int available = frame.length() - at - IPV6_SIZE;
    if (available < 0) {
      malformed = true;
      return;
    }
    frame.need(at + IPV6_SIZE);
    if (frame.u8(at) >>> 4 != 6) {
      malformed = true;
      return;
    }
    int length = frame.u16(at + 4);
    if (length == 0 && frame.gso() != GsoType.NONE) {
      length = available;
    }
    if (length > available) {
      malformed = true;
      return;
    }
    ip = Ip.V6;
    ipOffset = at;
    ipEnd = at + IPV6_SIZE + length;
    parseExtensions(frame, frame.u8(at + 6), at + IPV6_SIZE);
  }

  private void parseExtensions(Frame frame, int first, int from) {
    int next = first;
    int at = from;
    for (int i = 0; i <= MAX_EXTENSIONS; i++) {
      switch (next) {
        case 0, 43, 44, 51, 60, 135, 139, 140 -> {
          if (at + 8 > ipEnd) {
            malformed = true;
            return;
          }
          frame.need(at + 8);
        }
        default -> {
          protocol = next;
          parseTransport(frame, at);
          return;
        }
      }
      int size;
      switch (next) {
        case 44 -> {
          size = 8;
          // Offset and M flag; without either it is an atomic fragment (RFC 6946), a whole packet.
          fragment = (frame.u16(at + 2) & 0xfff9) != 0;
        }
        case 51 -> size = (frame.u8(at + 1) + 2) << 2;
        case 43 -> {
          size = (frame.u8(at + 1) + 1) << 3;
          rerouted |= frame.u8(at + 3) != 0;
        }
        default -> size = (frame.u8(at + 1) + 1) << 3;
      }
      next = frame.u8(at);
      if (fragment) {
        protocol = next;
        return;
      }
      if (at + size > ipEnd) {
        malformed = true;
        return;
      }
      at += size;
    }
    malformed = true;
  }

  private void parseTransport(Frame frame, int at) {
    int available = ipEnd - at;
    if (protocol == PROTOCOL_TCP) {
      if (available >= TCP_SIZE) {
        frame.need(at + TCP_SIZE);
      }
      int size = available < TCP_SIZE ? 0 : frame.u8(at + 12) >>> 4 << 2;
      if (size < TCP_SIZE || size > available) {
        malformed = true;
        return;
      }
      transport = Transport.TCP;
      payloadOffset = at + size;
      transportEnd = ipEnd;
    } else if (protocol == PROTOCOL_UDP) {
      if (available >= UDP_SIZE) {
        frame.need(at + UDP_SIZE);
      }
      int length = available < UDP_SIZE ? 0 : frame.u16(at + 4);
      if (length < UDP_SIZE || length > available) {
        malformed = true;
        return;
      }
      transport = Transport.UDP;
      payloadOffset = at + UDP_SIZE;
      transportEnd = at + length;
    } else {
      return;
    }
    transportOffset = at;
  }

  /// Type or length field behind the VLAN tags; of a third tag, if there are more than two.
  public int etherType() {
    return etherType;
  }

  /// VLAN tags (802.1Q or 802.1ad), 0 to 2. The first one's TCI is at 14, the second one's at 18.
  public int vlanTags() {
    return tags;
  }

  public Ip ip() {
    return ip;
  }

  /// Of the IP header, from the frame's first octet; 0 without [#ip()].
  public int ipOffset() {
    return ipOffset;
  }

  /// Of the first octet behind the IP packet: less than the frame's length if it was padded.
  public int ipEnd() {
    return ipEnd;
  }

  /// Whether this is a part of an IP packet.
  public boolean isFragment() {
    return fragment;
  }

  /// Whether the packet is on its way to another address first (source route, routing header), so
  /// that the destination in the IP header is not that of the pseudo header.
  public boolean isRerouted() {
    return rerouted;
  }

  /// Whether some header was cut off or contradicted itself, at the point where the answers end.
  public boolean isMalformed() {
    return malformed;
  }

  /// The protocol number above IP and its extension headers, also of fragments; -1 if there is
  /// none.
  public int protocol() {
    return protocol;
  }

  public Transport transport() {
    return transport;
  }

  /// Of the TCP or UDP header; 0 without [#transport()].
  public int transportOffset() {
    return transportOffset;
  }

  /// Octets of the TCP or UDP header and its payload: what the checksum covers.
  public int transportLength() {
    return transportEnd - transportOffset;
  }

  /// Of the first octet behind the TCP or UDP header; 0 without [#transport()].
  public int payloadOffset() {
    return payloadOffset;
  }

  /// Octets behind the TCP or UDP header.
  public int payloadLength() {
    return transportEnd - payloadOffset;
  }

  /// Of the checksum field of TCP or UDP; 0 without [#transport()].
  public int checksumOffset() {
    return switch (transport) {
      case NONE -> 0;
      case TCP -> transportOffset + 16;
      case UDP -> transportOffset + 6;
    };
  }

  /// The sum of the pseudo header that belongs to the transport header, for a part of the payload.
  ///
  /// @param frame the one that was parsed
  /// @param length of the transport header and that part
  public int pseudoHeader(Frame frame, int length) {
    return switch (ip) {
      case NONE -> 0;
      case V4 -> InternetChecksum.pseudoHeaderIpv4(frame, ipOffset, protocol, length);
      case V6 -> InternetChecksum.pseudoHeaderIpv6(frame, ipOffset, protocol, length);
    };
  }
}
