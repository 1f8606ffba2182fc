package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ClosingTest {
  private final List<String> closed = new ArrayList<>();

  private void refused(String part) throws IOException {
    closed.add(part);
    throw new IOException(part);
  }

  private void broken(String part) {
    closed.add(part);
    throw new AssertionError(part);
  }

  @Test
  void closesAllInOrder() {
    Closing.all(() -> closed.add("a"), () -> closed.add("b"));
    Closing.each(List.of("c", "d"), closed::add);
    assertThat(closed).containsExactly("a", "b", "c", "d");
  }

  @Test
  void throwsWhatTheFirstThrowsWithTheOthersSuppressed() {
    assertThatThrownBy(
            () ->
                Closing.all(
                    () -> refused("a"),
                    () -> closed.add("b"),
                    () -> broken("c"),
                    () -> refused("d")))
        .isInstanceOf(IOException.class)
        .hasMessage("a")
        .satisfies(
            first ->
                assertThat(first.getSuppressed())
                    .extracting(Throwable::getMessage)
                    .containsExactly("c", "d"));
    assertThat(closed).containsExactly("a", "b", "c", "d");
  }

  @Test
  void closesEachEvenIfOneThrows() {
    assertThatThrownBy(() -> Closing.each(List.of("a", "b"), this::broken))
        .isInstanceOf(AssertionError.class)
        .hasMessage("a");
    assertThat(closed).containsExactly("a", "b");
  }

  /// An exception cannot suppress itself.
  @Test
  void throwsOnceWhatAllPartsThrow() {
    IllegalStateException same = new IllegalStateException("same");
    assertThatThrownBy(
            () ->
                Closing.each(
                    List.of("a", "b"),
                    part -> {
                      closed.add(part);
                      throw same;
                    }))
        .isSameAs(same)
        .hasNoSuppressedExceptions();
    assertThat(closed).containsExactly("a", "b");
  }
}
