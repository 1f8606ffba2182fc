package org.netback.vswitch;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;

/// A port that keeps a copy of all that it gets, torn frames excepted. Any thread.
final class RecordingPort implements Port {
  /// A copy of a frame and of what was said of it.
  static final class Received {
    private final byte[] octets;
    private final ChecksumState checksum;
    private final GsoType gso;
    private final int gsoSize;

    Received(Frame frame) {
      this(
          frame.octets().toArray(ValueLayout.JAVA_BYTE),
          frame.checksum(),
          frame.gso(),
          frame.gsoSize());
    }

    Received(byte[] octets, ChecksumState checksum, GsoType gso, int gsoSize) {
      this.octets = octets;
      this.checksum = checksum;
      this.gso = gso;
      this.gsoSize = gsoSize;
    }

    byte[] octets() {
      return octets;
    }

    ChecksumState checksum() {
      return checksum;
    }

    GsoType gso() {
      return gso;
    }

    int gsoSize() {
      return gsoSize;
    }
  }

  private final String name;
  private final OffloadSet accepts;
  private final boolean partial;
  private final PortTraffic traffic = new PortTraffic();
  private final List<Received> received = new ArrayList<>();
  private int batches;
  private Runnable whenTransmitting = () -> {};

  RecordingPort(String name, OffloadSet accepts) {
    this(name, accepts, false);
  }

  /// @param partial whether it takes partial frames
  RecordingPort(String name, OffloadSet accepts, boolean partial) {
    this.name = name;
    this.accepts = accepts;
    this.partial = partial;
  }

  RecordingPort(String name) {
    this(name, OffloadSet.ALL);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public OffloadSet accepts() {
    return accepts;
  }

  @Override
  public boolean takesPartialFrames() {
    return partial;
  }

  @Override
  public synchronized void transmit(FrameBatch frames) {
    batches++;
    whenTransmitting.run();
    for (int i = 0; i < frames.size(); i++) {
      Frame frame = frames.get(i);
      if (partial ? frame.pull() : !frame.isTorn()) {
        received.add(new Received(frame));
      }
    }
    traffic.delivered(0, frames);
  }

  @Override
  public PortTraffic traffic() {
    return traffic;
  }

  /// @param task is run before a batch is read
  void whenTransmitting(Runnable task) {
    whenTransmitting = task;
  }

  synchronized List<Received> received() {
    return List.copyOf(received);
  }

  synchronized int batches() {
    return batches;
  }

  /// Forgets what it got.
  synchronized List<Received> take() {
    List<Received> result = List.copyOf(received);
    received.clear();
    batches = 0;
    return result;
  }
}
