package org.netback.xen.io.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingHalf;
import org.netback.xen.ring.RingViolation;

/// The page against the layout that gcc gives `struct xencons_interface`.
class ConsolePageTest {
  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);

  @Test
  void liesAsTheCompilerLaysItInBothWordSizes() throws IOException {
    try (BufferedReader layouts =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(
                    ConsolePageTest.class.getResourceAsStream("/org/netback/xen/io/layouts.csv"),
                    "layouts.csv"),
                StandardCharsets.UTF_8))) {
      Map<String, Map<String, String>> byAbi =
          layouts
              .lines()
              .map(line -> line.split(","))
              .filter(row -> row.length > 4 && row[1].equals("xencons_interface"))
              .collect(
                  Collectors.groupingBy(
                      row -> row[0],
                      Collectors.toMap(row -> row[2], row -> row[3] + ' ' + row[4])));
      assertThat(byAbi).containsOnlyKeys("x86_32", "x86_64");
      assertThat(byAbi.values())
          .allSatisfy(
              fields ->
                  assertThat(fields)
                      .containsExactlyInAnyOrderEntriesOf(
                          Map.of(
                              "(sizeof)", " " + ConsolePage.SIZE,
                              "in[1024]", place(ConsolePage.IN),
                              "out[2048]", place(ConsolePage.OUT),
                              "in_cons", ConsolePage.IN.cons() + " 4",
                              "in_prod", ConsolePage.IN.prod() + " 4",
                              "out_cons", ConsolePage.OUT.cons() + " 4",
                              "out_prod", ConsolePage.OUT.prod() + " 4")));
    }
  }

  private static String place(RingHalf half) {
    return half.offset() + " " + half.length();
  }

  @Test
  void inAndOutAreTheGuestsSide() throws RingViolation {
    ByteRing guest = ConsolePage.frontend(page);
    ByteRing backend = ConsolePage.backend(page);
    guest.put(new byte[] {1, 2}, 0, 2);
    backend.put(new byte[] {3}, 0, 1);
    assertThat(page.get(ValueLayout.JAVA_SHORT_UNALIGNED, 1024)).isEqualTo((short) 0x0201);
    assertThat(page.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 3);
    assertThat(page.get(ValueLayout.JAVA_INT, 3084)).isEqualTo(2);
    assertThat(page.get(ValueLayout.JAVA_INT, 3076)).isEqualTo(1);
    assertThat(backend.waiting()).isEqualTo(2);
    assertThat(guest.waiting()).isEqualTo(1);
    assertThat(guest.room()).isEqualTo(2046);
    assertThat(backend.room()).isEqualTo(1023);
  }

  @Test
  void tellsWhetherABackendListensInTheOctetBehindTheStruct() {
    ConsolePage.tellConnected(page, false);
    assertThat(page.get(ValueLayout.JAVA_BYTE, ConsolePage.SIZE)).isEqualTo((byte) 1);
    assertThat(ConsolePage.isConnected(page)).isFalse();
    ConsolePage.tellConnected(page, true);
    assertThat(page.get(ValueLayout.JAVA_BYTE, ConsolePage.SIZE)).isZero();
    assertThat(ConsolePage.isConnected(page)).isTrue();
  }
}
