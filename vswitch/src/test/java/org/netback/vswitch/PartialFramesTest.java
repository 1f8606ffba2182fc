package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.AnyFrame;
import org.netback.packet.ArrayLender;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.InternetChecksum;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.netback.vswitch.Groups.GroupRecord;

/// Frames of which not all is private go where whole ones would, and arrive as they would.
final class PartialFramesTest {
  private static final int PORTS = 5;

  /// A frame and what is said of it.
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  private record Sent(
      byte[] octets, int head, ChecksumState checksum, GsoType gso, int gsoSize, boolean last) {}

  /// A network of ports that take more or less. The first one sends; the addresses of the others
  /// are known.
  private static final class Scene {
    final AtomicLong clock = Wire.clock();
    final Switch bridge = new Switch(MacLimits.DEFAULT, clock::get);
    final Network network = bridge.network("lan");
    final List<RecordingPort> ports = new ArrayList<>();
    final ArrayLender lender = new ArrayLender();
    final Wire wire;

    Scene() {
      ports.add(new RecordingPort("sender"));
      ports.add(new RecordingPort("all", OffloadSet.ALL));
      ports.add(new RecordingPort("none", OffloadSet.NONE.withMtu(700)));
      ports.add(new RecordingPort("partial", OffloadSet.ALL.withMtu(700), true));
      ports.add(new RecordingPort("partial-none", OffloadSet.NONE, true));
      List<SwitchPort> attached = ports.stream().map(network::attach).toList();
      wire = new Wire(attached.getFirst());
      for (int i = 1; i < PORTS; i++) {
        network.addStatic(new MacAddress(address(i)), attached.get(i));
      }
      for (int second = 0; second < 4; second++) {
        bridge.age();
        clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
      }
      ports.forEach(RecordingPort::take);
    }

    void send(List<Sent> frames, boolean whole) {
      for (Sent sent : frames) {
        Frame frame = wire.add(sent.octets, whole ? sent.octets.length : sent.head, lender);
        frame.setChecksum(sent.checksum);
        frame.setGso(sent.gso, sent.gsoSize);
        if (sent.last) {
          wire.send();
        }
      }
      wire.send();
    }

    /// All that shows of what was sent.
    List<String> outcome() {
      List<String> outcome = new ArrayList<>();
      for (RecordingPort port : ports) {
        outcome.add(port.name() + ' ' + port.counters().drops());
        for (RecordingPort.Received received : port.take()) {
          outcome.add(
              "%s %s %d %s"
                  .formatted(
                      received.checksum(),
                      received.gso(),
                      received.gsoSize(),
                      HexFormat.of().formatHex(received.octets())));
        }
      }
      outcome.add(network.groups().toString());
      outcome.add(network.queriers().toString());
      outcome.add(network.multicastStatistics().toString());
      outcome.add(network.statistics().toString());
      return outcome;
    }
  }

  private static long address(int port) {
    return 0x0016_3e00_0000L | port;
  }

  private static Sent anySent(Sample sample) {
    byte[] octets =
        sample.between(0, 2) == 0
            ? anyMessage(sample)
            : AnyFrame.octets(
                sample,
                sample.oneOf(
                    address(1),
                    address(2),
                    address(3),
                    address(4),
                    address(9),
                    MacAddress.BROADCAST,
                    0x0100_5e7f_0001L,
                    0x3333_0000_0002L),
                address(0));
    GsoType gso = sample.oneOf(GsoType.values());
    return new Sent(
        octets,
        sample.between(14, Math.min(octets.length, 500)),
        sample.oneOf(ChecksumState.values()),
        gso,
        gso == GsoType.NONE ? 0 : sample.between(0, 300),
        sample.anyBoolean());
  }

