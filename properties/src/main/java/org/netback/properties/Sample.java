package org.netback.properties;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// Where a property takes its values from. The ends of a range, zero, and the values beside these
/// are more frequent than their share; so are values of few bits, lists that are empty or full, and
/// octets that are all the same.
///
/// A sample is a list of draws, each an integer in a range. A smaller sample is the same list with
/// some draws left out or lowered, and is replayed: a draw that does not fit its range is brought
/// into it; a draw beyond the end of the list is the one nearest to zero.
public final class Sample {
  private final Random random;
  private final boolean replay;
  private final long[] given;
  private long[] drawn = new long[16];
  private long[] simplest = new long[16];
  private int draws;
  private int depth;
  private final List<String> shown = new ArrayList<>();

  private Sample(Random random, boolean replay, long[] given) {
    this.random = random;
    this.replay = replay;
    this.given = given;
  }

  static Sample fresh(Random random) {
    return new Sample(random, false, new long[0]);
  }

  /// One of `low` to `high`, both included.
  public int between(int low, int high) {
    return show((int) draw(low, high, () -> likely(low, high)));
  }

  public int anyInt() {
    return between(Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  public byte anyByte() {
    return (byte) between(Byte.MIN_VALUE, Byte.MAX_VALUE);
  }

  public boolean anyBoolean() {
    return between(0, 1) == 1;
  }

  public long anyLong() {
    return show(draw(Long.MIN_VALUE, Long.MAX_VALUE, random::nextLong));
  }

  /// One of these; a smaller sample has an earlier one.
  @SafeVarargs
  public final <T> T oneOf(T... values) {
    return show(hidden(() -> values[between(0, values.length - 1)]));
  }

  /// So many elements, at least `min` and at most `max`.
  public <T> List<T> list(int min, int max, Supplier<T> element) {
    List<T> list = new ArrayList<>();
    long length = likely(min, max);
    while (more(list.size(), min, max, length)) {
      list.add(hidden(element));
    }
    return show(list);
  }

  /// So many octets, at least `min` and at most `max`.
  public byte[] octets(int min, int max) {
    byte[] octets = new byte[max];
    long length = likely(min, max);
    long filler = likely(-128, 127);
    boolean filled = random.nextInt(16) == 0;
    int size = 0;
    while (more(size, min, max, length)) {
      octets[size++] = (byte) draw(-128, 127, () -> filled ? filler : likely(-128, 127));
    }
    byte[] result = Arrays.copyOf(octets, size);
    show("octets " + HexFormat.of().formatHex(result));
    return result;
  }

  /// So many characters, of these or, where `characters` is empty, of U+0000 to U+00FF.
  public String text(int max, String characters) {
    int last = characters.isEmpty() ? 0xff : characters.length() - 1;
    StringBuilder text = new StringBuilder();
    long length = likely(0, max);
    while (more(text.length(), 0, max, length)) {
      int index = (int) draw(0, last, () -> likely(0, last));
      text.append(characters.isEmpty() ? (char) index : characters.charAt(index));
    }
    show("\"" + text + "\"");
    return text.toString();
  }

  /// What was drawn, in order.
  @Override
  public String toString() {
    return shown.toString();
  }

  int draws() {
    return draws;
  }

  /// How far a draw is from the one nearest to zero.
  long excess(int at) {
    return drawn[at] - simplest[at];
  }

  Sample without(int at, int length) {
    long[] rest = new long[draws - length];
    System.arraycopy(drawn, 0, rest, 0, at);
    System.arraycopy(drawn, at + length, rest, at, rest.length - at);
    return new Sample(random, true, rest);
  }

  Sample lowered(int at, long step) {
    long[] lower = Arrays.copyOf(drawn, draws);
    lower[at] -= step;
    return new Sample(random, true, lower);
  }

  /// Whether a list goes on: a draw for each element, so that one is left out together with it.
  private boolean more(int size, int min, int max, long length) {
    return size < min || size < max && draw(0, 1, () -> size < length ? 1 : 0) == 1;
  }

  private long draw(long low, long high, LongSupplier fresh) {
    long simple = Math.clamp(0L, low, high);
    long value = simple;
    if (!replay) {
      value = fresh.getAsLong();
    } else if (draws < given.length) {
      value = Math.clamp(given[draws], low, high);
    }
    if (draws == drawn.length) {
      drawn = Arrays.copyOf(drawn, 2 * draws);
      simplest = Arrays.copyOf(simplest, 2 * draws);
    }
    drawn[draws] = value;
    simplest[draws++] = simple;
    return value;
  }

  private long likely(long low, long high) {
    long value =
        switch (random.nextInt(10)) {
          case 0 -> random.nextBoolean() ? low : high;
          case 1 -> random.nextBoolean() ? low + 1 : high - 1;
          case 2 -> random.nextInt(3) - 1;
          case 3 -> random.nextLong() >> random.nextInt(32, 64);
          default -> random.nextLong(low, high + 1);
        };
    return Math.clamp(value, low, high);
  }

  private <T> T hidden(Supplier<T> part) {
    depth++;
    try {
      return part.get();
    } finally {
      depth--;
    }
  }

  private <T> T show(T value) {
    if (depth == 0) {
      shown.add(String.valueOf(value));
    }
    return value;
  }
}
