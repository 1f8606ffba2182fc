package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.client.ControlClient;

/// Taps and guests' devices that are to have the same name.
class PortNamesTest {
  private static final String BACKEND = "/local/domain/0/backend/vif/1/0";
  private static final String ERROR = "/local/domain/0/error/backend/vif/1/0/error";

  private static String tap(String name, Namespace namespace) {
    return "{\"name\": \"%s\", \"network\": \"up\", \"namespace\": \"%s\"}"
        .formatted(name, namespace.name());
  }

  private static ControlClient.Response post(Lab lab, String body) throws Exception {
    return new ControlClient(lab.control()).request("POST", "/ports", body);
  }

  private static void delete(Lab lab, String port) throws Exception {
    assertThat(new ControlClient(lab.control()).request("DELETE", "/ports/" + port, "").status())
        .isEqualTo(200);
  }

  @Test
  void aDeviceIsRefusedAtOnceWhileATapHasItsNameAndATapWhileADeviceHas() throws Exception {
    try (Lab lab = new Lab()) {
      Namespace up = lab.namespace("up");
      Namespace guest = lab.namespace("g");
      lab.ground();
      String ground = lab.run().resolve("ground.sock").toString();
      List<String> command =
          List.of("guest", "--name", "g", "--network", "lan", "--tap", "eth0", "--ground", ground);
      NetnsProcess first =
          lab.add(
              NetnsProcess.start(guest.name(), lab.directory().resolve("refused.log"), command));
      lab.await("the domain", () -> lab.xenstore("xenstore-list", "/local/domain").equals("0\n1"));
      // It would end at the refusal, and its nodes with it.
      Lab.signal(first, "STOP");
      // In another network: the name is taken all the same.
      lab.daemon(
          "ground: {run: run, apart: true}\nnetworks: [{name: lan}, {name: up}]\n"
              + "taps: [{name: vif1.0, network: up, namespace: "
              + up.name()
              + "}]\n");
      String message = "vifname: there is a port vif1.0 already (a tap)";
      lab.await(
          "the refusal",
          () -> lab.xenstore("xenstore-read", BACKEND + "/hotplug-status").equals("error"));
      assertThat(lab.get("/vifs").toString()).contains(message);
      assertThat(lab.xenstore("xenstore-read", ERROR)).startsWith("22 " + message);
      assertThat(lab.xenstore("xenstore-read", BACKEND + "/hotplug-error")).startsWith(message);
      Lab.signal(first, "CONT");

      // A frontend would be back within a second; for some of these there is nothing to see.
      long seen = lab.get("/status").path("uptimeSeconds").asLong();
      lab.await(
          "some seconds to pass",
          () -> lab.get("/status").path("uptimeSeconds").asLong() >= seen + 4);
      assertThat(lab.log("daemon").lines().filter(line -> line.contains(message))).hasSize(1);
      assertThat(lab.log("daemon")).doesNotContain("internal error", "Exception", "\tat ");

      // A guest's command ends with the reason. (A guest of Xen waits, and is served when the name
      // is free: BackendBusTest.)
      assertThat(first.process().waitFor()).isEqualTo(1);
      assertThat(lab.log("refused")).contains(message);

      delete(lab, "vif1.0");
      lab.add(NetnsProcess.start(guest.name(), lab.directory().resolve("g.log"), command));
      lab.await("the guest to be connected", () -> lab.connections("g") == 1);
      assertThat(lab.vif("g").path("lastError").asText()).isEmpty();
      String vif = lab.vif("g").path("id").asText();
      ControlClient.Response refused = post(lab, tap(vif, up));
      assertThat(refused.status()).isEqualTo(409);
      assertThat(refused.body())
          .contains("there is a port %1$s already (the device %1$s)".formatted(vif));
      assertThat(lab.connections("g")).isEqualTo(1);
    }
  }

  @Test
  void aTapsNameIsFreeAgainOnceItIsRemoved() throws Exception {
    try (Lab lab = new Lab()) {
      Namespace up = lab.namespace("up");
      lab.daemon("ground: {run: run}\nnetworks: [{name: lan}, {name: up}]\n");
      for (int i = 0; i < 3; i++) {
        assertThat(post(lab, tap("up0", up)).status()).isEqualTo(201);
        assertThat(post(lab, tap("up0", up)))
            .satisfies(
                again -> {
                  assertThat(again.status()).isEqualTo(409);
                  assertThat(again.body()).contains("there is a port up0 already (a tap)");
                });
        delete(lab, "up0");
      }
      // What could not be made leaves its name free.
      assertThat(
              post(lab, "{\"name\": \"up0\", \"network\": \"up\", \"namespace\": \"nowhere\"}")
                  .status())
          .isEqualTo(422);
      assertThat(post(lab, tap("up0", up)).status()).isEqualTo(201);
      up.ip("link", "del", "up0");
      lab.await("the daemon to notice", () -> lab.get("/ports").isEmpty());
      lab.await("the name to be free", () -> post(lab, tap("up0", up)).status() == 201);
    }
  }
}
