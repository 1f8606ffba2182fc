package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.Sections;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.config.VifSection.VifChoice;
import org.netback.guest.StationGuest;
import org.netback.xen.embedded.EmbeddedGround;

/// Guests that die leave nothing behind. How often is set by `-Dnetback.kills` for processes and
/// `-Dnetback.inJvmKills` for guests in this process.
class KilledGuestTest {
  private static final int KILLS = Integer.getInteger("netback.kills", 5);

  /// Compiled code and what malloc keeps: what a JVM still takes after it has settled.
  private static final long SLACK_KIB = 32 << 10;

  private static final int IN_JVM_KILLS = Integer.getInteger("netback.inJvmKills", 100);

  @Test
  void aGuestKilledInTheMiddleOfATransferLeavesNothingAndDisturbsNobody() throws Exception {
    try (Lab lab = new Lab()) {
      Namespace a = lab.namespace("a");
      Namespace b = lab.namespace("b");
      Namespace server = lab.namespace("s");
      Namespace victim = lab.namespace("v");
      NetnsProcess daemon =
          lab.daemon("ground: {run: run}\nnetworks: [{name: lan}]\nvifs: {max-queues: 2}\n");
      lab.guest(a, "a", 1);
      lab.guest(b, "b", 2);
      lab.guest(
          server, "s", 4); // whose queue the transfer fills: its own pings would be lost there
      Pings pings = Pings.start(lab, a, "0.01", "10.77.0.2");
      start(lab, server, "server", "iperf3", "-s");
      long descriptors = 0;
      long memory = 0;
      for (int i = 0; i < KILLS; i++) {
        NetnsProcess guest = lab.guest(victim, "v", 3, "--queues", "2");
        String vif = lab.vif("v").path("id").asText();
        start(lab, victim, "client", "iperf3", "-c", "10.77.0.4", "-t", "600");
        lab.await(
            "the transfer to run", () -> lab.vif("v").path("ingressOctets").asLong() > 3_000_000);
        Lab.kill(guest);
        lab.await("the vif to go", () -> lab.get("/vifs").size() == 3);
        assertThat(lab.get("/ports").toString()).doesNotContain(vif);
        assertThat(lab.get("/fdb").toString()).doesNotContain(vif);
        lab.await(
            "the domain to go",
            () -> lab.xenstore("xenstore-list", "/local/domain").lines().count() == 4);
        if (i == 0) {
          descriptors = descriptors(daemon.process().pid());
        }
        if (i == KILLS / 2) {
          memory = residentKib(daemon.process().pid());
        }
      }
      assertThat(residentKib(daemon.process().pid()))
          .as("KiB resident, which were %d half the way", memory)
          .isLessThan(memory + SLACK_KIB);
      long settled = descriptors;
      lab.await(
          "descriptors to be as after the first kill: " + settled,
          () -> descriptors(daemon.process().pid()) <= settled);
      pings.assertNoneIsMissing(100);
    }
  }

  /// What a process has in memory.
  private static long residentKib(long pid) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
      String line = lines.filter(l -> l.startsWith("VmRSS:")).findFirst().orElseThrow();
      return Long.parseLong(line.replaceAll("[^0-9]", ""));
    }
  }

  private static long descriptors(long pid) throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return files.count();
    }
  }

  private static Process start(Lab lab, Namespace namespace, String log, String... command)
      throws IOException {
    Process process =
        new ProcessBuilder(namespace.command(command))
            .redirectErrorStream(true)
            .redirectOutput(lab.directory().resolve(log + ".log").toFile())
            .start();
    AutoCloseable kill = () -> process.destroyForcibly().waitFor();
    lab.add(kill);
    return process;
  }

  @Test
  void guestsThatComeAndGoInThisProcessLeaveItFlat(@TempDir Path directory) throws Exception {
    Configuration configuration =
        new Configuration(
            new EmbeddedChoice(directory, false),
            directory.resolve("control.sock"),
            2,
            ConfigurationFile.DEFAULT_LINGER_MICROS,
            Sections.DEFAULTS.with(VifSection.SECTION, new VifChoice(2)),
            List.of(new NetworkChoice("lan", 1024, Duration.ofMinutes(5), 64, List.of())),
            List.of());
    try (Daemon daemon = Daemon.start(configuration)) {
      EmbeddedGround ground = daemon.ground().own().orElseThrow();
      try (StationGuest witness = StationGuest.start(ground, "w", "lan", "10.0.0.1", "fd00::1")) {
        witness.awaitConnected(Lab.PATIENCE);
        Usage settled = new Usage(0, 0, 0, 0);
        for (int i = 0; i < IN_JVM_KILLS; i++) {
          StationGuest guest = StationGuest.start(ground, "g", "lan", "10.0.0.2", "fd00::2");
          guest.awaitConnected(Lab.PATIENCE);
          guest.ping(witness.ipv4(), Lab.PATIENCE);
          guest.abandon();
          if (i == Math.min(20, IN_JVM_KILLS / 2)) {
            settled = usage();
          }
        }
        Usage end = usage();
        assertThat(end.descriptors).isLessThanOrEqualTo(settled.descriptors + 8);
        assertThat(end.threads).isLessThanOrEqualTo(settled.threads + 4);
        assertThat(end.mappings).isLessThanOrEqualTo(settled.mappings + 64);
        assertThat(end.heap).isLessThanOrEqualTo(settled.heap + (4 << 20));
      }
    }
  }

  private record Usage(long descriptors, long threads, long mappings, long heap) {}

  private static Usage usage() throws IOException {
    System.gc();
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      return new Usage(
          descriptors(ProcessHandle.current().pid()),
          Thread.getAllStackTraces().size(),
          maps.filter(line -> line.contains("memfd")).count(),
          ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
  }
}
