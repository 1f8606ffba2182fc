package org.netback.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OctetQueueTest {
  /// Against a queue of the JDK's, whatever is done in whatever order.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 1000, 1024, 1025, 5000})
  void isAQueueWithABound(int bound) {
    Random random = new Random(bound);
    OctetQueue queue = new OctetQueue(bound);
    Deque<Byte> model = new ArrayDeque<>();
    byte[] some = new byte[2 * bound + 3];
    for (int i = 0; i < 3000; i++) {
      random.nextBytes(some);
      int length = random.nextInt(some.length);
      switch (random.nextInt(4)) {
        case 0 -> {
          int count = queue.add(some, 1, Math.min(length, some.length - 1));
          assertThat(count)
              .isEqualTo(Math.min(Math.min(length, some.length - 1), bound - model.size()));
          for (int j = 0; j < count; j++) {
            model.add(some[1 + j]);
          }
        }
        case 1 -> {
          int lost = queue.addNewest(some, 0, length);
          for (int j = 0; j < length; j++) {
            model.add(some[j]);
          }
          int expected = Math.max(0, model.size() - bound);
          for (int j = 0; j < expected; j++) {
            model.remove();
          }
          assertThat(lost).isEqualTo(expected);
        }
        case 2 -> {
          int count = random.nextInt(model.size() + 1);
          queue.remove(count);
          for (int j = 0; j < count; j++) {
            model.remove();
          }
        }
        default -> {
          if (random.nextInt(20) == 0) {
            queue.clear();
            model.clear();
          }
        }
      }
      byte[] all = new byte[bound + 1];
      assertThat(queue.peek(all)).isEqualTo(model.size()).isEqualTo(queue.size());
      int at = 0;
      for (byte octet : model) {
        assertThat(all[at++]).isEqualTo(octet);
      }
      assertThat(queue.room()).isEqualTo(bound - model.size());
      assertThat(queue.isEmpty()).isEqualTo(model.isEmpty());
    }
  }

  @Test
  void refusesToRemoveWhatIsNotThere() {
    OctetQueue queue = new OctetQueue(10);
    queue.add(new byte[3], 0, 3);
    assertThatThrownBy(() -> queue.remove(4)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> queue.remove(-1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new OctetQueue(0)).isInstanceOf(IllegalArgumentException.class);
  }
}
