package org.netback.capture.pcapng;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.MacAddress;

class PacketFlagsTest {
  @ParameterizedTest
  @CsvSource({
    "00:16:3e:00:00:01, 4",
    "01:00:5e:00:00:fb, 8",
    "33:33:00:00:00:01, 8",
    "ff:ff:ff:ff:ff:ff, 12"
  })
  void tellToWhomAFrameIs(String destination, int expected) {
    assertThat(PacketFlags.reception(MacAddress.parse(destination).value())).isEqualTo(expected);
  }

  @Test
  void tellWhatIsLeftToDo() {
    try (Arena arena = Arena.ofConfined()) {
      Frame frame = new FrameArena(arena, 1, 1024).allocate(60);
      frame.memory().asSlice(frame.offset(), 6).fill((byte) 0xff);
      assertThat(PacketFlags.of(frame)).isEqualTo(0x00c);
      frame.setChecksum(ChecksumState.BLANK);
      frame.setGso(GsoType.TCPV4, 1448);
      assertThat(PacketFlags.of(frame)).isEqualTo(0xa0c);
      frame.setChecksum(ChecksumState.VALIDATED);
      frame.setGso(GsoType.NONE, 0);
      assertThat(PacketFlags.of(frame)).isEqualTo(0x40c);
    }
  }

  @Test
  void haveFourBitsForAnFcs() {
    assertThat(PacketFlags.withFcsLength(4)).isEqualTo(0x80);
    assertThat(PacketFlags.fcsLength(0xffff_fe1f)).isZero();
    assertThat(PacketFlags.fcsLength(PacketFlags.withFcsLength(15) | 3)).isEqualTo(15);
    assertThatIllegalArgumentException().isThrownBy(() -> PacketFlags.withFcsLength(16));
    assertThatIllegalArgumentException().isThrownBy(() -> PacketFlags.withFcsLength(-1));
  }
}
