package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;

/// A device of a class of the test's own: `a-ring-ref`, `queue-0/event-channel`, and a feature.
class FrontendTest {
  private final HandDevice device = new HandDevice("vtest", 0);
  private final Driver driver = new Driver();
  private final List<String> heard = new ArrayList<>();
  private final Frontend frontend =
      new Frontend(
          device.front,
          device.memory,
          device.channels,
          device.store,
          device.loop,
          driver,
          new FrontendListener() {
            @Override
            public void disconnected() {
              heard.add("disconnected");
            }

            @Override
            public void refused(String message) {
              heard.add("refused: " + message);
            }

            @Override
            public void failed(String message) {
              heard.add("failed: " + message);
            }
          });

  /// Keeps the offer of its last connection, and lets go of it when the test says so.
  private final class Driver implements FrontendDriver {
    final List<String> called = new ArrayList<>();
    final List<Offer> offers = new ArrayList<>();
    final List<Runnable> leaving = new ArrayList<>();
    Optional<RuntimeException> fault = Optional.empty();
    Optional<RuntimeException> faultWhenPublished = Optional.empty();

    @Override
    public XenbusState whenPublished() {
      return XenbusState.INITIALISED;
    }

    @Override
    public FrontendConnection connect(BackendKeys backend, Offer offer) throws IOException {
      offers.add(offer);
      offer.ref("a-ring-ref", offer.pages(1, false), 0);
      offer.port("queue-0/event-channel", offer.channel(device.loop, () -> true));
      backend.require("feature-must");
      offer.flag("feature-may", backend.flag("feature-may"));
      offer.key("protocol", "x86_64-abi");
      if (fault.isPresent()) {
        throw fault.get();
      }
      return new FrontendConnection() {
        @Override
        public void published() {
          called.add("published");
          if (faultWhenPublished.isPresent()) {
            throw faultWhenPublished.get();
          }
        }

        @Override
        public void connected(BackendKeys keys) throws IOException {
          if (fault.isPresent()) {
            throw fault.get();
          }
          called.add("connected, " + keys.number("sectors", 0) + " sectors");
        }

        @Override
        public void disconnect(Runnable done) {
          called.add("disconnect");
          leaving.add(done);
        }
      };
    }
  }

  private void start() {
    device.store.write(device.back + "/feature-must", "1");
    frontend.start();
    device.loop.runReady();
    device.enter(XenbusState.INIT_WAIT);
  }

  private void letGo() {
    driver.leaving.removeFirst().run();
    device.loop.runReady();
  }

  private void allIsGivenBack() {
    assertThat(device.memory.pagesInUse).isZero();
    assertThat(device.memory.grants).isEmpty();
    assertThat(device.channels.open).isEmpty();
  }

  @Test
  void entersInitialisedWithItsKeysAndConnectedAfterItsBackend() {
    start();

    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
    assertThat(device.store.directory(device.front))
        .containsExactlyInAnyOrder(
            "backend", "backend-id", "state", "a-ring-ref", "queue-0", "protocol");
    assertThat(device.store.transactions).isEqualTo(1);
    assertThat(driver.called).containsExactly("published");

    device.store.write(device.back + "/sectors", "8");
    device.enter(XenbusState.CONNECTED);
    assertThat(device.frontState()).isEqualTo(XenbusState.CONNECTED);
    assertThat(driver.called).containsExactly("published", "connected, 8 sectors");
    assertThat(heard).isEmpty();
  }

  @Test
  void removesKeysOfAConnectionBeforeThisOne() {
    for (String old : List.of("ring-ref1", "queue-1/tx-ring-ref", "event-channel-tx")) {
      device.store.write(device.front + '/' + old, "1");
    }
    device.store.write(device.front + "/feature-may", "1");
    device.store.write(device.front + "/mac", "kept");
    start();

    assertThat(device.store.directory(device.front))
        .containsExactlyInAnyOrder(
            "backend", "backend-id", "state", "a-ring-ref", "queue-0", "protocol", "mac");
  }

  @Test
  void publishesNothingToABackendWithoutWhatItNeeds() {
    frontend.start();
    device.loop.runReady();
    device.enter(XenbusState.INIT_WAIT);

    assertThat(heard)
        .containsExactly(
            "failed: " + device.back + "/feature-must is not 1, no other way is known");
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISING);
    assertThat(device.store.directory(device.front)).hasSize(3);
    allIsGivenBack();