  /// An IGMP or MLD message, perhaps behind long options, perhaps wrong.
  private static byte[] anyMessage(Sample sample) {
    GroupRecord[] records = records(sample.between(0, 40));
    byte[] octets =
        switch (sample.between(0, 8)) {
          case 0 -> Groups.igmpV2Report("239.1.1.1");
          case 1 -> Groups.igmpV2Leave("239.1.1.1");
          case 2 -> Groups.igmpV3Report(records);
          case 3 -> Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 20);
          case 4 -> Groups.igmpV3Query("10.0.0.1", "239.1.1.1", "239.1.1.1", 20);
          case 5 -> Groups.mldV1Report("ff0e::1");
          case 6 -> Groups.mldV2Report("fe80::1", recordsIpv6(records.length));
          case 7 -> Groups.mldQuery("fe80::1", "ff02::1", "::", 20);
          default -> Groups.ipv4("10.0.0.1", "224.0.0.13", 103, new byte[] {0x20, 0, 0, 0});
        };
    int at = sample.between(0, octets.length - 1);
    byte[] stretched = stretch(octets, sample.between(0, 10));
    if (sample.between(0, 3) == 3) {
      stretched[at] = sample.anyByte();
    }
    return stretched;
  }

  private static GroupRecord[] records(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new GroupRecord(1 + i % 6, "239.2.0." + i, List.of("10.0.0.7")))
        .toArray(GroupRecord[]::new);
  }

  private static GroupRecord[] recordsIpv6(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> new GroupRecord(1 + i % 6, "ff0e::" + i, List.of("fd00::7")))
        .toArray(GroupRecord[]::new);
  }

  /// The same with so many words more of IPv4 options, or four times as much of hop-by-hop options.
  private static byte[] stretch(byte[] octets, int words) {
    boolean ipv4 = octets[12] == 8;
    int at = ipv4 ? 34 : 62;
    int more = ipv4 ? 4 * words : 16 * words;
    byte[] longer = new byte[octets.length + more];
    System.arraycopy(octets, 0, longer, 0, at);
    System.arraycopy(octets, at, longer, at + more, octets.length - at);
    if (ipv4) {
      longer[14] += (byte) words;
      add(longer, 16, more);
      longer[24] = 0;
      longer[25] = 0;
      int checksum =
          InternetChecksum.finish(Groups.sum(0, Arrays.copyOfRange(longer, 14, 34 + more)));
      longer[24] = (byte) (checksum >> 8);
      longer[25] = (byte) checksum;
    } else {
      longer[55] += (byte) (2 * words);
      add(longer, 18, more);
    }
    return longer;
  }

  private static void add(byte[] octets, int at, int more) {
    int value = ((octets[at] & 0xff) << 8 | octets[at + 1] & 0xff) + more;
    octets[at] = (byte) (value >> 8);
    octets[at + 1] = (byte) value;
  }

  @Test
  void fareAsWholeOnes() {
    Property.holds(
        1000,
        sample -> {
          List<Sent> frames = sample.list(1, 6, () -> anySent(sample));
          Scene whole = new Scene();
          whole.send(frames, true);
          Scene partial = new Scene();
          partial.send(frames, false);
          assertThat(partial.outcome()).isEqualTo(whole.outcome());
          assertThat(whole.lender.pulls()).isZero();
        });
  }

  /// A reader that is asked first, before anything else was read of the frame.
  @Test
  void messagesAreJudgedAsWholeOnes() {
    FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 15);
    MembershipMessage message = new MembershipMessage();
    Property.holds(
        2000,
        sample -> {
          Sent sent = anySent(sample);
          arena.clear();
          ArrayLender lender = new ArrayLender();
          List<List<String>> found = new ArrayList<>();
          for (int head : new int[] {sent.octets.length, sent.head}) {
            Frame frame = lender.lend(arena, sent.octets, head);
            List<String> all = new ArrayList<>();
            all.add(message.parse(frame) + " from " + message.sourceLow());
            while (message.nextRecord(frame)) {
              all.add(message.change() + " " + message.groupHigh() + ":" + message.groupLow());
            }
            found.add(all);
          }
          assertThat(found.get(1)).isEqualTo(found.get(0));
        });
  }

  /// Whatever a port takes. A frame to be segmented may end in its head, without its padding.
  @Test
  void goToNobodyIfTheyAreTorn() {
    Property.holds(
        1000,
        sample -> {
          Sent sent = anySent(sample);
          Scene scene = new Scene();
          scene.lender.lose();
          scene.send(List.of(sent), false);
          boolean mayBeWhole = sent.head == sent.octets.length || sent.gso != GsoType.NONE;
          assertThat(scene.lender.pulls()).isLessThanOrEqualTo(1);
          for (RecordingPort port : scene.ports) {
            if (!mayBeWhole || scene.lender.pulls() == 1) {
              assertThat(port.take()).isEmpty();
            }
          }
        });
  }

  /// A message is whole before anything of it counts, however far behind the head it ends.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 10})
  void messagesCountAsAWhole(int words) {
    byte[] igmp = stretch(Groups.igmpV2Report("239.1.1.1"), words);
    byte[] mld = stretch(Groups.mldV1Report("ff0e::1"), words);
    int igmpEnd = 14 + 20 + 4 * words + 8;
    int mldEnd = 14 + 40 + 8 + 16 * words + 24;
    for (int missing = 1; igmpEnd - missing >= 14; missing++) {
      assertCountsAsAWhole(igmp, igmpEnd - missing);
    }
    for (int missing = 1; mldEnd - missing >= 14; missing++) {
      assertCountsAsAWhole(mld, mldEnd - missing);
    }
  }

  private static void assertCountsAsAWhole(byte[] message, int head) {
    Scene scene = new Scene();
    scene.wire.add(message, head, scene.lender);
    scene.wire.send();
    assertThat(scene.network.groups()).extracting(MulticastRow::port).contains("sender");
    assertThat(scene.lender.pulls()).isEqualTo(1);
    Scene torn = new Scene();
    torn.lender.lose();
    torn.wire.add(message, head, torn.lender);
    torn.wire.send();
    assertThat(torn.network.groups()).extracting(MulticastRow::port).doesNotContain("sender");
    // That it could not be read says nothing against it.
    assertThat(torn.network.multicastStatistics().malformed()).isZero();
    assertThat(torn.ports.getFirst().counters().drops()).isEmpty();
  }
}
