package org.netback.guest;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.netback.loop.EventLoop;
import org.netback.packet.InternetChecksum;
import org.netback.packet.MacAddress;
import org.netback.xen.frontends.FrameSink;
import org.netback.xen.frontends.NetfrontQueue;
import org.netback.xen.frontends.SendResult;

/// A guest without a kernel: answers ARP, neighbour solicitations and echo requests, returns UDP
/// datagrams sent to port 7, pings, and floods. As much of a network stack as it takes to be a
/// believable peer, and no more: no fragments, no options, no routes.
///
/// Confined to the loop of the one queue that it is the sink of, but for what says otherwise.
public final class Station implements FrameSink {
  /// Destination port of the datagrams that [#flood] sends.
  public static final int DISCARD_PORT = 9;

  private static final int ECHO_PORT = 7;
  private static final int ETHERNET = 14;
  private static final int IPV4_HEADER = 20;
  private static final int IPV6_HEADER = 40;
  private static final int IPV4 = 0x0800;
  private static final int ARP = 0x0806;
  private static final int IPV6 = 0x86dd;
  private static final int ICMP = 1;
  private static final int UDP = 17;
  private static final int ICMPV6 = 58;
  private static final int ECHO_PAYLOAD = 56;

  private final long mac;
  private final Inet4Address ipv4;
  private final Inet6Address ipv6;
  private final MemorySegment octets = Arena.ofAuto().allocate(65536, 64);
  private final ByteBuffer buffer = octets.asByteBuffer();
  private final Map<InetAddress, Long> neighbours = new HashMap<>();
  private final Map<InetAddress, Ping> waitingForNeighbour = new HashMap<>();
  private final Map<Integer, Ping> pings = new HashMap<>();
  private int nextSequence = 1;
  private Optional<Flood> flood = Optional.empty();
  private volatile long datagrams;
  private volatile long datagramOctets;

  private record Ping(InetAddress target, long startNanos, CompletableFuture<Long> nanos) {}

  private record Flood(InetAddress target, int payload, long endNanos) {}

  public Station(MacAddress mac, Inet4Address ipv4, Inet6Address ipv6) {
    this.mac = mac.value();
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
  }

  /// Datagrams got for [#DISCARD_PORT]. Any thread.
  public long datagrams() {
    return datagrams;
  }

  /// Octets of their frames. Any thread.
  public long datagramOctets() {
    return datagramOctets;
  }

  /// Sends one echo request. Any thread.
  ///
  /// @return completes with the nanoseconds until the reply; never without one
  public CompletableFuture<Long> ping(NetfrontQueue queue, InetAddress target) {
    CompletableFuture<Long> nanos = new CompletableFuture<>();
    EventLoop loop = queue.loop();
    loop.execute(
        () -> {
          Ping ping = new Ping(target, loop.nanoTime(), nanos);
          if (neighbours.containsKey(target)) {
            sendEcho(queue, ping);
          } else {
            waitingForNeighbour.put(target, ping);
            solicit(queue, target);
          }
          queue.flush();
        });
    return nanos;
  }

  /// Sends datagrams of a size as fast as the ring takes them, to a station that was pinged before.
  /// Any thread.
  ///
  /// @param payload octets of UDP payload
  public void flood(NetfrontQueue queue, InetAddress target, int payload, long nanos) {
    EventLoop loop = queue.loop();
    loop.execute(
        () -> {
          flood = Optional.of(new Flood(target, payload, loop.nanoTime() + nanos));
          sendFlood(queue);
        });
  }

  @Override
  public void received(
      NetfrontQueue queue,
      MemorySegment memory,
      long offset,
      int length,
      boolean checksumBlank,
      boolean dataValidated,
      int gsoType,
      int gsoSize) {
    if (length < ETHERNET + IPV4_HEADER || gsoType != 0) {
      return;
    }
    MemorySegment.copy(memory, offset, octets, 0, length);
    switch (buffer.getShort(12) & 0xffff) {
      case ARP -> receivedArp(queue, length);
      case IPV4 -> receivedIpv4(queue, length, checksumBlank);
      case IPV6 -> receivedIpv6(queue, length, checksumBlank);
      default -> {} // another protocol is nothing to this station
    }
  }

