package org.netback.adapters.tap;

import java.lang.foreign.Arena;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.Network;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;
import org.netback.vswitch.SwitchPort;

/// A port that sends frames to be segmented, with everything left to the segmenter: lengths, the
/// IPv4 header checksum and the pseudo header's sum are zero.
final class Sender implements Port, AutoCloseable {
  private final PortTraffic traffic = new PortTraffic();
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 1 << 17);
  private final FrameBatch batch = new FrameBatch(1);
  private final SwitchPort attached;
  private final Ingress ingress;

  Sender(Network network) {
    attached = network.attach(this);
    ingress = attached.openIngress();
  }

  /// @param payload octets of it
  /// @param size of a segment's payload
  void sendTcp(boolean ipv6, int payload, int size) {
    arena.clear();
    batch.clear();
    int transport = ipv6 ? 54 : 34;
    Frame frame = arena.allocate(transport + 20 + payload);
    frame.octets().fill((byte) 0);
    frame.putU16(0, 0xffff);
    frame.putI32(2, 0xffff_ffff);
    frame.putU16(6, 0x0200);
    frame.putI32(8, 0x77);
    if (ipv6) {
      frame.putU16(12, 0x86dd);
      frame.putU8(14, 0x60);
      frame.putU16(20, 0x0640);
      frame.putU16(22, 0xfd09);
      frame.putU8(37, 5);
      frame.putU16(38, 0xfd09);
      frame.putU8(53, 6);
    } else {
      frame.putU16(12, 0x0800);
      frame.putU8(14, 0x45);
      frame.putU16(22, 0x4006);
      frame.putI32(26, 0x0a09_0005);
      frame.putI32(30, 0x0a09_0006);
    }
    frame.putI32(transport, 1000 << 16 | 2000);
    frame.putU16(transport + 12, 0x5010);
    frame.octets().asSlice(transport + 20L).fill((byte) 0x5a);
    frame.setChecksum(ChecksumState.BLANK);
    frame.setGso(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4, size);
    batch.add(frame);
    ingress.forward(batch);
  }

  @Override
  public String name() {
    return "sender";
  }

  @Override
  public OffloadSet accepts() {
    return OffloadSet.NONE;
  }

  @Override
  public void transmit(FrameBatch frames) {
    traffic.delivered(0, frames);
  }

  @Override
  public PortTraffic traffic() {
    return traffic;
  }

  @Override
  public void close() {
    ingress.close();
    attached.close();
  }
}
