package org.netback.vswitch;

import java.lang.foreign.Arena;
import org.netback.offload.TcpSegmenter;
import org.netback.offload.TransportChecksum;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.packet.OffloadSet;

/// Hands collected frames to their receiver, after the work on them that it leaves to the switch.
/// The one place where that is done, for all kinds of ports. Belongs to one [Ingress].
///
/// A checksum is completed in place, which is as good for every other receiver of that frame.
/// Segments are written into memory of its own, since another receiver may take the frame whole.
final class Delivery implements AutoCloseable {
  /// Segments of the usual 1500 octets for one batch, and room for any single one.
  private static final long SCRATCH_OCTETS = 128 << 10;

  private final Arena memory = Arena.ofShared();
  private final FrameBatch ready = new FrameBatch(Egress.CAPACITY);
  private final TcpSegmenter segmenter = new TcpSegmenter();

  /// Empty until the first segmentation: most queues never need it.
  private FrameArena scratch = new FrameArena(memory, 0, 0);

  private boolean hasScratch;

  /// What is dropped on the sender's account.
  private final RoundDrops drops;

  Delivery(RoundDrops drops) {
    this.drops = drops;
  }

  /// Sends all frames and empties the batch. Each is handed over or dropped, unless it is torn.
  void send(Egress egress) {
    SwitchPort port = egress.port;
    FrameBatch frames = egress.frames;
    if (port.isAttached()) {
      Port to = port.port();
      OffloadSet accepts = port.accepts(to);
      boolean whole = egress.partial && isWantedWhole(port, to, frames);
      if (whole) {
        frames.pull(0, -1L >>> Egress.CAPACITY - frames.size());
      }
      int undisputed = Math.min(accepts.maxLength(), accepts.longestSegment());
      if (!egress.offload && !whole && egress.longest <= undisputed) {
        port.transmit(to, frames);
      } else {
        prepare(port, to, frames, accepts);
      }
    } else {
      port.traffic().drop(DropReason.PORT_DOWN, Observer.NO_QUEUE, frames, 0);
    }
    egress.clear();
  }

  private static boolean isWantedWhole(SwitchPort port, Port to, FrameBatch frames) {
    return !to.takesPartialFrames() || PortTraffic.lacks(frames, port.traffic().observers());
  }

  private void prepare(SwitchPort port, Port to, FrameBatch frames, OffloadSet accepts) {
    for (int i = 0; i < frames.size(); i++) {
      Frame frame = frames.get(i);
      if (frame.gso() != GsoType.NONE) {
        if (takesWhole(accepts, frame)) {
          ready(port, to, frame, accepts);
        } else {
          segment(port, to, frame, accepts);
        }
      } else if (frame.checksum() != ChecksumState.BLANK || takesBlank(accepts, frame)) {
        ready(port, to, frame, accepts);
      } else {
        complete(port, to, frame, accepts);
      }
    }
    flush(port, to);
  }

  private void complete(SwitchPort port, Port to, Frame frame, OffloadSet accepts) {
    if (!frame.pull()) {
      return;
    }
    TransportChecksum.Outcome outcome = TransportChecksum.complete(frame, frame.headers());
    if (outcome == TransportChecksum.Outcome.DONE) {
      ready(port, to, frame, accepts);
    } else {
      drops.drop(DropReason.BAD_OFFLOAD, frame);
    }
  }

  private static boolean takesWhole(OffloadSet accepts, Frame frame) {
    boolean segments =
        switch (frame.gso()) {
          case NONE -> true;
          case TCPV4 -> accepts.tcpv4Segmentation();
          case TCPV6 -> accepts.tcpv6Segmentation();
        };
    return segments && frame.length() <= accepts.maxLength() && takesBlank(accepts, frame);
  }

  /// @param frame admitted, so that it has an IP header
  private static boolean takesBlank(OffloadSet accepts, Frame frame) {
    int tags = Headers.vlanTags(frame);
    if (tags > 0 && !accepts.behindTags()) {
      return false;
    }
    return frame.u16(12 + 4 * tags) == Headers.ETHERTYPE_IPV4
        ? accepts.checksumIpv4()
        : accepts.checksumIpv6();
  }

  private void segment(SwitchPort port, Port to, Frame frame, OffloadSet accepts) {
    if (!frame.pull()) {
      return;
    }
    if (segmenter.begin(frame, frame.headers()) != TcpSegmenter.Outcome.READY) {
      drops.drop(DropReason.BAD_OFFLOAD, frame);
      return;
    }
    if (!hasScratch) {
      scratch = new FrameArena(memory, Egress.CAPACITY, SCRATCH_OCTETS);
      hasScratch = true;
    }
    boolean complete = !takesBlank(accepts, frame);
    while (segmenter.hasNext()) {
      if (!scratch.fits(segmenter.nextLength())) {
        flush(port, to);
      }
      ready(port, to, segmenter.next(scratch, complete), accepts);
    }
  }

  private void ready(SwitchPort port, Port to, Frame frame, OffloadSet accepts) {
    // A look at its tags may be what tears a frame.
    boolean isTooLong = isTooLong(accepts, frame);
    if (frame.isTorn()) {
      return;
    }
    if (isTooLong) {
      port.traffic().drop(DropReason.TOO_LONG, Observer.NO_QUEUE, frame);
      return;
    }
    if (ready.isFull()) {
      // Keeps the scratch: the frame at hand may lie in it.
      port.transmit(to, ready);
      ready.clear();
    }
    ready.add(frame);
  }

  private static boolean isTooLong(OffloadSet accepts, Frame frame) {
    int length = frame.gso() == GsoType.NONE ? frame.length() : frame.segmentLength();
    int longest = accepts.longestSegment();
    return frame.length() > accepts.maxLength()
        || length > longest && length > longest + (Headers.vlanTags(frame) == 2 ? 4 : 0);
  }

  private void flush(SwitchPort port, Port to) {
    if (!ready.isEmpty()) {
      port.transmit(to, ready);
      ready.clear();
    }
    scratch.clear();
  }

  @Override
  public void close() {
    memory.close();
  }
}
