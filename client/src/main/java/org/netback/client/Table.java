package org.netback.client;

import java.util.ArrayList;
import java.util.List;

/// Rows of text in columns as wide as their widest cell; a column whose cells are all numbers is
/// aligned to the right.
public final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  public Table(String... titles) {
    rows.add(List.of(titles));
  }

  public Table row(Object... cells) {
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(printable(cell.toString()));
    }
    if (row.size() != rows.get(0).size()) {
      throw new IllegalArgumentException(row + " has not the columns of " + rows.get(0));
    }
    rows.add(List.copyOf(row));
    return this;
  }

  /// Without what could move a terminal's cursor or recolour it: names and errors that come from
  /// guests are shown too.
  static String printable(String text) {
    StringBuilder shown = new StringBuilder(text);
    for (int i = 0; i < shown.length(); i++) {
      char c = shown.charAt(i);
      if ((c < ' ' || c > '~') && isControl(c)) {
        shown.setCharAt(i, '\ufffd');
      }
    }
    return shown.toString();
  }

  private static boolean isControl(char c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }

  /// A dash, or digits with a unit: `12.3 kB`.
  private static boolean isNumber(String cell) {
    int unit = 0;
    while (unit < cell.length() && "0123456789., ".indexOf(cell.charAt(unit)) >= 0) {
      unit++;
    }
    for (int i = unit; i < cell.length(); i++) {
      if (!Character.isLetter(cell.charAt(i)) && cell.charAt(i) != '/') {
        return cell.equals("-");
      }
    }
    return unit > 0
        && Character.isDigit(cell.charAt(0))
        && (unit == cell.length() || cell.charAt(unit - 1) == ' ');
  }

  private static int width(String text) {
    return text.codePointCount(0, text.length());
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
        widths[c] = Math.max(widths[c], width(cell));
        numbers[c] &= r == 0 || isNumber(cell);
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String padding = " ".repeat(widths[c] - width(row.get(c)));
        line.append(c == 0 ? "" : "  ");
        line.append(numbers[c] ? padding + row.get(c) : row.get(c) + padding);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
