package org.netback.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// What is measured between hosts. Host 1 sends. CPU time is per unit of work done, in the order
/// everything, the switch's processes, `netback guest`'s.
enum Load {
  /// One stream, with whatever segmentation offload the switch's ports have.
  TCP("tcp", 2, 0, cost("s_per_GB", "s/GB"), Metric.compared("gbit_s", "Gbit/s")) {
    @Override
    void prepare(Stage stage) throws IOException {
      stage.startHost(stage.hosts().get(1), "iperf3", "iperf3", "-s", "--forceflush");
      Stage.pause(LISTENING_MILLIS);
    }

    @Override
    Map<String, Double> run(Stage stage, int seconds) throws IOException {
      Stage.Measured<String> measured =
          stage.measure(
              () ->
                  stage.run(
                      stage.hosts().get(0),
                      seconds,
                      "iperf3",
                      "-J",
                      "-i",
                      "0",
                      "-c",
                      stage.hosts().get(1).address(),
                      "-t",
                      Integer.toString(seconds)));
      JsonNode end = JSON.readTree(measured.result()).path("end");
      JsonNode received = end.path("sum_received");
      Map<String, Double> values = values(measured.usage(), received.path("bytes").asLong() / 1e9);
      values.put("gbit_s", received.path("bits_per_second").asDouble() / 1e9);
      values.put("retransmits", end.path("sum_sent").path("retransmits").asDouble());
      return values;
    }
  },

  /// More frames of 64 octets than anything can carry.
  PPS64(
      "pps64",
      2,
      0,
      cost("us_per_frame", "µs/frame"),
      Metric.compared("frames_s", "frames/s"),
      Metric.shown("loss", "lost")) {
    @Override
    Map<String, Double> run(Stage stage, int seconds) throws IOException {
      return frames(stage, seconds, 0);
    }
  },

  /// 100,000 frames of 64 octets a second: what a frame costs below saturation.
  FIX100K("fix100k", 2, 0, cost("us_per_frame", "µs/frame"), Metric.shown("loss", "lost")) {
    @Override
    Map<String, Double> run(Stage stage, int seconds) throws IOException {
      return frames(stage, seconds, 100_000);
    }
  },

  /// A datagram of 32 octets there and back, one at a time.
  RR(
      "rr",
      2,
      0,
      cost("us_per_exchange", "µs/exchange"),
      Metric.compared("p50_us", "p50, µs"),
      Metric.shown("p99_us", "p99, µs")) {
    @Override
    void prepare(Stage stage) throws IOException {
      stage.startHost(
          stage.hosts().get(1), "echo", stage.tool(TRAFFIC), "echo", Integer.toString(LONGEST));
      Stage.pause(LISTENING_MILLIS);
    }

    @Override
    Map<String, Double> run(Stage stage, int seconds) throws IOException {
      Stage.Measured<String> measured =
          stage.measure(
              () ->
                  stage.run(
                      stage.hosts().get(0),
                      seconds,
                      stage.tool(TRAFFIC),
                      "ask",
                      stage.hosts().get(1).address(),
                      Integer.toString(seconds)));
      JsonNode asked = JSON.readTree(measured.result());
      Map<String, Double> values = values(measured.usage(), asked.path("answers").asLong() / 1e6);
      values.put("p50_us", asked.path("p50").asDouble());
      values.put("p99_us", asked.path("p99").asDouble());
      values.put("p999_us", asked.path("p999").asDouble());
      values.put("lost", asked.path("lost").asDouble());
      return values;
    }
  },

  /// 10,000 frames of 64 octets a second to a group that eight hosts are in and a ninth is not.
  MCAST(
      "mcast",
      10,
      // Until every switch knows who is in the group: netback asks a new port for its groups first.
      5,
      cost("us_per_copy", "µs/copy"),
      Metric.shown("worst", "the worst member's share"),
      Metric.shown("leak", "the ninth host's share")) {
    @Override
    void prepare(Stage stage) throws IOException {
      for (Host member : members(stage)) {
        stage.startHost(
            member,
            "join" + member.number(),
            stage.tool(TRAFFIC),
            "join",
            member.device(),
            GROUP,
            Integer.toString(LONGEST));
      }
    }

    @Override
    Map<String, Double> run(Stage stage, int seconds) throws IOException {
      Host sender = stage.hosts().get(0);
      Host outside = stage.hosts().get(stage.hosts().size() - 1);
      String name = "count" + System.nanoTime();
      Process count =
          stage.startHost(
              outside,
              name,
              stage.tool(TRAFFIC),
              "count",
              outside.device(),
              GROUP_MAC,
              Double.toString(seconds + COUNTING_LONGER));
      Stage.pause(LISTENING_MILLIS);
      List<Long> before = received(members(stage));
      Stage.Measured<String> measured =
          stage.measure(() -> send(stage, sender, GROUP_MAC, seconds, 10_000, GROUP));
      List<Long> after = received(members(stage));
      long copies = 0;
      long worst = Long.MAX_VALUE;
      for (int i = 0; i < before.size(); i++) {
        long got = after.get(i) - before.get(i);
        copies += got;
        worst = Math.min(worst, got);
      }
      JsonNode sent = JSON.readTree(measured.result());
      double offered = sent.path("sent").asDouble() + sent.path("refused").asDouble();
      Map<String, Double> values = values(measured.usage(), copies / 1e6);
      values.put("copies_s", copies / sent.path("seconds").asDouble());
      if (worst < LEAST_SHARE * offered) {
        throw new IOException(
            "a member has got " + worst + " of " + Math.round(offered) + " frames");
      }
      values.put("worst", worst / offered);
      values.put(
          "leak",
          JSON.readTree(stage.output(name, count)).path("frames").asLong()
              / sent.path("sent").asDouble());
      return values;
    }

    private List<Host> members(Stage stage) {
      return stage.hosts().subList(1, stage.hosts().size() - 1);
    }

    private List<Long> received(List<Host> hosts) throws IOException {
      List<Long> frames = new ArrayList<>();
      for (Host host : hosts) {
        frames.add(host.received());
      }
      return frames;
    }
  };

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TRAFFIC = "traffic";
  private static final String GROUP = "239.1.1.1";

