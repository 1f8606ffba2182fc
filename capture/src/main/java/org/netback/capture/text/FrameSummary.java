package org.netback.capture.text;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.netback.packet.MacAddress;

/// What a frame is, for people: who sends it to whom, and its innermost protocol that is known
/// here. Any octets have a summary. Of what was not captured it says so.
///
/// @param source of the frame: `00:16:3e:00:00:01`
/// @param destination of the frame
/// @param vlans identifiers of its tags, the outermost first
/// @param protocol as `TCP`, `ARP`, `IPv6`; an ethertype or protocol number that has no name here
///   in hexadecimal or decimal digits
/// @param from the protocol's source, with a port where it has one; empty if it has none
/// @param to the protocol's destination
/// @param detail the rest of the line; may be empty
public record FrameSummary(
    String source,
    String destination,
    List<Integer> vlans,
    String protocol,
    String from,
    String to,
    String detail) {
  private static final int ETHERNET = 14;
  private static final int TAG = 4;

  /// Tags that are read: more are no frame of this world.
  private static final int MOST_TAGS = 4;

  /// @param captured the frame's first octets
  /// @param length of the whole frame
  public static FrameSummary of(MemorySegment captured, int length) {
    Octets frame = new Octets(captured, length);
    String destination = mac(frame, 0);
    String source = mac(frame, 6);
    if (!frame.has(0, ETHERNET)) {
      return new FrameSummary(source, destination, List.of(), "Ethernet", "", "", "cut");
    }
    List<Integer> vlans = new ArrayList<>();
    int at = ETHERNET;
    int type = frame.u16(at - 2);
    while (isTag(type) && vlans.size() < MOST_TAGS && frame.has(at, TAG)) {
      vlans.add(frame.u16(at) & 0xfff);
      type = frame.u16(at + 2);
      at += TAG;
    }
    Layer layer = LinkLayer.of(frame, type, at);
    return new FrameSummary(
        source,
        destination,
        List.copyOf(vlans),
        layer.protocol(),
        layer.from(),
        layer.to(),
        layer.detail());
  }

  /// IEEE 802.1Q and 802.1ad, and the older type for double tags.
  private static boolean isTag(int type) {
    return type == 0x8100 || type == 0x88a8 || type == 0x9100;
  }

  static String mac(Octets frame, int at) {
    return new MacAddress((long) frame.u16(at) << 32 | frame.u32(at + 2)).toString();
  }

  /// In one line, without its end.
  public String text() {
    StringBuilder text = new StringBuilder();
    for (int vlan : vlans) {
      text.append("vlan ").append(vlan).append(' ');
    }
    text.append(protocol);
    if (from.isEmpty() && to.isEmpty()) {
      text.append(' ').append(source).append(" > ").append(destination);
    } else {
      text.append(' ').append(from).append(" > ").append(to);
    }
    if (!detail.isEmpty()) {
      text.append(": ").append(detail);
    }
    return text.toString();
  }

  static String hex(int type) {
    return String.format(Locale.ROOT, "0x%04x", type);
  }
}
