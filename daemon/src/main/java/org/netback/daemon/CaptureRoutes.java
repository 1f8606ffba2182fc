package org.netback.daemon;

import java.nio.channels.Channels;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.netback.capture.Capture;
import org.netback.capture.CaptureChoice;
import org.netback.capture.CapturePoint;
import org.netback.capture.CaptureSink;
import org.netback.capture.CaptureStatistics;
import org.netback.capture.LineFormat;
import org.netback.capture.LineSink;
import org.netback.capture.PcapngSink;
import org.netback.capture.PortFacts;
import org.netback.capture.filter.FilterCompiler;
import org.netback.capture.filter.FilterException;
import org.netback.capture.filter.FilterProgram;
import org.netback.capture.pcapng.CaptureClock;
import org.netback.capture.pcapng.SectionHeader;
import org.netback.client.Version;
import org.netback.daemon.config.CaptureRequest;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.loop.InternalErrors;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Network;
import org.netback.vswitch.Observation;
import org.netback.vswitch.Observer;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// Captures, as the control API starts, lists and stops them. A capture belongs to the client that
/// reads it, and ends with it. Any thread.
final class CaptureRoutes {
  /// Everything that passes the switch.
  private static final String ALL = "all";

  /// For each thread that carries frames.
  private static final int RING_OCTETS = 1 << 20;

  /// At a time: each has a ring for each thread.
  private static final int MOST = 16;

  /// For a client to read the rest after a stop.
  private static final long LAST_READ_SECONDS = 5;

  private final Switch vswitch;
  private final int threads;
  private final InternalErrors errors;
  private final Function<SwitchPort, PortFacts> facts;
  private final AtomicInteger last = new AtomicInteger();
  private final Map<Integer, Running> running = new ConcurrentSkipListMap<>();

  private record Running(CaptureRequest request, Capture capture, CaptureStream to) {}

  /// @param threads that carry frames
  /// @param errors gets what ends a capture and should not
  /// @param facts of ports, asked on the captures' threads
  CaptureRoutes(
      Switch vswitch, int threads, InternalErrors errors, Function<SwitchPort, PortFacts> facts) {
    this.vswitch = vswitch;
    this.threads = threads;
    this.errors = errors;
    this.facts = facts;
  }

  void addTo(Routes routes) {
    routes
        .add("POST", "/captures", (path, body) -> start(body))
        .add("GET", "/captures", (path, body) -> Reply.ok(list()))
        .add("DELETE", "/captures/*", (path, body) -> stop(path.getFirst()));
  }

  private Reply start(String body) throws RequestException {
    if (running.size() >= MOST) {
      throw new RequestException(
          409, MOST + " captures run, which is as many as there may be: stop one");
    }
    CaptureRequest request = RequestBody.read(() -> CaptureRequest.read("request", body));
    Function<Observer, Observation> observe = observed(request.target());
    CaptureChoice choice =
        new CaptureChoice(
            points(request),
            reasons(request.reasons()),
            request.queue(),
            filter(request.filter()),
            request.snapLength());
    String type =
        switch (request.form()) {
          case "json" -> "application/x-ndjson";
          case "pcapng" -> "application/vnd.tcpdump.pcap";
          default -> "text/plain";
        };
    return Reply.stream(type, new CaptureStream(to -> begin(request, choice, observe, to)));
  }

  private Capture begin(
      CaptureRequest request,
      CaptureChoice choice,
      Function<Observer, Observation> observe,
      CaptureStream to) {
    int number = last.incrementAndGet();
    CaptureClock clock = CaptureClock.system();
    Capture capture =
        Capture.start(
            "capture " + number,
            choice,
            request.count() == 0 ? Long.MAX_VALUE : request.count(),
            threads,
            RING_OCTETS,
            clock,
            observe,
            sink(request, clock, to));
    running.put(number, new Running(request, capture, to));
    var _ =
        capture
            .ended()
            .whenComplete(
                (_, fault) -> {
                  running.remove(number);
                  // A client that goes is the usual end.
                  if (fault != null && !to.isGone()) {
                    errors.record("capture " + number, fault);
                  }
                });
    return capture;
  }

