package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;

/// Whatever is wrong with what a guest publishes: the key is named, nothing stays, and the next try
/// succeeds.
final class VifConnectTest {
  private final AtomicInteger untilFailure = new AtomicInteger(Integer.MAX_VALUE);
  private final AtomicInteger mapped = new AtomicInteger();
  private final AtomicInteger bound = new AtomicInteger();
  private final House house = new House(FailingGrantTable::new, FailingEventChannels::new);

  @AfterEach
  void leavesNothing() {
    house.close();
    assertThat(mapped).hasValue(0);
    assertThat(bound).hasValue(0);
  }

  private static void refuses(RawGuest guest, String message) {
    assertThatThrownBy(guest.vif::connect)
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining(message);
    assertThat(guest.statistics().connected()).isFalse();
    assertThat(guest.isUnmapped()).isTrue();
  }

  private void connectsAndWorks(RawGuest guest) {
    guest.connect();
    for (RawGuest.Queue queue : guest.queues) {
      queue.send(Frames.udp(1, 9, 60));
      house.settle();
      assertThat(queue.statuses()).containsExactly(0);
      assertThat(house.sink.take()).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "5", "-1", "1x", "", " 1", "99999999999999999999", "0x1"})
  void refusesAnImpossibleNumberOfQueues(String number) {
    RawGuest guest = house.guest();
    guest.write("multi-queue-num-queues", number);
    refuses(guest, "multi-queue-num-queues");
    guest.write("multi-queue-num-queues", "1");
    connectsAndWorks(guest);
  }

  @Test
  void refusesTenThousandDigits() {
    RawGuest guest = house.guest();
    guest.write("multi-queue-num-queues", "1".repeat(10_000));
    refuses(guest, "multi-queue-num-queues");
  }

  @Test
  void takesOneQueueWithFlatKeys() {
    RawGuest guest = house.guest();
    guest.write("multi-queue-num-queues", "1");
    guest.write("queue-0/tx-ring-ref", "77");
    connectsAndWorks(guest);
  }

  @ParameterizedTest
  @CsvSource({
    "queue-3/tx-ring-ref",
    "queue-1/rx-ring-ref",
    "queue-2/event-channel-rx",
    "queue-0/event-channel-tx"
  })
  void namesTheKeyThatIsMissing(String key) {
    RawGuest guest = house.guest();
    guest.useQueues(4);
    guest.remove(key);
    refuses(guest, key);
    guest.publishRings();
    connectsAndWorks(guest);
  }

  @ParameterizedTest
  @CsvSource({
    "tx-ring-ref,-1",
    "tx-ring-ref,4294967296",
    "rx-ring-ref,abc",
    "rx-ring-ref,''",
    "event-channel-tx,0",
    "event-channel-rx,-7",
    "event-channel-rx,99999999999",
    "feature-sg,yes",
    "feature-rx-notify,-1",
    "request-rx-copy,0",
    "request-rx-copy,x"
  })
  void namesTheKeyThatIsNonsense(String key, String value) {
    RawGuest guest = house.guest();
    String good = house.store.read("/local/domain/1/device/vif/0/" + key).orElseThrow();
    guest.write(key, value);
    refuses(guest, key);
    guest.write(key, good);
    connectsAndWorks(guest);
  }

  @ParameterizedTest
  @CsvSource({
    "queue-1/tx-ring-ref,queue-0/tx-ring-ref",
    "queue-1/rx-ring-ref,queue-0/tx-ring-ref",
    "queue-0/rx-ring-ref,queue-0/tx-ring-ref",
    "queue-1/event-channel-tx,queue-0/event-channel-tx",
    "queue-1/event-channel-rx,queue-1/event-channel-tx",
    "queue-1/event-channel-tx,queue-0/event-channel-rx"
  })
  void refusesWhatIsNamedTwice(String key, String other) {
    RawGuest guest = house.guest();
    guest.useQueues(2);
    guest.write(key, house.store.read("/local/domain/1/device/vif/0/" + other).orElseThrow());
    refuses(guest, other);
    guest.publishRings();
    connectsAndWorks(guest);
  }

  @Test
  void judgesAllKeysBeforeItMapsAnything() {
    RawGuest guest = house.guest();
    guest.useQueues(4);
    guest.remove("queue-3/event-channel-rx");
    untilFailure.set(0);
    refuses(guest, "queue-3/event-channel-rx");
  }

