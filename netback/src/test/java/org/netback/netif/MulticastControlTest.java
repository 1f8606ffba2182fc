package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MulticastRow;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.store.StoreException;

/// "feature-multicast-control" of io/netif.h: the guest's own list of groups.
final class MulticastControlTest {
  private static final int OKAY = TxResponse.OKAY;
  private static final int ERROR = TxResponse.ERROR;
  private static final int NULL = TxResponse.NULL;
  private static final long GROUP = 0x0100_5e01_0203L;
  private static final long OTHER = 0x0100_5e01_0204L;
  private static final long BROADCAST = 0xffff_ffff_ffffL;
  private static final String REQUEST = "request-multicast-control";

  private final House house = new House();
  private RawGuest guest;
  private RawGuest sender;

  @BeforeEach
  void connect() {
    guest = house.guest(-10);
    sender = house.guest().connect();
  }

  @AfterEach
  void close() {
    house.close();
  }

  private void put(ExtraInfo extra) {
    guest.queue().put(new TxRequest(0, 0, TxRequest.EXTRA_INFO, 7, 0));
    guest.queue().put(extra);
    guest.queue().push();
    house.settle();
  }

  private List<Integer> add(long address) {
    put(new ExtraInfo.McastAdd(0, address));
    return guest.queue().statuses();
  }

  private List<Integer> remove(long address) {
    put(new ExtraInfo.McastDel(0, address));
    return guest.queue().statuses();
  }

  private void request(String value) {
    guest.write(REQUEST, value);
    refresh();
  }

