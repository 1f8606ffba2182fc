package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.client.ControlClient;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.Sections;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.config.VifSection.VifChoice;
import org.netback.guest.StationGuest;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.EmbeddedGround;

/// What an operator sees of the daemon's own bugs: the log and the counter.
@Timeout(120)
class DaemonErrorsTest {
  private final LogCapture log = LogCapture.start();

  @AfterEach
  void close() {
    log.close();
  }

  @Test
  void whicheverWayALibraryLogsItIsInTheDaemonsLog() {
    System.getLogger("a.system.logger").log(System.Logger.Level.WARNING, "by system {0}", "logger");
    java.util.logging.Logger.getLogger("a.jul.logger").warning("by java.util.logging");
    io.netty.util.internal.logging.InternalLoggerFactory.getInstance("io.netty.x")
        .warn("by netty's");

    assertThat(log.lines("by "))
        .containsExactly("WARN by system logger", "WARN by java.util.logging", "WARN by netty's");
  }

  @Test
  void aLoopOfNobodysTellsTheLogOnceOfWhatItsTasksThrow() {
    try (NettyLoop loop = NettyLoop.start("planted-loop")) {
      for (int i = 0; i < 1000; i++) {
        loop.execute(
            () -> {
              throw new AssertionError("planted");
            });
      }
      await(() -> loop.errors().count() == 1000);
    }

    assertThat(log.lines("planted-loop")).containsExactly("ERROR planted-loop: internal error");
    assertThat(log.events())
        .filteredOn(event -> event.getFormattedMessage().startsWith("planted-loop"))
        .singleElement()
        .extracting(event -> event.getThrowableProxy().getMessage())
        .isEqualTo("planted");
  }

  @Test
  void whatAStoreWatchThrowsIsInTheLogOnceAndInTheCounterAndStopsNothingElse(
      @TempDir Path directory) throws Exception {
    Configuration configuration =
        new Configuration(
            new EmbeddedChoice(directory, false),
            directory.resolve("control.sock"),
            1,
            ConfigurationFile.DEFAULT_LINGER_MICROS,
            Sections.DEFAULTS.with(VifSection.SECTION, new VifChoice(1)),
            List.of(new NetworkChoice("lan", 1024, Duration.ofMinutes(5), 64, List.of())),
            List.of());
    InternalErrors errors = new InternalErrors(System::nanoTime);
    try (Daemon daemon = Daemon.start(configuration, errors)) {
      assertThat(scrape(configuration)).contains("netback_internal_errors_total 0.0");
      var _ =
          daemon
              .ground()
              .backend()
              .store()
              .watch(
                  "/local/domain/0/planted",
                  path -> {
                    throw new StackOverflowError("planted");
                  });
      await(() -> errors.count() == 1);
      daemon.ground().backend().store().write("/local/domain/0/planted", "1");
      await(() -> errors.count() == 2);

      assertThat(scrape(configuration)).contains("netback_internal_errors_total 2.0");
      assertThat(log.lines("internal error"))
          .containsExactly("ERROR watch of /local/domain/0/planted: internal error");
      EmbeddedGround ground = daemon.ground().own().orElseThrow();
      try (StationGuest guest = StationGuest.start(ground, "g", "lan", "10.0.0.1", "fd00::1")) {
        guest.awaitConnected(Duration.ofSeconds(30));
      }
    }
    assertThat(errors.count()).isEqualTo(2);
  }

  private static String scrape(Configuration configuration) throws IOException {
    return new ControlClient(configuration.controlSocket()).request("GET", "/metrics", "").body();
  }

  @FunctionalInterface
  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      Thread.onSpinWait();
    }
  }
}
