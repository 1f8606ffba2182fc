package org.netback.ctrl;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class GrefTableTest {
  private final MemorySegment memory = Arena.ofAuto().allocate(4096);

  @Property(tries = 200)
  void findsWhatWasPutAndNothingElse(
      @ForAll @Size(max = 512) Set<Integer> grefs, @ForAll Set<Integer> others) {
    GrefTable table = new GrefTable(grefs.size());
    int i = 0;
    for (int gref : new LinkedHashSet<>(grefs)) {
      table.put(gref, memory.asSlice(i++ & 0xff, 1), (gref & 1) != 0);
    }
    i = 0;
    for (int gref : new LinkedHashSet<>(grefs)) {
      int place = table.find(gref);
      assertThat(place).isNotNegative();
      assertThat(table.isReadOnly(place)).isEqualTo((gref & 1) != 0);
      assertThat(table.page(place).address()).isEqualTo(memory.address() + (i++ & 0xff));
    }
    for (int other : others) {
      assertThat(table.find(other) >= 0).isEqualTo(grefs.contains(other));
    }
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