  @Override
  public void roundEnded(NetfrontQueue queue) {
    queue.flush();
  }

  @Override
  public void roomAgain(NetfrontQueue queue) {
    sendFlood(queue);
  }

  private void receivedArp(NetfrontQueue queue, int length) {
    if (length < ETHERNET + 28 || !address(ETHERNET + 24, 4).equals(ipv4)) {
      return;
    }
    int operation = buffer.getShort(ETHERNET + 6);
    InetAddress sender = address(ETHERNET + 14, 4);
    long senderMac = mac(ETHERNET + 8);
    if (operation == 2) {
      learned(queue, sender, senderMac);
    } else if (operation == 1) {
      putEthernet(senderMac, ARP);
      putArp(2, senderMac, sender);
      send(queue, ETHERNET + 28, false);
    }
  }

  private void receivedIpv4(NetfrontQueue queue, int length, boolean checksumBlank) {
    int header = (buffer.get(ETHERNET) & 0xf) * 4;
    int total = buffer.getShort(ETHERNET + 2) & 0xffff;
    int transport = ETHERNET + header;
    if (header < IPV4_HEADER
        || ETHERNET + total > length
        || total < header + 8
        || !address(ETHERNET + 16, 4).equals(ipv4)) {
      return;
    }
    InetAddress sender = address(ETHERNET + 12, 4);
    switch (buffer.get(ETHERNET + 9) & 0xff) {
      case ICMP -> receivedEcho(queue, sender, transport, ETHERNET + total, 8, 0, ETHERNET + 12, 4);
      case UDP -> receivedUdp(queue, transport, ETHERNET + total, ETHERNET + 12, 4, checksumBlank);
      default -> {}
    }
  }

  private void receivedIpv6(NetfrontQueue queue, int length, boolean checksumBlank) {
    int transport = ETHERNET + IPV6_HEADER;
    if (length < transport + 8) {
      return;
    }
    int end = transport + (buffer.getShort(ETHERNET + 4) & 0xffff);
    if (end > length || end < transport + 8) {
      return;
    }
    InetAddress sender = address(ETHERNET + 8, 16);
    int next = buffer.get(ETHERNET + 6) & 0xff;
    int type = buffer.get(transport) & 0xff;
    if (next == ICMPV6 && type >= 135 && end >= transport + 24) {
      receivedNeighbour(queue, sender, transport, end, type);
    } else if (address(ETHERNET + 24, 16).equals(ipv6)) {
      if (next == ICMPV6) {
        receivedEcho(queue, sender, transport, end, 128, 129, ETHERNET + 8, 16);
      } else if (next == UDP) {
        receivedUdp(queue, transport, end, ETHERNET + 8, 16, checksumBlank);
      }
    }
  }

  private void receivedNeighbour(
      NetfrontQueue queue, InetAddress sender, int transport, int end, int type) {
    InetAddress target = address(transport + 8, 16);
    long senderMac = mac(6);
    if (type == 136 && end >= transport + 32 && buffer.get(transport + 24) == 2) {
      learned(queue, target, mac(transport + 26));
    } else if (type == 135 && target.equals(ipv6) && !sender.isAnyLocalAddress()) {
      putEthernet(senderMac, IPV6);
      putIpv6(ICMPV6, 32, sender, 255);
      buffer.putInt(transport, 136 << 24).putInt(transport + 4, 0x60000000);
      put(transport + 8, ipv6);
      buffer.put(transport + 24, (byte) 2).put(transport + 25, (byte) 1);
      putMac(transport + 26, mac);
      putChecksumIpv6(transport, 32, transport + 2, ICMPV6);
      send(queue, transport + 32, false);
    }
  }