  /// Of a group's frames to each member, below which a switch has not done the job.
  private static final double LEAST_SHARE = 0.5;

  private static final String GROUP_MAC = "01:00:5e:01:01:01";

  /// Seconds that `traffic` runs at most.
  private static final int LONGEST = 60;

  private static final double COUNTING_LONGER = 1.5;
  private static final long LISTENING_MILLIS = 250;

  /// Until what is under way has arrived.
  private static final long UNDER_WAY_MILLIS = 50;

  private final String key;
  private final int hosts;
  private final int settlingSeconds;

  @SuppressWarnings("ImmutableEnumChecker") // no list that can be changed
  private final List<String> costs;

  @SuppressWarnings("ImmutableEnumChecker")
  private final List<Metric> metrics;

  Load(String key, int hosts, int settlingSeconds, List<Metric> costs, Metric... others) {
    this.key = key;
    this.hosts = hosts;
    this.settlingSeconds = settlingSeconds;
    this.costs = costs.stream().map(Metric::key).toList();
    metrics = Stream.concat(Stream.of(others), costs.stream()).toList();
  }

  private static List<Metric> cost(String key, String unit) {
    return List.of(
        Metric.compared("cpu_" + key, "CPU in all, " + unit),
        Metric.shown("switch_" + key, "the switch's, " + unit),
        Metric.shown("guests_" + key, "the guests' processes', " + unit));
  }

  /// Its name on the command line and in the samples' file.
  String key() {
    return key;
  }

  int hosts() {
    return hosts;
  }

  /// Seconds that have to go by unmeasured whatever the switch is.
  int settlingSeconds() {
    return settlingSeconds;
  }

  /// What it gives: its own figures, then its CPU time.
  List<Metric> metrics() {
    return metrics;
  }

  /// The keys of its CPU time: everything, the switch's, the guests' processes'.
  List<String> costs() {
    return costs;
  }

  /// Starts what stays the same for all runs on a stage.
  void prepare(Stage stage) throws IOException {}

  /// Runs it once.
  ///
  /// @return values by [Metric#key], and some that only the samples' file has
  abstract Map<String, Double> run(Stage stage, int seconds) throws IOException;

  /// @param done work done, in units that make CPU seconds per unit what the metrics are in
  Map<String, Double> values(Usage usage, double done) throws IOException {
    if (done <= 0) {
      throw new IOException("nothing arrived");
    }
    Map<String, Double> values = new LinkedHashMap<>();
    values.put(costs.get(0), usage.all() / done);
    values.put(costs.get(1), usage.ofSwitch() / done);
    values.put(costs.get(2), usage.ofGuests() / done);
    values.put("others_cores", usage.others());
    values.put("stolen_cores", usage.stolen());
    return values;
  }

  Map<String, Double> frames(Stage stage, int seconds, int rate) throws IOException {
    Host from = stage.hosts().get(0);
    Host to = stage.hosts().get(1);
    String mac = to.mac();
    long before = to.received();
    Stage.Measured<String> measured =
        stage.measure(() -> send(stage, from, mac, seconds, rate, ""));
    long got = to.received() - before;
    JsonNode sent = JSON.readTree(measured.result());
    Map<String, Double> values = values(measured.usage(), got / 1e6);
    values.put("frames_s", got / sent.path("seconds").asDouble());
    values.put("loss", 1 - got / (sent.path("sent").asDouble() + sent.path("refused").asDouble()));
    return values;
  }

  /// @param rate frames a second; 0 for as many as can be
  /// @param group empty for frames of no protocol
  static String send(Stage stage, Host from, String mac, int seconds, int rate, String group)
      throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                stage.tool(TRAFFIC),
                "frames",
                from.device(),
                mac,
                Integer.toString(seconds),
                Integer.toString(rate)));
    if (!group.isEmpty()) {
      command.add(group);
    }
    String sent = stage.run(from, seconds, command.toArray(String[]::new));
    Stage.pause(UNDER_WAY_MILLIS);
    return sent;
  }
}
