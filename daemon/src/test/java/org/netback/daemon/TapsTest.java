package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.TapSection;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;

class TapsTest {
  private static TapChoice choice(String name, Namespace namespace) throws Exception {
    return TapSection.request(
        "test",
        "{\"name\": \"%s\", \"network\": \"lan\", \"namespace\": \"%s\"}"
            .formatted(name, namespace.name()),
        List.of("lan"));
  }

  @Test
  void whatTheLookAtOneTapThrowsKeepsNoOtherFromItsLook() throws Exception {
    List<String> records = new ArrayList<>();
    InternalErrors errors =
        new InternalErrors(
            System::nanoTime,
            report -> records.add(report.owner() + ": " + report.error().getMessage()));
    List<String> seen = new ArrayList<>();
    Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
    try (Lab lab = new Lab();
        NettyLoop loop = NettyLoop.start("loop", 0, errors);
        Taps taps = new Taps(vswitch, List.of(loop), new Events(Clock.systemUTC()), errors)) {
      Namespace namespace = lab.namespace("t");
      taps.add(choice("t0", namespace));
      taps.add(choice("t1", namespace));
      namespace.ip("link", "set", "t1", "mtu", "1400");

      taps.forEachPort(
          port -> {
            if (port.name().equals("t0")) {
              throw new StackOverflowError("planted");
            }
            seen.add(port.name());
          });
      taps.followMtus();

      assertThat(seen).containsExactly("t1");
      assertThat(taps.ports()).extracting(port -> port.accepts().mtu()).containsExactly(1500, 1400);
    }
    assertThat(records).containsExactly("tap t0: planted");
  }

  @Test
  void whatComesAndGoesIsTold(@TempDir Path directory) throws Exception {
    Events events = new Events(Clock.systemUTC());
    InternalErrors errors = new InternalErrors(System::nanoTime);
    Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
    try (Lab lab = new Lab();
        EventLog log = new EventLog(events, directory.resolve("c.sock"));
        NettyLoop loop = NettyLoop.start("loop", 0, errors);
        Taps taps = new Taps(vswitch, List.of(loop), events, errors)) {
      Namespace namespace = lab.namespace("t");
      taps.add(choice("t0", namespace));
      taps.add(choice("t1", namespace));
      assertThat(taps.remove("t0")).isTrue();
      namespace.ip("link", "del", "t1");
      assertThat(log.take(4))
          .containsExactly(
              "tap-added t0 lan", "tap-added t1 lan", "tap-gone t0 removed", "tap-gone t1 deleted");
    }
    assertThat(errors.count()).isZero();
  }
}
