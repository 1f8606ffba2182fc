package org.netback.netif;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;

/// A port that keeps copies of what it gets, offload and all.
final class Sink implements Port {
  /// A frame as it came.
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  record Copy(byte[] octets, ChecksumState checksum, GsoType gso, int gsoSize) {}

  private final PortTraffic traffic = new PortTraffic();
  private final List<Copy> frames = new ArrayList<>();

  @Override
  public String name() {
    return "sink";
  }

  @Override
  public OffloadSet accepts() {
    return OffloadSet.ALL;
  }

  @Override
  public synchronized void transmit(FrameBatch batch) {
    for (int i = 0; i < batch.size(); i++) {
      Frame frame = batch.get(i);
      frames.add(
          new Copy(
              frame.octets().toArray(ValueLayout.JAVA_BYTE),
              frame.checksum(),
              frame.gso(),
              frame.gsoSize()));
    }
  }

  @Override
  public PortTraffic traffic() {
    return traffic;
  }

  /// What came since the last call.
  synchronized List<Copy> take() {
    List<Copy> taken = List.copyOf(frames);
    frames.clear();
    return taken;
  }
}
