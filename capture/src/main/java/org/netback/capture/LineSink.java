package org.netback.capture;

import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.ZoneId;

/// A line for each record, for people at a terminal or for their programs ([LineFormat]). What the
/// capture has lost is told in a line of its own, before the next record.
public final class LineSink implements CaptureSink {
  private final Writer out;
  private final ZoneId zone;
  private final LineFormat format;
  private long lost;

  /// @param out closed with this
  /// @param zone of the times
  public LineSink(OutputStream out, ZoneId zone, LineFormat format) {
    this.out = new OutputStreamWriter(out, StandardCharsets.UTF_8);
    this.zone = zone;
    this.format = format;
  }

  @Override
  public void frame(CapturedFrame frame, long lostSoFar) throws IOException {
    tellLost(lostSoFar);
    out.write(format.line(frame, zone));
    out.write('\n');
  }

  private void tellLost(long lostSoFar) throws IOException {
    if (lostSoFar > lost) {
      out.write(format.lost(lostSoFar - lost));
      out.write('\n');
      lost = lostSoFar;
    }
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  @Override
  public void end(CaptureStatistics statistics) throws IOException {
    tellLost(statistics.lost());
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
