package org.netback.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// How the control API's answers look on a terminal.
public final class Layouts {
  private Layouts() {}

  static String status(Json status) {
    StringBuilder text = new StringBuilder();
    text.append("netback ")
        .append(status.at("version").text())
        .append(", pid ")
        .append(status.at("pid").text())
        .append(", up ")
        .append(duration(status.at("uptimeSeconds").number()))
        .append("\nground ")
        .append(ground(status.at("ground")))
        .append('\n');
    for (Map.Entry<String, Json> field : status.fields().entrySet()) {
      String key = field.getKey();
      if (key.isEmpty()) {
        continue;
      }
      Json connected =
          status.at("connected" + Character.toUpperCase(key.charAt(0)) + key.substring(1));
      if (connected != Json.Nothing.NOTHING) {
        text.append(Table.printable(key))
            .append(' ')
            .append(field.getValue().text())
            .append(", ")
            .append(connected.text())
            .append(" connected; ");
      }
    }
    text.append("taps ").append(status.at("taps").text()).append('\n');
    Table table =
        new Table("NETWORK", "PORTS", "MACS", "UNICAST", "FLOODED", "DISCARDED", "MOVED", "AGED");
    for (Json network : status.at("networks").items()) {
      table.row(
          network.at("network").text(),
          network.at("ports").text(),
          network.at("addresses").text(),
          network.at("unicastFrames").text(),
          network.at("floodedFrames").text(),
          network.at("discardedFrames").text(),
          network.at("moved").text(),
          network.at("aged").text());
    }
    return text.append('\n').append(table).toString();
  }

  private static String ground(Json ground) {
    return ground.at("kind").text().equals("dom0")
        ? "dom0"
        : ground.at("run").text() + (ground.at("apart").isTrue() ? ", apart" : ", own");
  }

  public static String vifs(Json vifs) {
    Table table =
        new Table(
            "VIF",
            "NETWORK",
            "STATE",
            "MAC",
            "GUEST",
            "QUEUES",
            "FROM GUEST",
            "OCTETS",
            "TO GUEST",
            "OCTETS",
            "DROPS");
    for (Json vif : vifs.items()) {
      table.row(
          vif.at("id").text(),
          vif.at("network").text(),
          vif.at("state").text(),
          orDash(vif.at("mac")),
          orDash(vif.at("guest")),
          vif.at("queues").text(),
          vif.at("ingressFrames").text(),
          octets(vif.at("ingressOctets").number()),
          vif.at("egressFrames").text(),
          octets(vif.at("egressOctets").number()),
          drops(vif.at("drops")));
    }
    return table.toString();
  }

  /// Every field of an answer on a line of its own, lists of records as tables.
  static String fields(Json answer) {
    StringBuilder text = new StringBuilder();
    int width = 0;
    for (Map.Entry<String, Json> field : answer.fields().entrySet()) {
      if (!(field.getValue() instanceof Json.Array)) {
        width = Math.max(width, field.getKey().length());
      }
    }
    for (Map.Entry<String, Json> field : answer.fields().entrySet()) {
      Json value = field.getValue();
      if (!(value instanceof Json.Array)) {
        text.append(field.getKey())
            .append(" ".repeat(width + 2 - field.getKey().length()))
            .append(value instanceof Json.Fields ? drops(value) : orDash(value))
            .append('\n');
      }
    }
    for (Map.Entry<String, Json> field : answer.fields().entrySet()) {
      if (!field.getValue().items().isEmpty()) {
        text.append('\n').append(field.getKey()).append('\n').append(turned(field.getValue()));
      }
    }
    return text.toString();
  }

  /// A table with a line for each field and a column for each record: queues have more fields than
  /// there are queues.
  private static Table turned(Json records) {
    List<String> titles = new ArrayList<>(List.of(""));
    for (int i = 0; i < records.items().size(); i++) {
      titles.add("#" + i);
    }
    Table table = new Table(titles.toArray(String[]::new));
    for (Map.Entry<String, Json> field : records.items().getFirst().fields().entrySet()) {
      List<Object> row = new ArrayList<>(List.of(field.getKey()));
      for (Json record : records.items()) {
        Json value = record.at(field.getKey());
        row.add(value instanceof Json.Fields ? drops(value) : orDash(value));
      }
      table.row(row.toArray());
    }
    return table;
  }

  static String fdb(Json entries) {
    Table table = new Table("NETWORK", "MAC", "PORT", "AGE");
    for (Json entry : entries.items()) {
      table.row(
          entry.at("network").text(),
          entry.at("mac").text(),
          entry.at("port").text(),
          entry.at("static").isTrue() ? "static" : entry.at("ageSeconds").text() + " s");
    }
    return table.toString();
  }

  static String multicast(Json answer) {
    Table queriers =
        new Table("NETWORK", "QUERIER IPV4", "QUERIER IPV6", "GROUPS", "MEMBERSHIPS", "REFUSED");
    for (Json network : answer.at("networks").items()) {
      Json statistics = network.at("statistics");
      queriers.row(
          network.at("network").text(),
          network.at("querierIpv4").text(),
          network.at("querierIpv6").text(),
          statistics.at("groups").text(),
          statistics.at("memberships").text(),
          statistics.at("refused").text());
    }
    Table groups = new Table("NETWORK", "GROUP", "PORT", "KNOWN BY", "EXPIRES");
    for (Json group : answer.at("groups").items()) {
      long expires = group.at("expiresSeconds").number();
      groups.row(
          group.at("network").text(),
          group.at("group").text(),
          group.at("port").text(),
          group.at("origin").text(),
          expires == 0 ? "-" : expires + " s");
    }
    return queriers + "\n" + groups;
  }

  static String ports(Json ports) {
    Table table =
        new Table("PORT", "NETWORK", "KIND", "IN", "OCTETS", "OUT", "OCTETS", "MACS", "DROPS");
    for (Json port : ports.items()) {
      table.row(
          port.at("name").text(),
          port.at("network").text(),
          port.at("kind").text(),
          port.at("ingressFrames").text(),
          octets(port.at("ingressOctets").number()),
          port.at("egressFrames").text(),
          octets(port.at("egressOctets").number()),
          port.at("addresses").text(),
          drops(port.at("drops")));
    }
    return table.toString();
  }

  /// One event on one line.
  static String event(Json event) {
    String detail = event.at("detail").text();
    return Table.printable(
            event.at("time").text()
                + "  "
                + padded(event.at("event").text(), 12)
                + "  "
                + (detail.isEmpty()
                    ? event.at("name").text()
                    : padded(event.at("name").text(), 10) + "  " + detail))
        + '\n';
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }

  /// Drops by reason: `BACKLOG_FULL 3, TOO_LONG 1`; a dash if there are none.
  public static String drops(Json drops) {
    List<String> reasons = new ArrayList<>();
    for (Map.Entry<String, Json> drop : drops.fields().entrySet()) {
      reasons.add(Table.printable(drop.getKey() + ' ' + drop.getValue().text()));
    }
    return reasons.isEmpty() ? "-" : String.join(", ", reasons);
  }

  public static String octets(long octets) {
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
    long tenths = Math.round(value * 10);
    return tenths / 10 + "." + tenths % 10 + ' ' + units[unit];
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

  private static String orDash(Json value) {
    String text = Table.printable(value.text());
    return text.isEmpty() ? "-" : text;
  }
}
