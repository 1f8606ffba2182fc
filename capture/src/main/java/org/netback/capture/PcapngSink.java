package org.netback.capture;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.netback.capture.pcapng.InterfaceDescription;
import org.netback.capture.pcapng.InterfaceStatistics;
import org.netback.capture.pcapng.PacketFlags;
import org.netback.capture.pcapng.PacketNote;
import org.netback.capture.pcapng.PacketOptions;
import org.netback.capture.pcapng.SectionHeader;
import org.netback.capture.pcapng.SectionWriter;
import org.netback.packet.ChecksumState;
import org.netback.packet.GsoType;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Observer;
import org.netback.vswitch.SwitchPort;

/// A capture file in the format pcapng. Each port is an interface, each record a packet with its
/// direction, queue, number (`epb_packetid`), verdict, and a comment that says point, decision and
/// reason. What was lost is counted at the next packet (`epb_dropcount`) and in the statistics at
/// the end.
///
/// Whole blocks go out, so that a file of a daemon that was killed can be read to its last one.
public final class PcapngSink implements CaptureSink {
  private static final int BUFFER = 256 << 10;

  /// Decisions that are remembered: groups come and go.
  private static final int MOST_NOTES = 4096;

  private static final int MOST_KNOWN = 4096;

  private static final int MAC_OCTETS = 6;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final WritableByteChannel out;
  private final SectionWriter writer;
  private final String filter;
  private final Checksums checksums;
  private final LongSupplier clock;
  private final Function<SwitchPort, PortFacts> facts;
  private final PacketOptions options = new PacketOptions();
  private final Map<String, Interface> interfaces = new HashMap<>();

  /// What was looked up by name: a guest that connects anew has another port of the same name.
  private final IdentityHashMap<SwitchPort, Interface> known = new IdentityHashMap<>();

  private final IdentityHashMap<Object, PacketNote> notes = new IdentityHashMap<>();
  private final long start;
  private long lost;

  /// Whether checksums that a sender has left blank are completed in the file.
  public enum Checksums {
    COMPLETED,
    AS_THEY_ARE
  }

  /// A port in the file.
  private static final class Interface {
    private final int id;
    private long packets;

    private Interface(int id) {
      this.id = id;
    }
  }

  /// @param out closed with this
  /// @param header what captures, and why
  /// @param snapLength of the capture
  /// @param filter of the capture, as it was written
  /// @param clock nanoseconds since 1970
  /// @param facts of the ports
  public PcapngSink(
      WritableByteChannel out,
      SectionHeader header,
      int snapLength,
      String filter,
      Checksums checksums,
      LongSupplier clock,
      Function<SwitchPort, PortFacts> facts) {
    this.out = out;
    this.writer = new SectionWriter(Arena.ofAuto().allocate(BUFFER), snapLength);
    this.filter = filter;
    this.checksums = checksums;
    this.clock = clock;
    this.facts = facts;
    this.start = clock.getAsLong();
    if (!writer.begin(header)) {
      throw new IllegalArgumentException("a section header of more than " + BUFFER + " octets");
    }
  }

  @Override
  public void frame(CapturedFrame frame, long lostSoFar) throws IOException {
    Interface at = interfaceOf(frame.port());
    if (checksums == Checksums.COMPLETED && frame.checksum() == ChecksumState.BLANK) {
      frame.completeChecksum();
    }
    options.clear().flags(flags(frame)).note(note(frame)).dropCount(lostSoFar - lost);
    if (frame.point() != CapturePoint.REJECTED) {
      options.packetId(frame.number());
    }
    if (frame.queue() != Observer.NO_QUEUE) {
      options.queue(frame.queue());
    }
    while (!writer.packet(
        at.id,
        frame.nanos(),
        frame.memory(),
        frame.offset(),
        frame.captured(),
        frame.length(),
        options)) {
      writeOut();
    }
    at.packets++;
    lost = lostSoFar;
  }

  private Interface interfaceOf(SwitchPort port) throws IOException {
    Interface found = known.get(port);
    if (found == null) {
      if (known.size() >= MOST_KNOWN) {
        known.clear();
      }
      found = interfaceCalled(port.network().name() + '/' + port.name(), port);
      known.put(port, found);
    }
    return found;
  }

  private Interface interfaceCalled(String name, SwitchPort port) throws IOException {
    Interface there = interfaces.get(name);
    if (there != null) {
      return there;
    }
    PortFacts of = facts.apply(port);
    InterfaceDescription description =
        InterfaceDescription.ofPort(
            writer.snapLength(), port.name(), of.description(), of.address(), of.speed(), filter);
    Interface added = new Interface(writer.interfaces());
    while (!writer.add(description)) {
      writeOut();
    }
    interfaces.put(name, added);
    return added;
  }

  private static int flags(CapturedFrame frame) {
    int flags =
        switch (frame.point()) {
          case FROM_GUEST, FORWARDED, REJECTED -> PacketFlags.INBOUND;
          case TO_GUEST -> PacketFlags.OUTBOUND;
          case DROPPED -> 0; // on its way in, or out
        };
    if (frame.captured() >= MAC_OCTETS) {
      long upper = frame.memory().get(U16, frame.offset()) & 0xffffL;
      long lower = frame.memory().get(U32, frame.offset() + 2) & 0xffff_ffffL;
      flags |= PacketFlags.reception(upper << 32 | lower);
    }
    if (frame.checksum() == ChecksumState.BLANK) {
      flags |= PacketFlags.CHECKSUM_NOT_READY;
    } else if (frame.checksum() == ChecksumState.VALIDATED) {
      flags |= PacketFlags.CHECKSUM_VALID;
    }
    return frame.gso() == GsoType.NONE ? flags : flags | PacketFlags.SEGMENTATION_OFFLOADED;
  }

  /// Verdicts are constants, or live as long as a group, so that each is put into words once.
  private PacketNote note(CapturedFrame frame) {
    Object verdict = frame.verdict();
    PacketNote there = notes.get(verdict);
    if (there != null) {
      return there;
    }
    if (notes.size() >= MOST_NOTES) {
      notes.clear();
    }
    String point = frame.point().text();
    PacketNote made =
        switch (frame.point()) {
          case FROM_GUEST, TO_GUEST -> PacketNote.of(point, frame.point().ordinal(), 0);
          case FORWARDED -> PacketNote.of(point + " to " + verdict, frame.point().ordinal(), 0);
          case DROPPED, REJECTED ->
              PacketNote.of(
                  point + ": " + verdict,
                  frame.point().ordinal(),
                  verdict instanceof DropReason reason ? reason.ordinal() + 1 : 0);
        };
    notes.put(verdict, made);
    return made;
  }

  @Override
  public void flush() throws IOException {
    if (writer.length() > 0) {
      writeOut();
    }
  }

  private void writeOut() throws IOException {
    ByteBuffer blocks = writer.written();
    while (blocks.hasRemaining()) {
      int _ = out.write(blocks);
    }
    writer.clear();
  }

  @Override
  public void end(CaptureStatistics statistics) throws IOException {
    long now = clock.getAsLong();
    for (Interface each : interfaces.values()) {
      InterfaceStatistics block =
          new InterfaceStatistics(
              each.id,
              now,
              start,
              now,
              InterfaceStatistics.UNKNOWN,
              InterfaceStatistics.UNKNOWN,
              InterfaceStatistics.UNKNOWN,
              // Whose they were is not known: they are those of the first.
              each.id == 0 ? statistics.lost() : InterfaceStatistics.UNKNOWN,
              each.packets);
      while (!writer.add(block)) {
        writeOut();
      }
    }
    flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
