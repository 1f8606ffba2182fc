package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.client.ControlClient;

/// Static entries by file and by API, good and bad, with ports that come and go.
class StaticEntriesTest {
  private static List<String> entries(Lab lab) {
    List<String> entries = new ArrayList<>();
    for (JsonNode row : lab.get("/fdb")) {
      if (row.path("static").asBoolean()) {
        entries.add(row.path("mac").asText() + ' ' + row.path("port").asText());
      }
    }
    return entries;
  }

  private static ControlClient.Response post(Lab lab, String mac, String port) throws Exception {
    return new ControlClient(lab.control())
        .request(
            "POST",
            "/fdb",
            "{\"network\": \"lan\", \"mac\": \"%s\", \"port\": \"%s\"}".formatted(mac, port));
  }

  private static void tap(Lab lab, String name, Namespace namespace) throws Exception {
    assertThat(
            new ControlClient(lab.control())
                .request(
                    "POST",
                    "/ports",
                    "{\"name\": \"%s\", \"network\": \"lan\", \"namespace\": \"%s\"}"
                        .formatted(name, namespace.name()))
                .status())
        .isEqualTo(201);
  }

  @Test
  void takeEffectWithTheirPortsWhateverElseIsAsked() throws Exception {
    try (Lab lab = new Lab()) {
      Namespace up = lab.namespace("up");
      lab.daemon(
          """
          ground: {run: run}
          networks:
            - name: lan
              static:
                - {mac: "02:00:00:00:00:01", port: later}
                - {mac: "02:00:00:00:00:02", port: up0}
          """);
      tap(lab, "up0", up);
      lab.await("what is possible", () -> entries(lab).equals(List.of("02:00:00:00:00:02 up0")));

      for (String bad :
          List.of(
              "00:00:00:00:00:00",
              "ff:ff:ff:ff:ff:ff",
              "01:00:5e:01:01:01",
              "33:33:00:00:00:01",
              "2:3",
              "")) {
        ControlClient.Response refused = post(lab, bad, "up0");
        assertThat(refused.status()).as(bad).isEqualTo(400);
        assertThat(refused.body()).as(bad).contains("\\\"mac\\\" is");
      }
      assertThat(post(lab, "02:00:00:00:00:03", "a/b").status()).isEqualTo(400);
      assertThat(post(lab, "02:00:00:00:00:03", "up0").status()).isEqualTo(201);
      assertThat(entries(lab)).containsExactly("02:00:00:00:00:02 up0", "02:00:00:00:00:03 up0");

      // Moved to a port that is not there yet: it leaves the one that it had at once.
      assertThat(post(lab, "02:00:00:00:00:03", "later").status()).isEqualTo(201);
      assertThat(entries(lab)).containsExactly("02:00:00:00:00:02 up0");
      for (int i = 0; i < 2; i++) {
        tap(lab, "later", up);
        lab.await(
            "the pending ones",
            () ->
                entries(lab)
                    .equals(
                        List.of(
                            "02:00:00:00:00:01 later",
                            "02:00:00:00:00:02 up0",
                            "02:00:00:00:00:03 later")));
        new ControlClient(lab.control()).request("DELETE", "/ports/later", "");
        assertThat(entries(lab)).containsExactly("02:00:00:00:00:02 up0");
      }

      ControlClient control = new ControlClient(lab.control());
      assertThat(control.request("DELETE", "/fdb/lan/02:00:00:00:00:03", "").status())
          .isEqualTo(200);
      assertThat(control.request("DELETE", "/fdb/lan/00:00:00:00:00:00", "").status())
          .isEqualTo(404);
      tap(lab, "later", up);
      lab.await(
          "the one that is left",
          () -> entries(lab).equals(List.of("02:00:00:00:00:01 later", "02:00:00:00:00:02 up0")));
    }
  }
}
