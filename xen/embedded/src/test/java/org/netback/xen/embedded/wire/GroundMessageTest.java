package org.netback.xen.embedded.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.VifSpec;

class GroundMessageTest {
  @Test
  void carriesEveryDeviceOfAGuest() throws IOException {
    GuestSpec spec =
        new GuestSpec(
            "g",
            DomainSize.DEFAULT,
            List.of(
                VifSpec.named("g", 0, "net").device(0),
                VifSpec.named("g", 1, "net").device(1),
                DeviceSpec.console(3, "spare")));
    var message = GroundMessage.write(7, new GroundMessage.AttachGuest(spec));
    assertThat(message.getInt()).isEqualTo(7);
    assertThat(GroundMessage.read(message)).isEqualTo(new GroundMessage.AttachGuest(spec));
  }
}
