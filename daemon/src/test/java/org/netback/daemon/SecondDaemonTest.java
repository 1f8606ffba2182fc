package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Two daemons, as processes, that want the same ground's vifs.
class SecondDaemonTest {
  private static String configuration(boolean apart, String control) {
    return "ground: {run: run, apart: %s}\ncontrol: %s\nnetworks: [{name: lan}]\n"
        .formatted(apart, control);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void isRefusedWhileTheFirstLivesAndTheFirstsGuestsNoticeNothing(boolean apart) throws Exception {
    try (Lab lab = new Lab()) {
      Namespace a = lab.namespace("a");
      Namespace b = lab.namespace("b");
      if (apart) {
        lab.ground();
      }
      NetnsProcess first = lab.daemon(configuration(apart, "run/control.sock"));
      lab.guest(a, "a", 1);
      lab.guest(b, "b", 2);
      Path second =
          Files.writeString(
              lab.directory().resolve("second.yaml"), configuration(true, "second.sock"));

      Pings pings = Pings.start(lab, a, "0.2", "10.77.0.2");
      for (int i = 0; i < 2; i++) {
        List<String> run = new ArrayList<>(NetnsProcess.java());
        run.addAll(List.of("run", "--config", second.toString()));
        Program.Result refused = Program.run(Lab.PATIENCE, run);
        assertThat(refused.code()).isEqualTo(1);
        assertThat(refused.err())
            .contains("another daemon serves the vifs of the ground in " + lab.run());
      }
      assertThat(lab.directory().resolve("second.sock")).doesNotExist();
      pings.assertNoneIsMissing(5);
      assertThat(lab.connections("a")).isEqualTo(1);

      if (apart) {
        Lab.kill(first);
        lab.daemon(configuration(true, "run/control.sock"));
        // A frame to a guest that is not served again yet is lost, as with any restart.
        lab.await("both guests to be served", () -> isServed(lab, "a") && isServed(lab, "b"));
        a.succeed(Lab.PATIENCE, "ping", "-c", "1", "10.77.0.2");
        assertThat(lab.connections("a")).isEqualTo(1);
      }
    }
  }

  private static boolean isServed(Lab lab, String guest) {
    return lab.vif(guest).path("connected").asBoolean();
  }
}