  private void refresh() {
    try {
      guest.vif.refresh();
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }

  /// Which of these destinations get to the guest.
  private List<Long> passed(long... destinations) {
    guest.queue().post(Math.min(20, guest.queue().rx.freeRequests()));
    for (long destination : destinations) {
      byte[] frame = Frames.udp(1, 2, 100);
      for (int i = 0; i < 6; i++) {
        frame[i] = (byte) (destination >>> 40 - 8 * i);
      }
      frame[12] = (byte) 0x88;
      frame[13] = (byte) 0xb5;
      sender.queue().send(frame);
    }
    house.settle();
    List<Long> passed = new ArrayList<>();
    for (RawGuest.Received received : guest.queue().receive()) {
      long destination = 0;
      for (int i = 0; i < 6; i++) {
        destination = destination << 8 | received.octets()[i] & 0xff;
      }
      passed.add(destination);
    }
    return passed;
  }

  @Test
  void getsOnlyWhatItHasListedIfTheListIsRequestedBeforeItConnects() {
    guest.write(REQUEST, "1");
    guest.connect();
    assertThat(passed(GROUP, OTHER, BROADCAST)).containsExactly(BROADCAST);
    assertThat(add(GROUP)).containsExactly(OKAY, NULL);
    assertThat(passed(GROUP, OTHER, BROADCAST)).containsExactly(GROUP, BROADCAST);
    assertThat(remove(GROUP)).containsExactly(OKAY, NULL);
    assertThat(passed(GROUP, OTHER, BROADCAST)).containsExactly(BROADCAST);
    assertThat(guest.statistics().drops()).isEqualTo(Map.of(DropReason.NOT_A_MEMBER, 5L));
    assertThat(guest.statistics().multicastControl()).isTrue();
    assertThat(guest.tx().multicastRequests()).isEqualTo(2);
    assertThat(guest.failures).isEmpty();
  }

  @Test
  void amendsTheListWhileItIsNotApplied() {
    guest.connect();
    assertThat(add(GROUP)).containsExactly(OKAY, NULL);
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP, OTHER);
    request("1");
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP);
    request("0");
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP, OTHER);
    request("1");
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP);
    guest.remove(REQUEST);
    refresh();
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP, OTHER);
  }

  @Test
  void eightThatHaveListedAGroupGetAllOfItAndTheNinthNothing() {
    List<RawGuest> members = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      RawGuest member = house.guest();
      member.write(REQUEST, "1");
      member.connect();
      member.queue().post(200);
      members.add(member);
      if (i < 8) {
        member.queue().put(new TxRequest(0, 0, TxRequest.EXTRA_INFO, 7, 0));
        member.queue().put(new ExtraInfo.McastAdd(0, GROUP));
        member.queue().push();
      }
    }
    house.settle();
    Carrier carrier = new Carrier(house.sinkPort);
    for (int i = 0; i < 150; i++) {
      carrier.send(GROUP);
    }
    carrier.close();
    house.settle();
    for (RawGuest member : members.subList(0, 8)) {
      assertThat(member.queue().receive()).hasSize(150);
    }
    assertThat(members.get(8).queue().receive()).isEmpty();
  }

  @Test
  void unicastIsNotConcerned() {
    guest.write(REQUEST, "1");
    guest.connect();
    assertThat(passed(0x0200_0000_0002L)).hasSize(1);
  }

  @Test
  void refusesAnAddressTooManyAndTakesItWhenThereIsRoom() {
    guest.connect();
    for (int i = 0; i < 64; i++) {
      assertThat(add(GROUP + i)).containsExactly(OKAY, NULL);
    }
    assertThat(add(GROUP + 64)).containsExactly(ERROR, NULL);
    assertThat(guest.tx().rejected()).isEqualTo(Map.of(TxOutcome.MULTICAST_LIST_FULL, 1L));
    // One that is listed is no second one.
    assertThat(add(GROUP + 63)).containsExactly(OKAY, NULL);
    assertThat(remove(GROUP + 100)).containsExactly(OKAY, NULL);
    assertThat(remove(GROUP + 5)).containsExactly(OKAY, NULL);
    assertThat(add(GROUP + 64)).containsExactly(OKAY, NULL);
    request("1");
    assertThat(passed(GROUP + 5, GROUP + 64, GROUP + 63)).containsExactly(GROUP + 64, GROUP + 63);
  }

  @Test
  void ofAnAddAndADelInOneRequestTheAddCounts() {
    guest.write(REQUEST, "1");
    guest.connect();
    guest.queue().put(new TxRequest(0, 0, TxRequest.EXTRA_INFO, 7, 0));
    guest.queue().put(new ExtraInfo.McastAdd(ExtraInfo.FLAG_MORE, GROUP));
    guest.queue().put(new ExtraInfo.McastDel(0, GROUP));
    guest.queue().push();
    house.settle();
    assertThat(guest.queue().statuses()).containsExactly(OKAY, NULL, NULL);
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP);
  }

  @Test
  void forgetsTheListWhenItDisconnects() {
    guest.write(REQUEST, "1");
    guest.connect();
    add(GROUP);
    guest.vif.disconnect();
    house.settle();
    assertThat(house.vswitch.network("default").groups())
        .extracting(MulticastRow::port)
        .doesNotContain(guest.id.toString());
    guest.resetRings();
    guest.connect();
    assertThat(passed(GROUP, OTHER, BROADCAST)).containsExactly(BROADCAST);
  }

  @Test
  void nonsenseInTheKeyIsNoRequestAndCostsNobodyTheDevice() {
    for (String value :
        List.of("", "-1", "1x", " 1", "yes", "1\0", "9".repeat(10_000), "1".repeat(10))) {
      guest.write(REQUEST, value);
      guest.connect();
      assertThat(passed(GROUP)).as(value).containsExactly(GROUP);
      guest.vif.disconnect();
      house.settle();
      guest.resetRings();
    }
    guest.write(REQUEST, "7");
    guest.connect();
    assertThat(passed(GROUP)).isEmpty();
    assertThat(guest.failures).isEmpty();
  }

  /// XSA-349 was a queue of such changes; here there is none, whatever their number.
  @Test
  void togglingTheKeyKeepsNothing() {
    guest.connect();
    add(GROUP);
    for (int i = 0; i <= 100_000; i++) {
      guest.write(REQUEST, i % 2 == 0 ? "1" : "0");
      refresh();
    }
    house.settle();
    assertThat(passed(GROUP, OTHER)).containsExactly(GROUP);
  }

  /// CVE-2026-100081 was a list that was freed while frames were still matched against it.
  @Test
  void groupsAreMatchedWhileTheGuestListsThemAndDisconnects() throws Exception {
    guest.write(REQUEST, "1");
    guest.connect();
    AtomicBoolean done = new AtomicBoolean();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    AtomicLong sent = new AtomicLong();
    House own = house;
    Thread matcher =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    Carrier carrier = new Carrier(own.sinkPort);
                    while (!done.get()) {
                      carrier.send(GROUP);
                      sent.incrementAndGet();
                    }
                    carrier.close();
                  } catch (Throwable e) {
                    failure.set(e);
                  }
                });
    try {
      for (int i = 0; i < 100; i++) {
        guest.queue().post(Math.min(100, guest.queue().rx.freeRequests()));
        assertThat(add(GROUP)).containsExactly(OKAY, NULL);
        remove(GROUP);
        add(GROUP);
        long before = sent.get();
        while (sent.get() - before < 2 && failure.get() == null) {
          Thread.onSpinWait();
        }
        guest.vif.disconnect();
        house.settle();
        guest.resetRings();
        guest.connect();
      }
    } finally {
      done.set(true);
      matcher.join();
    }
    assertThat(failure.get()).isNull();
    assertThat(guest.failures).isEmpty();
    assertThat(guest.statistics().egressFrames()).isPositive();
  }
}
