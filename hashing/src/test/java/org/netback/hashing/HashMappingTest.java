package org.netback.hashing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class HashMappingTest {
  @Test
  void takesTheHashModuloTheQueuesWithoutATable() {
    assertThat(HashMapping.MODULO.queue(10, 4)).isEqualTo(2);
    assertThat(HashMapping.MODULO.queue(-1, 4)).isEqualTo(3);
    assertThat(HashMapping.MODULO.queue(0xffff_fffe, 3)).isEqualTo(2);
    assertThat(HashMapping.zeroed(0)).isSameAs(HashMapping.MODULO);
  }

  @Test
  void looksTheHashUpModuloTheTable() {
    HashMapping table = HashMapping.zeroed(5).with(0, 3, 2, 1, 0, 3);
    for (int hash = 0; hash < 20; hash++) {
      assertThat(table.queue(hash, 4)).isEqualTo(new int[] {3, 2, 1, 0, 3}[hash % 5]);
    }
    // 2^32 - 1 is 0 modulo 5.
    assertThat(table.queue(-1, 4)).isEqualTo(3);
  }

  @Test
  void beginsWithQueueZeroThroughout() {
    HashMapping table = HashMapping.zeroed(128);
    for (int hash = 0; hash < 300; hash++) {
      assertThat(table.queue(hash * 7919, 8)).isZero();
    }
  }

  @Test
  void replacesAPartAndLeavesTheOldTableAsItWas() {
    HashMapping old = HashMapping.zeroed(4).with(0, 1, 1, 1, 1);
    HashMapping changed = old.with(2, 5);
    assertThat(changed.queue(2, 8)).isEqualTo(5);
    assertThat(changed.queue(3, 8)).isEqualTo(1);
    assertThat(old.queue(2, 8)).isEqualTo(1);
  }

  @Test
  void hasABound() {
    assertThatThrownBy(() -> HashMapping.zeroed(129)).hasMessageContaining("129");
    assertThatThrownBy(() -> HashMapping.zeroed(-1)).hasMessageContaining("-1");
  }
}
