package org.netback.netif;

import java.lang.foreign.Arena;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.SwitchPort;

/// Sends frames into the switch from the thread that uses it, as another loop would.
final class Carrier implements AutoCloseable {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 1, 65_600 + 64);
  private final FrameBatch batch = new FrameBatch(1);
  private final Ingress ingress;

  Carrier(SwitchPort port) {
    ingress = port.openIngress();
  }

  void send(long destination) {
    send(destination, 60);
  }

  /// A frame of no protocol.
  void send(long destination, int length) {
    send(destination, length, 0);
  }

  /// A frame of no protocol whose payload begins with a mark, if it is not 0.
  void send(long destination, int length, int mark) {
    arena.clear();
    batch.clear();
    Frame frame = arena.allocate(length);
    frame.putU16(0, (int) (destination >>> 32));
    frame.putI32(2, (int) destination);
    frame.putU16(6, 0x0200);
    frame.putI32(8, 0x77);
    frame.putU16(12, 0x88b5);
    if (mark != 0) {
      frame.putI32(14, mark);
    }
    batch.add(frame);
    ingress.forward(batch);
  }

  @Override
  public void close() {
    ingress.close();
  }
}
