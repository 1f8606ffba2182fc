package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.netback.vswitch.DropReason;
import org.netback.xen.grant.DeferredGrantTable;
import org.netback.xen.grant.GrantTable;

/// The same where a batch is carried out at its end, as on a real Xen; and where the ground
/// refuses.
final class DeferredPageToPageTest extends PageToPageTest {
  private final AtomicInteger untilRefusal = new AtomicInteger(Integer.MAX_VALUE);

  @Override
  GrantTable ground(GrantTable embedded) {
    return new DeferredGrantTable(embedded, () -> untilRefusal.getAndDecrement() == 0);
  }

  /// A pull for a receiver without buffers: whose turn it was is the sender's, and so is the end.
  @Test
  void doesNotHoldTheGroundsRefusalAgainstTheReceiver() {
    sender.queue().send(Frames.udp(1, 2, 12000), 4096, 0);
    // The heads' batch, the receiver's which is empty, and the pull.
    untilRefusal.set(1);
    assertThatThrownBy(house::settle).hasMessageStartingWith("device vif1.0: ");
    house.settle();
    assertThat(sender.failures).hasSize(1);
    assertThat(receiver.failures).isEmpty();
    assertThat(receiver.statistics().drops()).isEmpty();
    untilRefusal.set(Integer.MAX_VALUE);
    RawGuest other = house.guest().connect();
    receiver.queue().post(10);
    byte[] frame = Frames.udp(3, 2, 12000);
    other.queue().send(frame, 4096, 0);
    house.settle();
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    assertThat(receiver.statistics().drops()).doesNotContainKey(DropReason.PORT_DOWN);
  }
}
