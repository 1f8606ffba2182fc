package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.InternalErrors;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.InterposedGrantTable;

/// Bugs of ours, planted where a queue copies, in each kind of callback that comes there. The
/// device fails, and another on the same loop goes on.
final class DeviceFaultsTest {
  private final List<InternalErrors.Report> log = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(() -> 0, log::add);
  private final House house =
      new House(grants -> new InterposedGrantTable(grants, this::beforeCopy), errors);
  private final RawGuest bad = house.guest();
  private final RawGuest good = house.guest().connect();

  /// Copies until one throws; negative for none.
  private int copiesLeft = -1;

  private Throwable planted = new AssertionError("planted");

  private void beforeCopy() {
    if (copiesLeft >= 0 && copiesLeft-- == 0) {
      if (planted instanceof RuntimeException exception) {
        throw exception;
      }
      throw (Error) planted;
    }
  }

  @AfterEach
  void close() {
    house.close();
  }

  @ParameterizedTest
  @ValueSource(
      classes = {
        IllegalStateException.class,
        AssertionError.class,
        StackOverflowError.class,
        OutOfMemoryError.class,
        NoClassDefFoundError.class
      })
  void anEventHandlerThatThrows(Class<? extends Throwable> type) throws Exception {
    planted = type.getDeclaredConstructor().newInstance();
    bad.connect();
    copiesLeft = 0;
    bad.queue().send(Frames.udp(1, 2, 60));
    house.settle();

    assertFailedAlone();
  }

  /// Requests that were there before the connection are looked at by a task.
  @Test
  void aTaskThatThrows() {
    bad.queue().send(Frames.udp(1, 2, 60));
    copiesLeft = 0;
    bad.connect();

    assertFailedAlone();
  }

  @Test
  void aPollThatThrows() {
    bad.connect();
    house.loop.startLingering();
    bad.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    copiesLeft = 0;
    bad.queue().send(Frames.udp(1, 2, 60));
    house.loop.look();

    assertFailedAlone();
  }

  @Test
  void aRoundAfterAnArmingThatThrows() {
    bad.connect();
    bad.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    good.queue().send(Frames.udp(2, 1, 60));
    good.queue().send(Frames.udp(2, 1, 60));
    good.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    house.loop.startLingering();
    bad.queue().post(1);
    house.settle();
    bad.queue().post(2);
    copiesLeft = 0;
    assertThat(house.loop.rest()).isPositive();
    house.settle();

    assertFailedAlone();
  }

  @Test
  void aTimerThatThrows() {
    bad.remove("feature-rx-notify");
    bad.connect();
    bad.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    good.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    bad.queue().post(1);
    copiesLeft = 0;
    house.loop.advance(TimeUnit.MILLISECONDS.toNanos(2));

    assertFailedAlone();
  }

  /// On the sender's round, for which it must not pay.
  @Test
  void aTransmissionToItThatThrows() {
    bad.connect();
    bad.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    bad.queue().post(1);
    copiesLeft = 1;
    good.queue().send(Frames.udp(2, 1, 60));
    house.settle();

    assertThat(good.queue().statuses()).containsExactly(0);
    assertFailedAlone();
  }

  @Test
  void aClosingThatThrowsLeavesNothingMapped() {
    AtomicInteger closed = new AtomicInteger();
    try (House other =
        new House(UnaryOperator.identity(), events -> throwingAtClose(events, closed))) {
      RawGuest guest = other.guest();
      guest.ctrl();
      guest.useQueues(2);
      guest.connect();

      assertThatThrownBy(guest.vif::disconnect).hasMessage("planted 1");
      other.settle();

      // The control ring's channel and two of each queue.
      assertThat(closed).hasValue(5);
      assertThat(guest.isUnmapped()).isTrue();
      guest.vif.disconnect();
    }
  }

  private static EventChannels throwingAtClose(EventChannels events, AtomicInteger closed) {
    return interposed(
        EventChannels.class,
        events,
        (_, made) ->
            interposed(
                EventChannel.class,
                (EventChannel) made,
                (name, result) -> {
                  if (name.equals("close")) {
                    throw new AssertionError("planted " + closed.incrementAndGet());
                  }
                  return result;
                }));
  }

  /// Does what `inner` does, and then something with the result.
  private static <T> T interposed(
      Class<T> type, T inner, BiFunction<String, Object, Object> afterwards) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (_, method, arguments) -> {
              try {
                return afterwards.apply(method.getName(), method.invoke(inner, arguments));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }

  private void assertFailedAlone() {
    assertThat(bad.failures).containsExactly("internal error: " + log.getFirst().error());
    assertThat(log).extracting(InternalErrors.Report::owner).containsExactly("device vif1.0");
    assertThat(log.getFirst().error()).isSameAs(planted);
    assertThat(errors.count()).isEqualTo(1);

    copiesLeft = -1;
    house.sink.take();
    good.queue().responses();
    good.queue().send(Frames.udp(2, 3, 60));
    house.settle();
    assertThat(good.queue().statuses()).containsExactly(0);
    assertThat(house.sink.take()).hasSize(1);
    assertThat(good.failures).isEmpty();

    bad.vif.disconnect();
    house.settle();
    assertThat(bad.isUnmapped()).isTrue();
  }
}
