package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.netback.daemon.Program;

/// Samples as one picture, drawn by gnuplot: rates and times with their spread, and CPU time
/// stacked by who has spent it.
final class Plot {
  private static final int COLUMNS = 3;
  private static final int WIDTH = 420;
  private static final int HEIGHT = 330;

  private final Samples samples;
  private final List<String> drivers;
  private final StringBuilder script = new StringBuilder();
  private final List<String> panels = new ArrayList<>();

  private Plot(Samples samples, List<String> drivers) {
    this.samples = samples;
    this.drivers = drivers;
  }

  /// Draws `end-to-end.svg` into a directory, with gnuplot's script beside it, which has the data
  /// in it.
  static void draw(Samples samples, List<String> drivers, Path directory) throws IOException {
    Plot plot = new Plot(samples, drivers);
    plot.rate(Load.TCP, "gbit_s", "TCP, Gbit/s");
    plot.cost(Load.TCP, "TCP: CPU, s/GB");
    plot.rate(Load.PPS64, "frames_s", "64 octets, overload: frames/s");
    plot.cost(Load.PPS64, "64 octets, overload: CPU, µs/frame");
    plot.cost(Load.FIX100K, "64 octets, 100,000/s: CPU, µs/frame");
    plot.rate(Load.RR, "p50_us", "32 octets there and back: p50, µs");
    plot.rate(Load.RR, "p99_us", "32 octets there and back: p99, µs");
    plot.cost(Load.MCAST, "group of 8, 10,000/s: CPU, µs/copy");
    if (plot.panels.isEmpty()) {
      return;
    }
    int rows = (plot.panels.size() + COLUMNS - 1) / COLUMNS;
    plot.script.append(
        """
        set terminal svg size %d,%d font 'sans-serif,11' background 'white'
        set output '%s'
        set multiplot layout %d,%d
        set style fill solid 0.85 border lc rgb 'white'
        set boxwidth 0.7
        set pointintervalbox 0
        set xtics rotate by -35 nomirror scale 0
        set ytics nomirror
        set grid ytics back lt 1 lc rgb '#dddddd'
        set border 3 lc rgb '#888888'
        set yrange [0:*]
        set offsets graph 0, 0, graph 0.15, 0
        """
            .formatted(
                COLUMNS * WIDTH,
                rows * HEIGHT,
                directory.resolve("end-to-end.svg"),
                rows,
                COLUMNS));
    plot.panels.forEach(plot.script::append);
    Path file = directory.resolve("end-to-end.gnuplot");
    Files.writeString(file, plot.script);
    var _ = Program.succeed(Duration.ofSeconds(60), List.of("gnuplot", file.toString()));
  }

  private void rate(Load load, String metric, String title) {
    StringBuilder rows = new StringBuilder();
    for (String driver : drivers) {
      Optional<Samples.Spread> spread = samples.spread(load, driver, metric);
      spread.ifPresent(s -> row(rows, driver, s.median(), s.least(), s.greatest()));
    }
    panel(
        title,
        rows,
        // Thousands as "k"; what stays below them as it is.
        "set format y '" + (metric.equals("frames_s") ? "%.0s%c" : "%g") + "'\nunset key",
        "$D using 0:2:xtic(1) with boxes lc rgb '#4477aa',"
            + " $D using 0:2:3:4 with yerrorbars pt 0 lc rgb '#222222'");
  }

  private void cost(Load load, String title) {
    StringBuilder rows = new StringBuilder();
    for (String driver : drivers) {
      Optional<Samples.Spread> all = samples.spread(load, driver, load.costs().get(0));
      if (all.isPresent()) {
        double ofSwitch = samples.spread(load, driver, load.costs().get(1)).orElseThrow().median();
        double ofGuests = samples.spread(load, driver, load.costs().get(2)).orElseThrow().median();
        // Tops of the parts, the highest drawn first; medians of parts need not add up.
        row(
            rows,
            driver,
            ofSwitch,
            ofSwitch + ofGuests,
            Math.max(all.get().median(), ofSwitch + ofGuests));
      }
    }
    panel(
        title,
        rows,
        "set format y '%g'\nset key top left horizontal reverse Left samplen 1",
        "$D using 0:4:xtic(1) with boxes lc rgb '#bbbbbb' title 'hosts',"
            + " $D using 0:3 with boxes lc rgb '#ddaa33' title 'netback guest',"
            + " $D using 0:2 with boxes lc rgb '#4477aa' title 'switch'");
  }

  private static void row(StringBuilder rows, String driver, double... values) {
    rows.append('"').append(driver).append('"');
    for (double value : values) {
      rows.append(' ').append(value);
    }
    rows.append('\n');
  }

  private void panel(String title, StringBuilder rows, String key, String plot) {
    if (!rows.isEmpty()) {
      panels.add(
          "$D << END\n"
              + rows
              + "END\nset title '"
              + title
              + "'\n"
              + key
              + "\nplot "
              + plot
              + '\n');
    }
  }
}
