package org.netback.hashing;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.netback.packet.AnyFrame;
import org.netback.packet.ArrayLender;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.properties.Property;

/// Frames of which not all is private.
final class PartialFramesTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 15);

  @Test
  void hashAsWholeOnes() {
    Property.holds(
        3000,
        sample -> {
          byte[] octets = AnyFrame.octets(sample, 0x0016_3e00_0001L, 0x0016_3e00_0002L);
          HashConfiguration hashing =
              HashConfiguration.INITIAL
                  .withToeplitz(true)
                  .withTypes(sample.between(0, HashType.ALL))
                  .withKey(HashKey.of(BitByBit.MICROSOFT_KEY));
          arena.clear();
          ArrayLender lender = new ArrayLender();
          Frame whole = lender.lend(arena, octets, octets.length);
          Frame partial =
              lender.lend(arena, octets, sample.between(14, Math.min(octets.length, 500)));
          assertThat(hashing.hash(partial)).isEqualTo(hashing.hash(whole));
        });
  }
}
