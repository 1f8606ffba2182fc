package org.netback.vswitch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.netback.packet.ArrayLender;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.MacAddress;

/// What stands before an [Ingress] in a test: memory for the frames of a round, and the round.
final class Wire {
  static final long A = MacAddress.parse("00:16:3e:00:00:0a").value();
  static final long B = MacAddress.parse("00:16:3e:00:00:0b").value();
  static final long C = MacAddress.parse("00:16:3e:00:00:0c").value();

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 512, 1 << 20);
  private final FrameBatch batch = new FrameBatch(512);
  private final Ingress ingress;

  Wire(SwitchPort port) {
    this(port.openIngress());
  }

  Wire(Ingress ingress) {
    this.ingress = ingress;
  }

  /// A clock that stands still until it is moved, and starts near its overflow.
  static AtomicLong clock() {
    return new AtomicLong(Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(100));
  }

  Frame add(long from, long to) {
    return add(from, to, 60);
  }

  /// Adds a frame of no known protocol to the round.
  Frame add(long from, long to, int length) {
    Frame frame = arena.allocate(length);
    frame.octets().fill((byte) 0);
    if (length >= 14) {
      frame.putU16(0, (int) (to >> 32));
      frame.putI32(2, (int) to);
      frame.putU16(6, (int) (from >> 32));
      frame.putI32(8, (int) from);
      frame.putU16(12, 0x88b5);
    }
    batch.add(frame);
    return frame;
  }

  Frame add(byte[] octets) {
    Frame frame = arena.allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    batch.add(frame);
    return frame;
  }

  /// Adds a frame of which only the first octets are private.
  Frame add(byte[] octets, int head, ArrayLender lender) {
    Frame frame = lender.lend(arena, octets, head);
    batch.add(frame);
    return frame;
  }

  /// Carries the round. Afterwards its memory holds nothing, so that a frame kept by someone shows.
  void send() {
    ingress.forward(batch);
    for (int i = 0; i < batch.size(); i++) {
      Frame frame = batch.get(i);
      frame.memory().asSlice(frame.offset(), frame.length()).fill((byte) 0xee);
    }
    batch.clear();
    arena.clear();
  }

  void send(long from, long to) {
    add(from, to);
    send();
  }

  Ingress ingress() {
    return ingress;
  }
}
