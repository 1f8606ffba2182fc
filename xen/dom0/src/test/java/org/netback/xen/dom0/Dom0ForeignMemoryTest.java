package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.InternalErrors;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Backend;

final class Dom0ForeignMemoryTest {
  @BeforeEach
  void assumeXen() {
    Devices.assume(Privcmd.PATH, Gntdev.PATH);
  }

  @Test
  void refusesPagesOfDomainsThatAreNotThere() throws IOException {
    try (Dom0ForeignMemory foreign = new Dom0ForeignMemory()) {
      for (int domid : new int[] {-1, 31_000, 0x7ff0}) {
        assertThatThrownBy(() -> foreign.map(domid, new long[] {1}, true))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("domain " + domid);
      }
    }
  }

  /// A guest's console ring is known by its frame's number alone. Its indices (io/console.h) are
  /// never more than the ring apart.
  @Test
  void mapsTheConsoleRingOfAGuest() throws IOException {
    try (Backend ground = Dom0Ground.open(Map.of(), new InternalErrors(System::nanoTime))) {
      ForeignMemory foreign = ground.guests().foreign();
      Optional<String> guest =
          ground.store().directory("/local/domain").stream()
              .filter(domid -> !domid.equals("0"))
              .findFirst();
      assumeTrue(guest.isPresent(), "no guest runs on this host");
      String console = "/local/domain/" + guest.orElseThrow() + "/console/ring-ref";
      long frame = Long.parseLong(ground.store().read(console).orElseThrow());
      int domid = Integer.parseInt(guest.orElseThrow());
      GrantMapping mapping = foreign.map(domid, new long[] {frame, frame}, true);
      MemorySegment ring = mapping.memory();
      int outConsumer = ring.get(ValueLayout.JAVA_INT, 3072 + 8);
      int outProducer = ring.get(ValueLayout.JAVA_INT, 3072 + 12);
      assertThat(outProducer).isPositive();
      assertThat(outProducer - outConsumer).isBetween(0, 2048);
      assertThat(ring.get(ValueLayout.JAVA_INT, 4096 + 3072 + 12)).isEqualTo(outProducer);
      assertThatThrownBy(() -> foreign.map(domid, new long[] {frame, 1L << 40}, true))
          .isInstanceOf(IOException.class);
      mapping.close();
      assertThatThrownBy(() -> ring.get(ValueLayout.JAVA_INT, 0))
          .isInstanceOf(IllegalStateException.class);
    }
  }
}