  /// Answers or takes in an echo; swapping the ends changes no checksum but for the type's.
  private void receivedEcho(
      NetfrontQueue queue,
      InetAddress sender,
      int transport,
      int end,
      int request,
      int reply,
      int addresses,
      int addressSize) {
    int type = buffer.get(transport) & 0xff;
    if (type == reply) {
      Ping ping = pings.remove((int) buffer.getShort(transport + 6));
      if (ping != null && ping.target.equals(sender)) {
        ping.nanos.complete(queue.loop().nanoTime() - ping.startNanos);
      }
    } else if (type == request) {
      int checksum = buffer.getShort(transport + 2) & 0xffff;
      buffer
          .put(transport, (byte) reply)
          .putShort(
              transport + 2, (short) InternetChecksum.update(checksum, request << 8, reply << 8));
      swapEnds(addresses, addressSize);
      send(queue, end, false);
    }
  }

  private void receivedUdp(
      NetfrontQueue queue,
      int transport,
      int end,
      int addresses,
      int addressSize,
      boolean checksumBlank) {
    int port = buffer.getShort(transport + 2) & 0xffff;
    if (port == DISCARD_PORT) {
      count(end);
    } else if (port == ECHO_PORT) {
      short from = buffer.getShort(transport);
      buffer.putShort(transport, (short) ECHO_PORT).putShort(transport + 2, from);
      swapEnds(addresses, addressSize);
      send(queue, end, checksumBlank);
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written on this loop only
  private void count(int length) {
    datagrams++;
    datagramOctets += length;
  }

  private void learned(NetfrontQueue queue, InetAddress neighbour, long address) {
    neighbours.put(neighbour, address);
    Ping ping = waitingForNeighbour.remove(neighbour);
    if (ping != null) {
      sendEcho(queue, ping);
    }
  }

  private void solicit(NetfrontQueue queue, InetAddress target) {
    if (target instanceof Inet4Address) {
      putEthernet(MacAddress.BROADCAST, ARP);
      putArp(1, 0, target);
      send(queue, ETHERNET + 28, false);
      return;
    }
    byte[] end = target.getAddress();
    byte[] group = new byte[16];
    group[0] = (byte) 0xff;
    group[1] = 2;
    group[11] = 1;
    group[12] = (byte) 0xff;
    System.arraycopy(end, 13, group, 13, 3);
    int transport = ETHERNET + IPV6_HEADER;
    putEthernet(0x3333_ff00_0000L | buffer24(end), IPV6);
    putIpv6(ICMPV6, 32, ipv6, 255);
    buffer.put(ETHERNET + 24, group);
    buffer.putInt(transport, 135 << 24).putInt(transport + 4, 0);
    put(transport + 8, target);
    buffer.put(transport + 24, (byte) 1).put(transport + 25, (byte) 1);
    putMac(transport + 26, mac);
    putChecksumIpv6(transport, 32, transport + 2, ICMPV6);
    send(queue, transport + 32, false);
  }

  private static int buffer24(byte[] end) {
    return (end[13] & 0xff) << 16 | (end[14] & 0xff) << 8 | end[15] & 0xff;
  }

  private void sendEcho(NetfrontQueue queue, Ping ping) {
    int sequence = nextSequence++ & 0x7fff;
    pings.put(sequence, ping);
    long destination = neighbours.getOrDefault(ping.target, MacAddress.BROADCAST);
    int size = 8 + ECHO_PAYLOAD;
    boolean four = ping.target instanceof Inet4Address;
    int transport = ETHERNET + (four ? IPV4_HEADER : IPV6_HEADER);
    putEthernet(destination, four ? IPV4 : IPV6);
    octets.asSlice(transport, size).fill((byte) 0);
    buffer.put(transport, (byte) (four ? 8 : 128)).putShort(transport + 6, (short) sequence);
    if (four) {
      putIpv4(ICMP, size, ping.target);
      int sum = InternetChecksum.sum(octets, transport, size);
      buffer.putShort(transport + 2, (short) InternetChecksum.finish(sum));
    } else {
      putIpv6(ICMPV6, size, ping.target, 64);
      putChecksumIpv6(transport, size, transport + 2, ICMPV6);
    }
    send(queue, transport + size, false);
  }

  /// Sends until the ring is full; [#roomAgain] goes on.
  private void sendFlood(NetfrontQueue queue) {
    if (flood.isEmpty()) {
      return;
    }
    Flood now = flood.get();
    Long destination = neighbours.get(now.target);
    if (destination == null) {
      flood = Optional.empty();
      return;
    }
    int size = 8 + now.payload;
    int transport = ETHERNET + IPV4_HEADER;
    putEthernet(destination, IPV4);
    putIpv4(UDP, size, now.target);
    buffer.putShort(transport, (short) DISCARD_PORT).putShort(transport + 2, (short) DISCARD_PORT);
    buffer.putShort(transport + 4, (short) size).putShort(transport + 6, (short) 0);
    while (queue.loop().nanoTime() < now.endNanos) {
      // A burst, then the loop's other work.
      for (int i = 0; i < 64; i++) {
        SendResult result = queue.send(octets, 0, transport + size, false, false, 0, 0);
        if (result != SendResult.SENT) {
          queue.flush();
          return;
        }
      }
      queue.flush();
      queue.loop().execute(() -> sendFlood(queue));
      return;
    }
    flood = Optional.empty();
  }

  private void send(NetfrontQueue queue, int length, boolean checksumBlank) {
    // A full ring loses the frame, as a full interface queue does; the peer asks again.
    var _ = queue.send(octets, 0, length, checksumBlank, checksumBlank, 0, 0);
  }

  private void swapEnds(int addresses, int size) {
    putMac(0, mac(6));
    putMac(6, mac);
    byte[] source = new byte[size];
    byte[] destination = new byte[size];
    buffer.get(addresses, source).get(addresses + size, destination);
    buffer.put(addresses, destination).put(addresses + size, source);
  }

  private void putEthernet(long destination, int type) {
    putMac(0, destination);
    putMac(6, mac);
    buffer.putShort(12, (short) type);
  }

  private void putArp(int operation, long targetMac, InetAddress target) {
    buffer.putInt(ETHERNET, 0x00010800).putInt(ETHERNET + 4, 0x06040000 | operation);
    putMac(ETHERNET + 8, mac);
    put(ETHERNET + 14, ipv4);
    putMac(ETHERNET + 18, targetMac);
    put(ETHERNET + 24, target);
  }

  private void putIpv4(int protocol, int payload, InetAddress target) {
    buffer.putInt(ETHERNET, 0x45000000 | IPV4_HEADER + payload).putInt(ETHERNET + 4, 0x4000);
    buffer.putInt(ETHERNET + 8, 64 << 24 | protocol << 16);
    put(ETHERNET + 12, ipv4);
    put(ETHERNET + 16, target);
    int sum = InternetChecksum.sum(octets, ETHERNET, IPV4_HEADER);
    buffer.putShort(ETHERNET + 10, (short) InternetChecksum.finish(sum));
  }

  private void putIpv6(int next, int payload, InetAddress target, int hops) {
    buffer.putInt(ETHERNET, 0x60000000).putInt(ETHERNET + 4, payload << 16 | next << 8 | hops);
    put(ETHERNET + 8, ipv6);
    put(ETHERNET + 24, target);
  }

  private void putChecksumIpv6(int transport, int length, int field, int protocol) {
    buffer.putShort(field, (short) 0);
    int addresses = InternetChecksum.sum(octets, ETHERNET + 8, 32);
    int data = InternetChecksum.sum(octets, transport, length);
    int sum = InternetChecksum.add(InternetChecksum.combine(addresses, data), length + protocol);
    buffer.putShort(field, (short) InternetChecksum.finish(sum));
  }

  private long mac(int at) {
    return (long) (buffer.getShort(at) & 0xffff) << 32 | buffer.getInt(at + 2) & 0xffff_ffffL;
  }

  private void putMac(int at, long address) {
    buffer.putShort(at, (short) (address >> 32)).putInt(at + 2, (int) address);
  }

  private void put(int at, InetAddress address) {
    buffer.put(at, address.getAddress());
  }

  private InetAddress address(int at, int size) {
    byte[] address = new byte[size];
    buffer.get(at, address);
    try {
      return InetAddress.getByAddress(address);
    } catch (java.net.UnknownHostException e) {
      throw new IllegalStateException(size + " octets are no address", e);
    }
  }
}
