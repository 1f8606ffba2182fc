package org.netback.benchmarks;

import java.lang.foreign.Arena;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.InternetChecksum;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.SwitchPort;

/// What a host says when it joins a group (IGMPv2), brought into the switch at its port.
final class IgmpReport {
  private static final int LENGTH = 14 + 20 + 8;

  private IgmpReport() {}

  /// @param group four octets, 239.0.0.0 to 239.127.255.255
  static void send(SwitchPort port, byte[] group) {
    FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 512);
    Frame frame = arena.allocate(LENGTH);
    frame.octets().fill((byte) 0);
    int address =
        group[0] << 24 | (group[1] & 0xff) << 16 | (group[2] & 0xff) << 8 | group[3] & 0xff;
    frame.putU16(0, 0x0100);
    frame.putI32(2, 0x5e00_0000 | address & 0x7f_ffff);
    frame.putU16(6, 0x0200);
    frame.putI32(8, 0x99 + port.name().hashCode());
    frame.putU16(12, 0x0800);
    frame.putU16(14, 0x4500);
    frame.putU16(16, LENGTH - 14);
    frame.putU16(22, 0x0102);
    frame.putI32(26, 0x0a00_0001);
    frame.putI32(30, address);
    frame.putU16(24, InternetChecksum.finish(InternetChecksum.sum(frame, 14, 20)));
    frame.putU8(34, 0x16);
    frame.putI32(38, address);
    frame.putU16(36, InternetChecksum.finish(InternetChecksum.sum(frame, 34, 8)));
    FrameBatch batch = new FrameBatch(1);
    batch.add(frame);
    try (Ingress ingress = port.openIngress()) {
      ingress.forward(batch);
    }
  }
}
