package org.netback.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.netback.capture.filter.FilterProgram;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Forwarding;
import org.netback.vswitch.Observer;
import org.netback.vswitch.SwitchPort;

class LineSinkTest {
  private static final long TIME = 1_700_000_000_123_456_789L;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final SwitchPort port = Ports.attach("vif1.0");
  private final Recorder recorder =
      new Recorder(
          "capture",
          new CaptureChoice(
              EnumSet.allOf(CapturePoint.class),
              Set.of(),
              CaptureChoice.EVERY_QUEUE,
              FilterProgram.EVERYTHING,
              64),
          100,
          1,
          4096,
          () -> TIME);

  private static Frame frame() {
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 4096).allocate(60);
    frame.octets().fill((byte) 0);
    frame.putU16(12, 0x88cc);
    return frame;
  }

  /// Writes what was recorded.
  private String written(LineFormat format) throws IOException {
    try (LineSink sink = new LineSink(out, ZoneOffset.UTC, format)) {
      CapturedFrame oldest = recorder.oldest().getFirst();
      while (oldest.next()) {
        sink.frame(oldest, 0);
        oldest.release();
      }
      sink.end(new CaptureStatistics(0, 0, 7));
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aLineSaysWhenWhereWhatAndWhy() throws IOException {
    Frame frame = frame();
    recorder.ingress(port, 2, frame);
    recorder.forwarded(port, 2, frame, Forwarding.Flood.ALL_BUT_INGRESS);
    recorder.dropped(port, Observer.NO_QUEUE, frame, DropReason.NO_EGRESS);
    recorder.rejected(port, 0, 70_000, "too many slots");
    String what = "60 LLDP 00:00:00:00:00:00 > 00:00:00:00:00:00";
    assertThat(written(LineFormat.TEXT))
        .isEqualTo(
            """
            22:13:20.123456 vif1.0 q2 from-guest %1$s
            22:13:20.123456 vif1.0 q2 forwarded %1$s => ALL_BUT_INGRESS
            22:13:20.123456 vif1.0 q- dropped %1$s !! NO_EGRESS
            22:13:20.123456 vif1.0 q0 rejected 70000 !! too many slots
            [7 frames were not captured here: too many came at once]
            """
                .formatted(what));
  }

  @Test
  void aLineForProgramsIsAnObject() throws IOException {
    Frame frame = frame();
    recorder.dropped(port, 1, frame, DropReason.NO_EGRESS);
    recorder.rejected(port, 0, 70_000, "a \"quoted\"\n\\ word");
    assertThat(written(LineFormat.JSON))
        .isEqualTo(
            """
            {"time": "2023-11-14T22:13:20.123456789Z", "number": %d, "point": "dropped", \
            "port": "vif1.0", "network": "test", "queue": 1, "length": 60, "captured": 60, \
            "verdict": "NO_EGRESS", "source": "00:00:00:00:00:00", \
            "destination": "00:00:00:00:00:00", "vlans": [], "protocol": "LLDP", "from": "", \
            "to": "", "detail": ""}
            {"time": "2023-11-14T22:13:20.123456789Z", "number": 0, "point": "rejected", \
            "port": "vif1.0", "network": "test", "queue": 0, "length": 70000, "captured": 0, \
            "verdict": "a \\u0022quoted\\u0022\\u000a\\u005c word"}
            {"lost": 7}
            """
                .formatted(frame.number()));
  }
}