  @Test
  void refusesReferencesThatAreNotGrantedToIt() {
    RawGuest guest = house.guest();
    MemorySegment memory = guest.domain.memory().allocate(1);
    for (int gref :
        new int[] {
          guest.domain.memory().grant(memory, 5, false),
          guest.domain.memory().grant(memory, 0, true),
          2047,
          2 // reserved, and granted by nobody: 0 is the console's
        }) {
      guest.write("rx-ring-ref", Integer.toString(gref));
      refuses(guest, "rx-ring-ref");
    }
    guest.publishRings();
    connectsAndWorks(guest);
  }

  @Test
  void refusesAChannelThatIsNotOfferedToIt() {
    RawGuest guest = house.guest();
    guest.write("event-channel-rx", "400");
    refuses(guest, "event-channel-rx");
    guest.publishRings();
    connectsAndWorks(guest);
  }

  /// Three queues and a control ring need seven pages and seven channels; each of the fourteen
  /// steps fails in turn.
  @Test
  void undoesEverythingWhicheverStepFails() {
    RawGuest guest = house.guest();
    guest.useQueues(3);
    guest.ctrl();
    for (int step = 0; step < 14; step++) {
      untilFailure.set(step);
      refuses(guest, "step failed");
      assertThat(mapped).hasValue(0);
      assertThat(bound).hasValue(0);
      house.settle();
      assertThat(house.vswitch.network("default").ports()).hasSize(1);
    }
    untilFailure.set(14);
    connectsAndWorks(guest);
    assertThat(mapped).hasValue(7);
    assertThat(bound).hasValue(7);
  }

  @Test
  void disconnectsWheneverItIsAsked() {
    RawGuest guest = house.guest();
    guest.vif.disconnect();
    guest.vif.disconnect();
    guest.connect();
    guest.vif.disconnect();
    guest.vif.disconnect();
    assertThat(guest.isUnmapped()).isTrue();
    guest.vif.remove();
    assertThat(mapped).hasValue(0);
    assertThat(bound).hasValue(0);
  }

  /// XSA-331, 441: events that were under way when the device went.
  @Test
  void ignoresEventsAndTasksOfADeviceThatHasGone() {
    RawGuest guest = house.guest().connect();
    guest.queue().send(Frames.udp(1, 9, 60));
    guest.queue().txChannel.notifyPeer();
    guest.queue().rxChannel.notifyPeer();
    guest.vif.disconnect();
    house.settle();
    assertThat(house.sink.take()).isEmpty();
    assertThat(guest.failures).isEmpty();
    assertThat(guest.isUnmapped()).isTrue();
  }

  private boolean fails() {
    return untilFailure.getAndDecrement() == 0;
  }

  private final class FailingGrantTable implements GrantTable {
    private final GrantTable grants;

    FailingGrantTable(GrantTable grants) {
      this.grants = grants;
    }

    @Override
    public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
      if (fails()) {
        throw new GrantException(domid, grefs[0], GrantStatus.GENERAL_ERROR, "step failed");
      }
      GrantMapping mapping = grants.map(domid, grefs, readOnly);
      mapped.incrementAndGet();
      AtomicInteger open = new AtomicInteger(1);
      return new GrantMapping() {
        @Override
        public MemorySegment memory() {
          return mapping.memory();
        }

        @Override
        public void close() {
          mapped.addAndGet(-open.getAndSet(0));
          mapping.close();
        }
      };
    }

    @Override
    public GrantCopies copies(int capacity) {
      return grants.copies(capacity);
    }
  }

  private final class FailingEventChannels implements EventChannels {
    private final EventChannels events;

    FailingEventChannels(EventChannels events) {
      this.events = events;
    }

    @Override
    public EventChannel bind(int domid, int port, EventLoop loop, EventHandler handler)
        throws IOException {
      if (fails()) {
        throw new IOException("step failed");
      }
      EventChannel channel = events.bind(domid, port, loop, handler);
      bound.incrementAndGet();
      AtomicInteger open = new AtomicInteger(1);
      return new EventChannel() {
        @Override
        public int port() {
          return channel.port();
        }

        @Override
        public void notifyPeer() {
          channel.notifyPeer();
        }

        @Override
        public void close() {
          bound.addAndGet(-open.getAndSet(0));
          channel.close();
        }
      };
    }

    @Override
    public EventChannel allocate(int domid, EventLoop loop, EventHandler handler)
        throws IOException {
      return events.allocate(domid, loop, handler);
    }
  }
}
