package org.netback.daemon.cli;

import java.util.ArrayList;
import java.util.List;

/// Rows of text in columns as wide as their widest cell; a column whose cells are all numbers is
/// aligned to the right.
final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... titles) {
    rows.add(List.of(titles));
  }

  Table row(Object... cells) {
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(cell.toString());
    }
    if (row.size() != rows.get(0).size()) {
      throw new IllegalArgumentException(row + " has not the columns of " + rows.get(0));
    }
    rows.add(List.copyOf(row));
    return this;
  }

  @Override
  public String toString() {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    boolean[] numbers = new boolean[columns];
    for (int c = 0; c < columns; c++) {
      int column = c;
      numbers[c] = rows.stream().skip(1).anyMatch(row -> !row.get(column).equals("-"));
      for (int r = 0; r < rows.size(); r++) {
        String cell = rows.get(r).get(c);
        widths[c] = Math.max(widths[c], cell.length());
        numbers[c] &= r == 0 || cell.matches("-|[0-9][0-9., ]*( [A-Za-zµ/]+)?");
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String padding = " ".repeat(widths[c] - row.get(c).length());
        line.append(c == 0 ? "" : "  ");
        line.append(numbers[c] ? padding + row.get(c) : row.get(c) + padding);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
