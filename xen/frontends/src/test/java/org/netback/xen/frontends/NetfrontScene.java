package org.netback.xen.frontends;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.ExtraInfo;

/// A frontend before a backend that a test plays by hand, and what the frontend tells of itself.
class NetfrontScene {
  static final int NEAR_WRAP = -100;

  final HandBackend backend = new HandBackend();
  final Recorder recorder = new Recorder();
  private final List<NetfrontQueue> queues = new ArrayList<>();

  Netfront start(NetfrontOptions options) {
    return start(options, 0);
  }

  Netfront start(NetfrontOptions options, int ringStart) {
    Netfront netfront =
        new Netfront(
            HandBackend.FRONT,
            backend.memory,
            backend.channels,
            backend.store,
            backend.loop,
            List.of(backend.loop),
            options,
            recorder,
            recorder,
            ringStart);
    netfront.start();
    backend.loop.runReady();
    queues.clear();
    queues.addAll(netfront.queues());
    return netfront;
  }

  NetfrontQueue queue(int index) {
    return queues.get(index);
  }

  HandBackend.Queue connect() throws Exception {
    backend.enter(XenbusState.INIT_WAIT);
    HandBackend.Queue queue = backend.attach("");
    backend.enter(XenbusState.CONNECTED);
    return queue;
  }

  /// Sends until the ring is full.
  int fill() {
    int sent = 0;
    while (send(queue(0), new byte[60]) == SendResult.SENT) {
      sent++;
    }
    return sent;
  }

  void pushTx(HandBackend.Queue queue) {
    queue.tx.push();
    backend.channels.raise(queue.txPort);
    backend.loop.runReady();
  }

  static SendResult send(NetfrontQueue queue, byte[] data) {
    return send(queue, data, false, ExtraInfo.GSO_TYPE_NONE, 0);
  }

  static SendResult send(
      NetfrontQueue queue, byte[] data, boolean blank, int gsoType, int gsoSize) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(data.length);
      MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, 0, data.length);
      return queue.send(memory, 0, data.length, blank, false, gsoType, gsoSize);
    }
  }

  /// Octets of which Linux believes that they are TCP over IPv4, with another ethertype or not.
  static byte[] tcp(int length, int etherType) {
    byte[] frame = new byte[Math.max(length, 24)];
    frame[12] = (byte) (etherType >> 8);
    frame[13] = (byte) etherType;
    frame[14] = 0x45;
    frame[23] = 6;
    return Arrays.copyOf(frame, length);
  }

  static byte[] random(int length) {
    byte[] data = new byte[length];
    new Random(length).nextBytes(data);
    return data;
  }

  record Received(ByteBuffer data, boolean blank, boolean validated, int gsoType, int gsoSize) {}

  static final class Recorder implements FrameSink, NetfrontListener {
    final List<Received> frames = new ArrayList<>();
    final List<String> failures = new ArrayList<>();
    final List<String> refusals = new ArrayList<>();
    int rooms;
    int connected;
    int disconnected;

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
      frames.add(
          new Received(
              ByteBuffer.wrap(memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE)),
              checksumBlank,
              dataValidated,
              gsoType,
              gsoSize));
    }

    @Override
    public void roomAgain(NetfrontQueue queue) {
      rooms++;
    }

    @Override
    public void connected(NetfrontFeatures features) {
      connected++;
    }

    @Override
    public void disconnected() {
      disconnected++;
    }

    @Override
    public void refused(String message) {
      refusals.add(message);
    }

    @Override
    public void failed(String message) {
      failures.add(message);
    }
  }
}