    // Announced anew, with it.
    device.store.write(device.back + "/feature-must", "1");
    device.enter(XenbusState.INIT_WAIT);
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
  }

  @Test
  void givesUpABackendWhoseKeysMakeNoSenseWhenItIsConnected() {
    start();
    device.store.write(device.back + "/sectors", "many");
    device.enter(XenbusState.CONNECTED);

    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
    assertThat(heard).singleElement().asString().startsWith("failed: ").contains("sectors");
    letGo();
    allIsGivenBack();

    device.enter(XenbusState.CLOSING);
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSED);
  }

  @Test
  void aFaultOfTheDriversEndsItsOfferAndIsRecorded() {
    driver.fault = Optional.of(new NoSuchElementException("no feature"));
    assertThatThrownBy(this::start).hasRootCauseMessage("no feature");
    assertThat(heard)
        .containsExactly("failed: internal error: java.util.NoSuchElementException: no feature");
    assertThat(device.loop.errors().count()).isEqualTo(1);
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISING);
    allIsGivenBack();
  }

  /// Its rings may be running already, in pages that are not free before they have ended.
  @Test
  void aFaultOfTheDriversWhenItHasPublishedEndsTheConnection() {
    driver.faultWhenPublished = Optional.of(new NoSuchElementException("no queue"));
    assertThatThrownBy(this::start).hasRootCauseMessage("no queue");
    assertThat(driver.called).containsExactly("published", "disconnect");
    assertThat(device.memory.pagesInUse).isEqualTo(1);
    letGo();
    assertThat(heard)
        .containsExactly(
            "failed: "
                + device.front
                + ": internal error: java.util.NoSuchElementException: no queue",
            "disconnected");
    allIsGivenBack();
  }

  @Test
  void aFaultOfTheDriversWhenItIsConnectedEndsTheConnection() {
    start();
    driver.fault = Optional.of(new NoSuchElementException("no feature"));
    assertThatThrownBy(() -> device.enter(XenbusState.CONNECTED)).hasRootCauseMessage("no feature");
    assertThat(device.loop.errors().count()).isEqualTo(1);
    assertThat(driver.called).containsExactly("published", "disconnect");
    letGo();
    assertThat(heard)
        .containsExactly(
            "failed: "
                + device.front
                + ": internal error: java.util.NoSuchElementException: no feature",
            "disconnected");
    allIsGivenBack();
  }

  @Test
  void saysClosedWhenItsDriverHasLetGo() {
    start();
    device.enter(XenbusState.CONNECTED);
    device.enter(XenbusState.CLOSING);
    assertThat(device.frontState()).isEqualTo(XenbusState.CONNECTED);
    assertThat(device.memory.pagesInUse).isEqualTo(1);

    letGo();
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(heard).containsExactly("disconnected");
    allIsGivenBack();
  }

  /// The backend has taken the rings that were being let go of for published.
  @Test
  void beginsAnewWithABackendThatCameBackWhileItsDriverLetGo() {
    start();
    device.enter(XenbusState.CONNECTED);
    device.enter(XenbusState.CLOSED);
    device.enter(XenbusState.INIT_WAIT);
    device.enter(XenbusState.CONNECTED);
    letGo();
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISING);
    assertThat(driver.offers).hasSize(1);

    device.enter(XenbusState.CLOSED);
    device.enter(XenbusState.INIT_WAIT);
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
  }

  /// What it saw before may have gone: the backend has to let go of the rings first.
  @Test
  void looksOnceMoreBeforeItPublishesAnew() {
    start();
    device.enter(XenbusState.CONNECTED);
    device.enter(XenbusState.INIT_WAIT);
    device.store.write(device.back + "/state", XenbusState.CONNECTED.text());
    letGo();
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISING);
    assertThat(driver.offers).hasSize(1);
  }

  @Test
  void keepsPagesUntilTheBackendHasLetGoOfThem() {
    start();
    device.enter(XenbusState.CONNECTED);
    device.memory.allMapped = true;
    device.enter(XenbusState.CLOSING);
    letGo();
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(device.memory.pagesInUse).isEqualTo(1);

    device.memory.allMapped = false;
    device.enter(XenbusState.CLOSED);
    allIsGivenBack();
  }

  @Test
  void hearsOfAFailureOnceAndNotOfAnEarlierConnections() {
    start();
    device.enter(XenbusState.CONNECTED);
    driver.offers.getFirst().fail("the ring is broken");
    driver.offers.getFirst().fail("the ring is broken");
    device.loop.runReady();
    assertThat(heard).containsExactly("failed: " + device.front + ": the ring is broken");
    letGo();

    device.enter(XenbusState.CLOSED);
    device.enter(XenbusState.INIT_WAIT);
    driver.offers.getFirst().fail("late");
    device.loop.runReady();
    assertThat(heard).hasSize(2).last().isEqualTo("disconnected");
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
  }

  @Test
  void endsInStepWithItsBackend() {
    start();
    device.enter(XenbusState.CONNECTED);
    CompletableFuture<Void> done = frontend.shutDown();
    device.loop.runReady();
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSING);
    device.enter(XenbusState.CLOSING);
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSING);
    letGo();
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(done).isNotDone();

    device.enter(XenbusState.CLOSED);
    assertThat(done).isDone();
    assertThat(device.store.watches()).isZero();
    allIsGivenBack();
  }

  @Test
  void canBeAbandonedWhileItWaitsForABackendThatIsSilent() {
    start();
    CompletableFuture<Void> done = frontend.shutDown();
    device.loop.runReady();
    letGo();
    assertThat(done).isNotDone();

    assertThat(frontend.abandon()).isSameAs(done);
    device.loop.runReady();
    assertThat(done).isDone();
    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSING);
  }

  @Test
  void doesNothingAnyMoreIfItIsEndedBeforeItIsStarted() {
    CompletableFuture<Void> done = frontend.shutDown();
    frontend.start();
    device.loop.runReady();

    assertThat(done).isDone();
    assertThat(device.store.watches()).isZero();
  }
}
