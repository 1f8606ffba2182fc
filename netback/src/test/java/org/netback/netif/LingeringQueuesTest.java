package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.store.StoreException;

/// Queues whose loop looks at their rings without having been notified.
final class LingeringQueuesTest {
  private final House house = new House();
  private final RawGuest sender = house.guest().connect();
  private final RawGuest receiver = house.guest().connect();

  @AfterEach
  void close() {
    house.close();
  }

  private void send(int frames) {
    for (int i = 0; i < frames; i++) {
      sender.queue().send(Frames.udp(1, 2, 60));
    }
    house.settle();
  }

  /// Has the loop linger at the sender's ring.
  private void warmUp() {
    receiver.queue().post(200);
    house.loop.startLingering();
    send(1);
    assertThat(receiver.queue().receive()).hasSize(1);
    assertThat(sender.queue().statuses()).containsExactly(0);
  }

  @Test
  void takesRequestsWithoutBeingNotified() {
    warmUp();
    long events = sender.tx().events();
    send(3);
    assertThat(sender.tx().events()).isEqualTo(events);
    assertThat(receiver.queue().receive()).isEmpty();

    assertThat(house.loop.look()).isEqualTo(1);
    assertThat(sender.queue().statuses()).containsExactly(0, 0, 0);
    assertThat(receiver.queue().receive()).hasSize(3);
    assertThat(house.loop.look()).isZero();
    assertThat(sender.tx().events()).isEqualTo(events);
  }

  @Test
  void asksToBeNotifiedAgainWhenTheLoopRests() {
    warmUp();
    long events = sender.tx().events();
    assertThat(house.loop.rest()).isEqualTo(1);
    send(1);
    assertThat(sender.tx().events()).isEqualTo(events + 1);
    assertThat(receiver.queue().receive()).hasSize(1);
  }

  /// What comes between the last look and the rest is announced by nobody.
  @Test
  void missesNothingThatCameBeforeItRests() {
    warmUp();
    send(2);
    assertThat(house.loop.rest()).isEqualTo(1);
    house.settle();
    assertThat(receiver.queue().receive()).hasSize(2);
  }

  /// Else a guest could keep a loop awake by notifying.
  @Test
  void doesNotLingerForAnEventWithoutRequests() {
    house.loop.startLingering();
    sender.queue().txChannel.notifyPeer();
    sender.queue().rxChannel.notifyPeer();
    house.settle();
    assertThat(house.loop.rest()).isZero();
  }

  @Test
  void doesNotTouchAQueueThatHasEnded() {
    warmUp();
    send(1);
    sender.vif.disconnect();
    house.settle();
    assertThat(sender.isUnmapped()).isTrue();
    assertThat(house.loop.look()).isZero();
    assertThat(house.loop.rest()).isEqualTo(1);
    assertThat(sender.failures).isEmpty();
    assertThat(receiver.queue().receive()).isEmpty();
  }

  @Test
  void givesUpOnARingThatIsFoundBroken() {
    warmUp();
    sender.queue().txPage.memory().set(ValueLayout.JAVA_INT, 0, 4711);
    house.loop.look();
    house.settle();
    assertThat(sender.failures).singleElement().asString().contains("req_prod");
    assertThat(house.loop.look()).isZero();
  }

  /// The same, found when the loop rests.
  @Test
  void givesUpOnARingThatIsFoundBrokenAtTheEnd() {
    warmUp();
    sender.queue().txPage.memory().set(ValueLayout.JAVA_INT, 0, 4711);
    house.loop.rest();
    house.settle();
    assertThat(sender.failures).singleElement().asString().contains("req_prod");
  }

  @Test
  void deliversWhatWaitsWithoutBeingNotifiedOfBuffers() {
    send(20);
    assertThat(receiver.rx().backlogFrames()).isEqualTo(20);
    house.loop.startLingering();
    receiver.queue().post(5);
    house.settle();
    assertThat(receiver.queue().receive()).hasSize(5);
    long events = receiver.rx().events();

    receiver.queue().post(5);
    house.settle();
    assertThat(receiver.rx().events()).isEqualTo(events);
    assertThat(receiver.queue().receive()).isEmpty();
    assertThat(house.loop.look()).isEqualTo(1);
    assertThat(receiver.queue().receive()).hasSize(5);

    assertThat(house.loop.rest()).isEqualTo(1);
    receiver.queue().post(10);
    house.settle();
    assertThat(receiver.rx().events()).isEqualTo(events + 1);
    assertThat(receiver.queue().receive()).hasSize(10);
    assertThat(receiver.rx().backlogFrames()).isZero();
  }

  /// A guest that is over its rate waits for its credit, however often its ring is looked at.
  @Test
  void takesNothingOverTheRate() throws StoreException {
    sender.writeBackend("rate", "1,1000000");
    sender.vif.refresh();
    house.settle();
    warmUp();
    for (int i = 0; i < 100; i++) {
      sender.queue().send(Frames.udp(1, 2, 1500));
    }
    for (int i = 0; i < 100; i++) {
      house.loop.look();
    }
    // As much as may be sent at once: 128 KiB.
    assertThat(sender.queue().statuses()).hasSizeBetween(86, 89);
    assertThat(sender.tx().throttled()).isPositive();
    assertThat(house.loop.look()).isZero();
  }

  @Test
  void answersEveryRequestOfAFullRing() {
    warmUp();
    for (int i = 0; i < 250; i++) {
      sender.queue().put(new TxRequest(0x00ff_ffff, 0, 0, i, 60));
    }
    sender.queue().push();
    int looks = 0;
    while (house.loop.look() > 0) {
      looks++;
    }
    assertThat(looks).isGreaterThan(1);
    assertThat(sender.queue().statuses()).hasSize(250).containsOnly(-1);
  }
}