  private CaptureSink sink(CaptureRequest request, CaptureClock clock, CaptureStream to) {
    return switch (request.form()) {
      case "json" ->
          new LineSink(Channels.newOutputStream(to), ZoneId.systemDefault(), LineFormat.JSON);
      case "pcapng" ->
          new PcapngSink(
              to,
              new SectionHeader("", "Linux", "netback " + Version.current(), request.command()),
              request.snapLength(),
              request.filter(),
              request.rawChecksums()
                  ? PcapngSink.Checksums.AS_THEY_ARE
                  : PcapngSink.Checksums.COMPLETED,
              clock::nanos,
              facts);
      default ->
          new LineSink(Channels.newOutputStream(to), ZoneId.systemDefault(), LineFormat.TEXT);
    };
  }

  private Function<Observer, Observation> observed(String target) throws RequestException {
    if (target.equals(ALL)) {
      return vswitch::observe;
    }
    if (vswitch.ports().stream().anyMatch(port -> port.name().equals(target))) {
      return observer -> vswitch.observePort(target, observer);
    }
    Optional<Network> network = vswitch.find(target);
    if (network.isPresent()) {
      return network.get()::observe;
    }
    List<String> names = new ArrayList<>(List.of(ALL));
    vswitch.networks().forEach(each -> names.add(each.name()));
    vswitch.ports().forEach(each -> names.add(each.name()));
    throw new RequestException(
        404,
        "there is no port and no network "
            + target
            + "; there are "
            + RequestBody.names(names.stream().distinct().toList()));
  }

  /// What was rejected belongs to what was dropped.
  private static Set<CapturePoint> points(CaptureRequest request) throws RequestException {
    if (request.points().isEmpty()) {
      return EnumSet.allOf(CapturePoint.class);
    }
    Set<CapturePoint> points = EnumSet.noneOf(CapturePoint.class);
    for (String text : request.points()) {
      points.add(
          Arrays.stream(CapturePoint.values())
              .filter(point -> point.text().equals(text))
              .findAny()
              .orElseThrow(
                  () ->
                      new RequestException(
                          400,
                          "there is no point \"%s\"; there are %s"
                              .formatted(text, texts(CapturePoint.values())))));
    }
    if (points.contains(CapturePoint.DROPPED)) {
      points.add(CapturePoint.REJECTED);
    }
    return points;
  }

  private static String texts(CapturePoint[] points) {
    return String.join(", ", Arrays.stream(points).map(CapturePoint::text).toList());
  }

  private static Set<DropReason> reasons(List<String> names) throws RequestException {
    Set<DropReason> reasons = EnumSet.noneOf(DropReason.class);
    for (String name : names) {
      try {
        reasons.add(DropReason.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_')));
      } catch (IllegalArgumentException e) {
        throw new RequestException(
            400,
            "there is no reason \"%s\"; there are %s"
                .formatted(name, Arrays.toString(DropReason.values())));
      }
    }
    return reasons;
  }

  private static FilterProgram filter(String expression) throws RequestException {
    try {
      return FilterCompiler.compile(expression);
    } catch (FilterException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
  }

  private List<Map<String, Object>> list() {
    List<Map<String, Object>> list = new ArrayList<>();
    running.forEach(
        (number, each) -> {
          CaptureStatistics statistics = each.capture().statistics();
          Map<String, Object> view = new LinkedHashMap<>();
          view.put("number", number);
          view.put("target", each.request().target());
          view.put("filter", each.request().filter());
          view.put("form", each.request().form());
          view.put("frames", statistics.frames());
          view.put("octets", statistics.octets());
          view.put("lost", statistics.lost());
          list.add(view);
        });
    return list;
  }

  private Reply stop(String number) throws RequestException {
    Optional<Running> found =
        running.entrySet().stream()
            .filter(each -> each.getKey().toString().equals(number))
            .map(Map.Entry::getValue)
            .findAny();
    if (found.isEmpty()) {
      throw new RequestException(
          404,
          "there is no capture "
              + number
              + "; there are "
              + RequestBody.names(running.keySet().stream().map(String::valueOf).toList()));
    }
    found.get().capture().close();
    // A client that does not read would keep it for ever.
    CompletableFuture.delayedExecutor(LAST_READ_SECONDS, TimeUnit.SECONDS)
        .execute(found.get().to()::cut);
    return Reply.ok(Map.of("stopped", number));
  }
}
