package org.netback.capture;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Observer;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// Ports of a test's, and frames for them.
final class Ports {
  static final byte[] MAC_A = {0, 0x16, 0x3e, 0, 0, 1};
  static final byte[] MAC_B = {0, 0x16, 0x3e, 0, 0, 2};

  private Ports() {}

  /// A port in a network of its own.
  static SwitchPort attach(String name) {
    return new Switch(MacLimits.DEFAULT, () -> 0)
        .network("test")
        .attach(new Taker(name, new PortTraffic(), false));
  }

  /// Takes all frames, or drops them all.
  record Taker(String name, PortTraffic traffic, boolean drops) implements Port {
    @Override
    public OffloadSet accepts() {
      return OffloadSet.ALL;
    }

    @Override
    public void transmit(FrameBatch frames) {
      if (drops) {
        traffic.drop(DropReason.BACKLOG_FULL, Observer.NO_QUEUE, frames, 0);
      } else {
        traffic.delivered(3, frames);
      }
    }
  }

  /// Sends rounds of frames into a port. Confined to one thread.
  static final class Sender {
    private final FrameArena arena = new FrameArena(Arena.ofAuto(), 64, 1 << 18);
    private final FrameBatch batch = new FrameBatch(64);
    private final Ingress ingress;

    Sender(SwitchPort port, int queue) {
      ingress = port.openIngress(queue);
    }

    void send(int count, byte[] from, byte[] to, int length) {
      for (int i = 0; i < count; i++) {
        Frame frame = arena.allocate(length);
        frame.octets().fill((byte) i);
        MemorySegment.copy(MemorySegment.ofArray(to), 0, frame.octets(), 0, 6);
        MemorySegment.copy(MemorySegment.ofArray(from), 0, frame.octets(), 6, 6);
        frame.putU16(12, 0x88b5);
        batch.add(frame);
      }
      ingress.forward(batch);
      batch.clear();
      arena.clear();
    }
  }
}
