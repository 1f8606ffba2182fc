package org.netback.capture;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Locale;
import org.netback.capture.text.FrameSummary;
import org.netback.vswitch.Observer;

/// How a record is written in a line.
public enum LineFormat {
  /// `10:15:30.123456 vif1.0 q0 from-guest 60 ARP …`: time, port, queue, point, octets, what it is,
  /// and the verdict where there is one.
  TEXT {
    @Override
    String line(CapturedFrame frame, ZoneId zone) {
      StringBuilder line = new StringBuilder(160);
      TIME.formatTo(time(frame).atZone(zone), line);
      line.append(' ').append(frame.port().name());
      line.append(frame.queue() == Observer.NO_QUEUE ? " q-" : " q" + frame.queue());
      line.append(' ').append(frame.point().text());
      line.append(' ').append(frame.length());
      if (frame.captured() > 0) {
        line.append(' ').append(summary(frame).text());
      }
      if (hasVerdict(frame)) {
        line.append(frame.point() == CapturePoint.FORWARDED ? " => " : " !! ");
        line.append(frame.verdict());
      }
      return line.toString();
    }

    @Override
    String lost(long frames) {
      return "[" + frames + " frames were not captured here: too many came at once]";
    }
  },

  /// An object: `time` as ISO 8601, `number`, `point`, `port`, `network`, `queue` (absent if there
  /// is none), `length`, `captured`, `verdict`, and the fields of a [FrameSummary].
  JSON {
    @Override
    String line(CapturedFrame frame, ZoneId zone) {
      JsonLine line = new JsonLine();
      line.text("time", ISO_TIME.format(time(frame)));
      line.number("number", frame.number());
      line.text("point", frame.point().text());
      line.text("port", frame.port().name());
      line.text("network", frame.port().network().name());
      if (frame.queue() != Observer.NO_QUEUE) {
        line.number("queue", frame.queue());
      }
      line.number("length", frame.length());
      line.number("captured", frame.captured());
      if (hasVerdict(frame)) {
        line.text("verdict", frame.verdict().toString());
      }
      if (frame.captured() > 0) {
        FrameSummary summary = summary(frame);
        line.text("source", summary.source());
        line.text("destination", summary.destination());
        line.numbers("vlans", summary.vlans());
        line.text("protocol", summary.protocol());
        line.text("from", summary.from());
        line.text("to", summary.to());
        line.text("detail", summary.detail());
      }
      return line.end();
    }

    @Override
    String lost(long frames) {
      return new JsonLine().number("lost", frames).end();
    }
  };

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS", Locale.ROOT);
  private static final DateTimeFormatter ISO_TIME =
      new DateTimeFormatterBuilder().appendInstant(9).toFormatter(Locale.ROOT);
  private static final long NANOS = 1_000_000_000;

  /// @return without the line's end
  abstract String line(CapturedFrame frame, ZoneId zone);

  abstract String lost(long frames);

  private static Instant time(CapturedFrame frame) {
    return Instant.ofEpochSecond(
        Math.floorDiv(frame.nanos(), NANOS), Math.floorMod(frame.nanos(), NANOS));
  }

  private static FrameSummary summary(CapturedFrame frame) {
    return FrameSummary.of(
        frame.memory().asSlice(frame.offset(), frame.captured()), frame.length());
  }

  /// At the other points nothing was decided.
  private static boolean hasVerdict(CapturedFrame frame) {
    return switch (frame.point()) {
      case FORWARDED, DROPPED, REJECTED -> true;
      case FROM_GUEST, TO_GUEST -> false;
    };
  }
}
