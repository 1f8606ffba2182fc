package org.netback.daemon.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.netback.client.Json;
import org.netback.client.Layouts;
import org.netback.client.Table;
import org.netback.client.UserError;
import org.netback.daemon.Cleanup;
import org.netback.daemon.Ground;
import org.netback.daemon.config.ConfigurationException;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.demo.Demo;
import org.netback.daemon.demo.Report;
import org.netback.loop.InternalErrors;

/// Runs the demonstration and prints its report.
final class DemoCommand {
  private DemoCommand() {}

  static int run(int seconds, boolean json, PrintWriter out, PrintWriter err) {
    try (Cleanup cleanup = new Cleanup()) {
      // Ctrl-C ends the main thread wherever it is; what it made is undone all the same.
      Thread atSignal = new Thread(cleanup::close, "cleanup");
      Runtime.getRuntime().addShutdownHook(atSignal);
      Report report = new Demo(seconds, true, line -> err.println("  " + line), cleanup).run();
      out.print(json ? json(report) : table(report));
      out.flush();
      return exitCode(report);
    } catch (IOException e) {
      throw new UserError(UserError.FAILED, "the demonstration broke off: " + e.getMessage());
    }
  }

  /// 0 if all that could be checked passed, 1 if something failed, 2 if nothing could be checked.
  static int exitCode(Report report) {
    return report.checks().isEmpty() ? 2 : report.passed() ? 0 : 1;
  }

  /// A short run of most of the code, from which a start-up cache is recorded.
  static int rehearse(PrintWriter out) {
    try (Cleanup cleanup = new Cleanup()) {
      rehearseStart(cleanup);
      Report report = new Demo(1, false, line -> {}, cleanup).run();
      out.print(json(report) + table(report));
      return report.passed() ? 0 : 1;
    } catch (IOException e) {
      throw new UserError(UserError.FAILED, String.valueOf(e.getMessage()));
    }
  }

  /// What the demonstration does without and a daemon on a Xen host begins with, as far as it
  /// comes.
  private static void rehearseStart(Cleanup cleanup) throws IOException {
    Path file = Files.createTempFile("netback-", ".yaml");
    cleanup.add((AutoCloseable) () -> Files.delete(file));
    Files.writeString(file, "ground: {kind: dom0}\nnetworks: [{name: demo, ageing: 5m}]\n");
    try {
      Ground.open(ConfigurationFile.read(file).ground(), new InternalErrors(System::nanoTime))
          .close();
    } catch (ConfigurationException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      return; // there is no Xen here
    }
  }

  private static String json(Report report) {
    try {
      return new ObjectMapper()
              .configure(SerializationFeature.INDENT_OUTPUT, true)
              .writeValueAsString(report)
          + '\n';
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("no JSON for the report", e);
    }
  }

  static String table(Report report) {
    StringBuilder text = new StringBuilder("\n");
    Table checks = new Table("CHECK", "", "SEEN");
    for (Report.Check check : report.checks()) {
      checks.row(
          check.name(),
          check.passed() ? "ok" : "FAILED",
          check.detail().lines().findFirst().orElse(""));
    }
    text.append(checks).append('\n');
    Table ports = new Table("PORT", "IN", "OCTETS", "OUT", "OCTETS", "DROPS");
    for (JsonNode port : report.ports()) {
      ports.row(
          port.path("name").asText(),
          port.path("ingressFrames").asText(),
          Layouts.octets(port.path("ingressOctets").asLong()),
          port.path("egressFrames").asText(),
          Layouts.octets(port.path("egressOctets").asLong()),
          Layouts.drops(Json.parse(port.path("drops").toString())));
    }
    text.append(ports).append('\n');
    Table rings = new Table("RING", "FRAMES", "NOTIFIED", "SAVED", "SPURIOUS");
    for (JsonNode vif : report.vifs()) {
      for (String direction : new String[] {"tx", "rx"}) {
        int number = 0;
        for (JsonNode queue : vif.path(direction)) {
          rings.row(
              vif.path("guest").asText() + " q" + number++ + ' ' + direction,
              queue.path("frames").asText(),
              queue.path("notifications").asText(),
              queue.path("notificationsSaved").asText(),
              queue.path("spuriousEvents").asText());
        }
      }
    }
    text.append(rings).append('\n');
    for (String left : report.leftOut()) {
      text.append("left out: ").append(left).append('\n');
    }
    long failed = report.checks().stream().filter(check -> !check.passed()).count();
    text.append(
        report.checks().isEmpty()
            ? String.format(Locale.ROOT, "nothing could be checked%n")
            : failed == 0
                ? String.format(Locale.ROOT, "all %d checks passed%n", report.checks().size())
                : String.format(
                    Locale.ROOT, "%d of %d checks FAILED%n", failed, report.checks().size()));
    return text.toString();
  }
}
