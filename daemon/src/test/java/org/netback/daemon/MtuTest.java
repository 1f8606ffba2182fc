package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A guest whose MTU is larger than that of the host's tap.
class MtuTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String[] LONG_PING = {
    "ping", "-c", "1", "-W", "1", "-M", "do", "-s", "8972", "10.77.0.3"
  };

  private Lab lab;
  private Namespace guest;
  private Namespace host;

  @BeforeEach
  void start() throws IOException {
    lab = new Lab();
    guest = lab.namespace("g");
    host = lab.namespace("h");
    lab.daemon(
        "ground: {run: run}\nnetworks: [{name: lan}]\ntaps: [{name: up0, network: lan, mtu: 1500,"
            + " namespace: "
            + host.name()
            + "}]\n");
    lab.guest(guest, "jumbo", 1, "--mtu", "9000");
    host.addresses("up0", "10.77.0.3", "fd77::3");
  }

  @AfterEach
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  @Test
  void packetsLongerThanTheTapsMtuAreDroppedUntilItIsRaised() throws Exception {
    Program.Result dropped = Program.run(LIMIT, guest.command(LONG_PING));
    assertThat(dropped.out()).contains("100% packet loss");
    lab.await("the drop", () -> tooLong() > 0);
    assertThat(tooLong()).isEqualTo(1);
    guest.succeed(LIMIT, "ping", "-c", "1", "-M", "do", "-s", "1472", "10.77.0.3");
    assertThat(tooLong()).isEqualTo(1);

    host.ip("link", "set", "up0", "mtu", "9000");
    lab.await(
        "the tap to take long packets",
        () -> Program.run(LIMIT, guest.command(LONG_PING)).code() == 0);
  }

  private long tooLong() {
    for (JsonNode port : lab.get("/ports")) {
      if (port.path("name").asText().equals("up0")) {
        return port.path("drops").path("TOO_LONG").asLong();
      }
    }
    throw new AssertionError("no port up0 among " + List.of(lab.get("/ports")));
  }
}
