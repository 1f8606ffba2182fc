package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.bus.DeviceException;

/// Every key that a frontend can write, with every value that is none: the device is refused as a
/// whole, the key is named, the guest's text is not repeated, nothing stays mapped.
final class HostileKeysTest {
  private static final List<String> NONSENSE =
      List.of(
          "",
          " ",
          "-1",
          "+1",
          " 1",
          "1 ",
          "1\n",
          "1\0",
          "\0001",
          "0x1",
          "1e1",
          "1.0",
          "\uff11",
          "\u0661",
          "one",
          "99999999999",
          "18446744073709551617",
          "1".repeat(10_240),
          "0".repeat(10_240));

  private final House house = new House();

  @AfterEach
  void close() {
    house.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "multi-queue-num-queues",
        "queue-0/tx-ring-ref",
        "queue-0/rx-ring-ref",
        "queue-1/event-channel-tx",
        "queue-1/event-channel-rx",
        "queue-1/tx-ring-ref",
        "ctrl-ring-ref",
        "event-channel-ctrl",
        "request-rx-copy",
        "feature-rx-notify",
        "feature-sg",
        "feature-gso-tcpv4",
        "feature-gso-tcpv6",
        "feature-no-csum-offload",
        "feature-ipv6-csum-offload"
      })
  void refusesTheWholeDeviceAndNamesTheKey(String key) {
    RawGuest guest = house.guest();
    guest.useQueues(2);
    guest.ctrl();
    guest.write("feature-no-csum-offload", "0");
    String good = house.store.read("/local/domain/1/device/vif/0/" + key).orElseThrow();
    for (String value : NONSENSE) {
      guest.write(key, value);
      assertThatThrownBy(guest.vif::connect)
          .as(value.length() > 30 ? value.length() + " octets" : value)
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining(key)
          .message()
          .hasSizeLessThan(200)
          .doesNotContain("\0")
          .doesNotContain("\n");
      assertThat(guest.statistics().connected()).isFalse();
      assertThat(guest.isUnmapped()).isTrue();
    }
    guest.write(key, good);
    guest.connect();
    assertThat(guest.statistics().connected()).isTrue();
  }

  /// The one channel of a queue, where it is the only one.
  @Test
  void refusesANonsensicalSingleChannel() {
    RawGuest guest = house.guest();
    guest.remove("event-channel-tx");
    guest.remove("event-channel-rx");
    for (String value : NONSENSE) {
      guest.write("event-channel", value);
      assertThatThrownBy(guest.vif::connect)
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining("event-channel");
      assertThat(guest.isUnmapped()).isTrue();
    }
    guest.write("event-channel", Integer.toString(guest.queue().txChannel.port()));
    guest.connect();
  }

  /// Keys are judged as they were at one moment; what they become later means nothing.
  @Test
  void goesByWhatItReadOnce() {
    RawGuest guest = house.guest();
    guest.useQueues(2);
    guest.ctrl();
    guest.connect();
    for (String key :
        List.of(
            "queue-0/tx-ring-ref",
            "queue-1/event-channel-rx",
            "multi-queue-num-queues",
            "ctrl-ring-ref",
            "feature-sg")) {
      guest.write(key, "junk");
    }
    guest.remove("queue-1");
    guest.ctrl().hash(Oracle.KEY);
    for (RawGuest.Queue queue : guest.queues) {
      queue.send(Frames.udp(1, 9, 60));
      house.settle();
      assertThat(queue.statuses()).containsExactly(0);
    }
    assertThat(house.sink.take()).hasSize(2);
    assertThat(guest.failures).isEmpty();
  }
}
