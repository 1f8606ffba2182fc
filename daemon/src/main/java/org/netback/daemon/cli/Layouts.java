package org.netback.daemon.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How the control API's answers look on a terminal.
final class Layouts {
  private Layouts() {}

  static String status(JsonNode status) {
    StringBuilder text = new StringBuilder();
    text.append("netback ")
        .append(status.path("version").asText())
        .append(", pid ")
        .append(status.path("pid").asText())
        .append(", up ")
        .append(duration(status.path("uptimeSeconds").asLong()))
        .append("\nground ")
        .append(ground(status.path("ground")))
        .append("\nvifs ")
        .append(status.path("vifs").asText())
        .append(", ")
        .append(status.path("connectedVifs").asText())
        .append(" connected; taps ")
        .append(status.path("taps").asText())
        .append('\n');
    Table table =
        new Table("NETWORK", "PORTS", "MACS", "UNICAST", "FLOODED", "DISCARDED", "MOVED", "AGED");
    for (JsonNode network : status.path("networks")) {
      table.row(
          network.path("network").asText(),
          network.path("ports").asText(),
          network.path("addresses").asText(),
          network.path("unicastFrames").asText(),
          network.path("floodedFrames").asText(),
          network.path("discardedFrames").asText(),
          network.path("moved").asText(),
          network.path("aged").asText());
    }
    return text.append('\n').append(table).toString();
  }

  private static String ground(JsonNode ground) {
    return ground.path("kind").asText().equals("dom0")
        ? "dom0"
        : ground.path("run").asText() + (ground.path("apart").asBoolean() ? ", apart" : ", own");
  }

  static String vifs(JsonNode vifs) {
    Table table =
        new Table(
            "VIF",
            "NETWORK",
            "STATE",
            "MAC",
            "QUEUES",
            "FROM GUEST",
            "OCTETS",
            "TO GUEST",
            "OCTETS",
            "DROPS");
    for (JsonNode vif : vifs) {
      table.row(
          vif.path("id").asText(),
          vif.path("network").asText(),
          vif.path("state").asText(),
          orDash(vif.path("mac")),
          vif.path("queues").asText(),
          vif.path("ingressFrames").asText(),
          octets(vif.path("ingressOctets").asLong()),
          vif.path("egressFrames").asText(),
          octets(vif.path("egressOctets").asLong()),
          drops(vif.path("drops")));
    }
    return table.toString();
  }

  /// Every field of an answer on a line of its own, lists of records as tables.
  static String fields(JsonNode answer) {
    StringBuilder text = new StringBuilder();
    int width = 0;
    for (Map.Entry<String, JsonNode> field : answer.properties()) {
      if (!field.getValue().isArray()) {
        width = Math.max(width, field.getKey().length());
      }
    }
    for (Map.Entry<String, JsonNode> field : answer.properties()) {
      JsonNode value = field.getValue();
      if (!value.isArray()) {
        text.append(field.getKey())
            .append(" ".repeat(width + 2 - field.getKey().length()))
            .append(value.isObject() ? drops(value) : orDash(value))
            .append('\n');
      }
    }
    for (Map.Entry<String, JsonNode> field : answer.properties()) {
      if (field.getValue().isArray() && !field.getValue().isEmpty()) {
        text.append('\n').append(field.getKey()).append('\n').append(turned(field.getValue()));
      }
    }
    return text.toString();
  }

  /// A table with a line for each field and a column for each record: queues have more fields than
  /// there are queues.
  private static Table turned(JsonNode records) {
    List<String> titles = new ArrayList<>(List.of(""));
    for (int i = 0; i < records.size(); i++) {
      titles.add("#" + i);
    }
    Table table = new Table(titles.toArray(String[]::new));
    for (Map.Entry<String, JsonNode> field : records.get(0).properties()) {
      List<Object> row = new ArrayList<>(List.of(field.getKey()));
      for (JsonNode record : records) {
        JsonNode value = record.path(field.getKey());
        row.add(value.isObject() ? drops(value) : orDash(value));
      }
      table.row(row.toArray());
    }
    return table;
  }

  static String fdb(JsonNode entries) {
    Table table = new Table("NETWORK", "MAC", "PORT", "AGE");
    for (JsonNode entry : entries) {
      table.row(
          entry.path("network").asText(),
          entry.path("mac").asText(),
          entry.path("port").asText(),
          entry.path("static").asBoolean() ? "static" : entry.path("ageSeconds").asText() + " s");
    }
    return table.toString();
  }

  static String multicast(JsonNode answer) {
    Table queriers =
        new Table("NETWORK", "QUERIER IPV4", "QUERIER IPV6", "GROUPS", "MEMBERSHIPS", "REFUSED");
    for (JsonNode network : answer.path("networks")) {
      JsonNode statistics = network.path("statistics");
      queriers.row(
          network.path("network").asText(),
          network.path("querierIpv4").asText(),
          network.path("querierIpv6").asText(),
          statistics.path("groups").asText(),
          statistics.path("memberships").asText(),
          statistics.path("refused").asText());
    }
    Table groups = new Table("NETWORK", "GROUP", "PORT", "KNOWN BY", "EXPIRES");
    for (JsonNode group : answer.path("groups")) {
      long expires = group.path("expiresSeconds").asLong();
      groups.row(
          group.path("network").asText(),
          group.path("group").asText(),
          group.path("port").asText(),
          group.path("origin").asText(),
          expires == 0 ? "-" : expires + " s");
    }
    return queriers + "\n" + groups;
  }

  static String ports(JsonNode ports) {
    Table table =
        new Table("PORT", "NETWORK", "KIND", "IN", "OCTETS", "OUT", "OCTETS", "MACS", "DROPS");
    for (JsonNode port : ports) {
      table.row(
          port.path("name").asText(),
          port.path("network").asText(),
          port.path("kind").asText(),
          port.path("ingressFrames").asText(),
          octets(port.path("ingressOctets").asLong()),
          port.path("egressFrames").asText(),
          octets(port.path("egressOctets").asLong()),
          port.path("addresses").asText(),
          drops(port.path("drops")));
    }
    return table.toString();
  }

  /// Drops by reason: `BACKLOG_FULL 3, TOO_LONG 1`; a dash if there are none.
  static String drops(JsonNode drops) {
    List<String> reasons = new ArrayList<>();
    for (Map.Entry<String, JsonNode> drop : drops.properties()) {
      reasons.add(drop.getKey() + ' ' + drop.getValue().asText());
    }
    return reasons.isEmpty() ? "-" : String.join(", ", reasons);
  }

  static String octets(long octets) {
    if (octets < 10_000) {
      return octets + " B";
    }
    double value = octets;
    String[] units = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    int unit = 0;
    while (value >= 1000) {
      value /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }

  static String duration(long seconds) {
    if (seconds < 60) {
      return seconds + " s";
    }
    if (seconds < 3600) {
      return seconds / 60 + " min " + seconds % 60 + " s";
    }
    return seconds / 3600 + " h " + seconds / 60 % 60 + " min";
  }

  private static String orDash(JsonNode value) {
    String text = value.asText();
    return text.isEmpty() ? "-" : text;
  }
}
