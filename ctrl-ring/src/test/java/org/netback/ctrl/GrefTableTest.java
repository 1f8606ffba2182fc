package org.netback.ctrl;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

final class GrefTableTest {
  private final MemorySegment memory = Arena.ofAuto().allocate(4096);

  @Test
  void findsWhatWasPutAndNothingElse() {
    Property.holds(
        200,
        sample -> {
          Set<Integer> grefs = new LinkedHashSet<>(sample.list(0, 512, sample::anyInt));
          List<Integer> others = sample.list(0, 512, sample::anyInt);
          GrefTable table = new GrefTable(grefs.size());
          int i = 0;
          for (int gref : grefs) {
            table.put(gref, memory.asSlice(i++ & 0xff, 1), (gref & 1) != 0);
          }
          i = 0;
          for (int gref : grefs) {
            int place = table.find(gref);
            assertThat(place).isNotNegative();
            assertThat(table.isReadOnly(place)).isEqualTo((gref & 1) != 0);
            assertThat(table.page(place).address()).isEqualTo(memory.address() + (i++ & 0xff));
          }
          for (int other : others) {
            assertThat(table.find(other) >= 0).isEqualTo(grefs.contains(other));
          }
        });
  }

  @Test
  void findsNothingWhereNothingIs() {
    for (int gref : new int[] {0, 1, 8, 0x7fff_ffff, -1, Integer.MIN_VALUE}) {
      assertThat(GrefTable.EMPTY.find(gref)).isEqualTo(-1);
    }
  }

  /// References in order, as guests have them, and references that a hash could stumble over.
  @Test
  void findsReferencesOfAnyPattern() {
    for (int step : new int[] {1, 2, 4096, 1 << 22, 1 << 23, 0x9e3779b1}) {
      GrefTable table = new GrefTable(512);
      for (int i = 0; i < 512; i++) {
        table.put(i * step, memory, false);
      }
      for (int i = 0; i < 512; i++) {
        assertThat(table.find(i * step)).isNotNegative();
      }
      assertThat(table.find(512 * step + 3)).isEqualTo(-1);
    }
  }
}
