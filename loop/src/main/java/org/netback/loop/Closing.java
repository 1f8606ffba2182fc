package org.netback.loop;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;

/// Closes what belongs together: every part, one after the other, whatever some of them throw. What
/// the first throws is thrown in the end, with what the others throw suppressed.
public final class Closing {
  /// One part's closing.
  @FunctionalInterface
  public interface Part<E extends Exception> {
    void close() throws E;
  }

  private Closing() {}

  /// @param parts in the order in which they are closed
  @SafeVarargs
  public static <E extends Exception> void all(Part<E>... parts) throws E {
    List<Part<E>> list = new ArrayList<>();
    for (Part<E> part : parts) {
      list.add(part);
    }
    all(list);
  }

  /// The same, for things of one kind.
  public static <T> void each(Collection<T> things, Consumer<? super T> close) {
    List<Part<RuntimeException>> list = new ArrayList<>();
    things.forEach(thing -> list.add(() -> close.accept(thing)));
    all(list);
  }

  private static <E extends Exception> void all(List<Part<E>> parts) throws E {
    List<Throwable> thrown = new ArrayList<>();
    for (Part<E> part : parts) {
      try {
        part.close();
      } catch (Throwable e) {
        thrown.add(e);
      }
    }
    if (!thrown.isEmpty()) {
      Throwable first = thrown.getFirst();
      thrown.stream().filter(other -> !other.equals(first)).forEach(first::addSuppressed);
      Closing.<E>rethrow(first);
    }
  }

  /// A part throws an E, or what is unchecked.
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> void rethrow(Throwable thrown) throws E {
    throw (E) thrown;
  }
}
