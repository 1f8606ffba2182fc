package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.xen.bus.DeviceException;

/// What a guest says of its control ring, when it is wrong.
final class CtrlRingConnectTest {
  private final House house = new House();

  @AfterEach
  void close() {
    house.close();
  }

  private RawGuest refused(RawGuest guest, String message) {
    assertThatThrownBy(guest.vif::connect)
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(message);
    assertThat(guest.statistics().connected()).isFalse();
    assertThat(guest.isUnmapped()).isTrue();
    return guest;
  }

  private void connectsAndWorks(RawGuest guest) {
    guest.ctrl().publish();
    guest.connect();
    guest.ctrl().hash(Oracle.KEY);
  }

  @ParameterizedTest
  @CsvSource({
    "ctrl-ring-ref,-1",
    "ctrl-ring-ref,''",
    "ctrl-ring-ref,4294967296",
    "ctrl-ring-ref,0x8",
    "ctrl-ring-ref,' 8'",
    "ctrl-ring-ref,2",
    "ctrl-ring-ref,2047",
    "event-channel-ctrl,0",
    "event-channel-ctrl,-3",
    "event-channel-ctrl,+3",
    "event-channel-ctrl,''",
    "event-channel-ctrl,99999999999",
    "event-channel-ctrl,400"
  })
  void namesTheKeyThatIsNonsense(String key, String value) {
    RawGuest guest = house.guest();
    guest.ctrl();
    guest.write(key, value);
    connectsAndWorks(refused(guest, key));
  }

  @Test
  void refusesARingWithoutAChannel() {
    RawGuest guest = house.guest();
    guest.ctrl();
    guest.remove("event-channel-ctrl");
    connectsAndWorks(refused(guest, "event-channel-ctrl"));
  }

  @Test
  void doesWithoutARingThatIsNotThere() {
    RawGuest guest = house.guest();
    guest.ctrl();
    guest.remove("ctrl-ring-ref");
    guest.connect();
    guest.queue().send(Frames.udp(1, 9, 60));
    house.settle();
    assertThat(guest.queue().statuses()).containsExactly(0);
  }

  @ParameterizedTest
  @CsvSource({
    "ctrl-ring-ref,queue-1/tx-ring-ref",
    "ctrl-ring-ref,queue-0/rx-ring-ref",
    "event-channel-ctrl,queue-0/event-channel-tx",
    "event-channel-ctrl,queue-1/event-channel-rx"
  })
  void refusesWhatIsAQueuesAlready(String key, String other) {
    RawGuest guest = house.guest();
    guest.useQueues(2);
    guest.ctrl();
    guest.write(key, house.store.read("/local/domain/1/device/vif/0/" + other).orElseThrow());
    connectsAndWorks(refused(guest, other));
  }

  @Test
  void refusesAPageThatItMayNotWrite() {
    RawGuest guest = house.guest();
    guest.ctrl();
    MemorySegment memory = guest.domain.memory().allocate(1);
    int readOnly = guest.domain.memory().grant(memory, 0, true);
    guest.write("ctrl-ring-ref", Integer.toString(readOnly));
    connectsAndWorks(refused(guest, "ctrl-ring-ref"));
  }

  /// A producer index beyond the ring before anybody has asked anything, with garbage elsewhere.
  @Test
  void refusesARingThatIsBrokenFromTheStart() {
    RawGuest guest = house.guest();
    MemorySegment page = guest.ctrl().ringPage.memory();
    page.fill((byte) 0xa5);
    page.set(ValueLayout.JAVA_INT, 8, 0);
    refused(guest, "ctrl-ring-ref");
    guest.ctrl().reset();
    connectsAndWorks(guest);
  }
}
