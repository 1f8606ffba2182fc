package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.xen.bus.XenbusState.CLOSED;
import static org.netback.xen.bus.XenbusState.CLOSING;
import static org.netback.xen.bus.XenbusState.CONNECTED;
import static org.netback.xen.bus.XenbusState.INITIALISED;
import static org.netback.xen.bus.XenbusState.INITIALISING;
import static org.netback.xen.bus.XenbusState.INIT_WAIT;
import static org.netback.xen.bus.XenbusState.UNKNOWN;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.frontends.FrontendLifecycle.Purpose;
import org.netback.xen.frontends.FrontendLifecycle.Rings;
import org.netback.xen.frontends.FrontendLifecycle.Step;
import org.netback.xen.frontends.FrontendLifecycle.View;

class FrontendLifecycleTest {
  private static final Set<XenbusState> GOING = EnumSet.of(CLOSING, CLOSED, UNKNOWN);

  /// What has become of a device, and what was done on the way.
  private record Rest(View view, List<Step> steps) {}

  @Test
  void waitsForTheBackendsInitWait() {
    for (XenbusState early : EnumSet.of(UNKNOWN, INITIALISING, CLOSED)) {
      assertThat(settle(view(early, INITIALISING, Rings.NONE)).steps()).isEmpty();
    }
    assertThat(settle(announced(INITIALISING, Rings.NONE)).steps()).containsExactly(Step.CONNECT);
  }

  @Test
  void triesAnAnnouncementOnceAndAgainWhenItIsMadeAgain() {
    View tried = announced(INITIALISING, Rings.NONE).tried();

    assertThat(settle(tried).steps()).isEmpty();
    assertThat(settle(tried.withBackend(INIT_WAIT)).steps()).containsExactly(Step.CONNECT);
  }

  @Test
  void takesNoNoticeOfAnInitWaitThatItHasAnswered() {
    View offered = settle(announced(INITIALISING, Rings.NONE)).view();

    assertThat(offered.withBackend(INIT_WAIT)).isEqualTo(offered);
  }

  @Test
  void entersConnectedWhenTheBackendIs() {
    for (XenbusState published : EnumSet.of(INITIALISED, CONNECTED)) {
      Rest rest = settle(view(CONNECTED, published, Rings.OFFERED));

      assertThat(rest.steps()).containsExactly(Step.ENTER_CONNECTED);
      assertThat(rest.view()).isEqualTo(view(CONNECTED, CONNECTED, Rings.IN_USE));
    }
  }

  @Test
  void beginsAnewWithABackendThatForgotItsRings() {
    for (Rings rings : EnumSet.of(Rings.OFFERED, Rings.IN_USE)) {
      assertThat(settle(announced(CONNECTED, rings)).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_INITIALISING, Step.CONNECT);
    }
  }

  @Test
  void closesWithItsBackend() {
    for (XenbusState going : EnumSet.of(CLOSING, UNKNOWN)) {
      assertThat(settle(view(going, CONNECTED, Rings.IN_USE)).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSED);
      assertThat(settle(view(going, INITIALISED, Rings.OFFERED)).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSED);
    }
    assertThat(settle(view(CLOSING, INITIALISING, Rings.NONE)).steps())
        .containsExactly(Step.ENTER_CLOSED);
  }

  @Test
  void offersADeviceAnewThatItsBackendHasClosed() {
    assertThat(settle(view(CLOSED, CONNECTED, Rings.IN_USE)).steps())
        .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSED, Step.REOPEN);
  }

  @Test
  void beginsAnewAtOnceWhenTheBackendIsBackBefore() {
    assertThat(settle(announced(CLOSED, Rings.NONE)).steps())
        .containsExactly(Step.ENTER_INITIALISING, Step.CONNECT);
  }

  /// It would wait for ever for a backend that waits for rings which nobody holds.
  @Test
  void beginsAnewWhenABackendHasComeBackWhileItLetGoOfItsRings() {
    View leaving = view(CLOSED, CONNECTED, Rings.LEAVING);

    assertThat(settle(leaving.withBackend(INIT_WAIT).withBackend(CONNECTED)).steps())
        .containsExactly(Step.ENTER_INITIALISING);
  }

  @Test
  void triesNothingWithABackendThatItHasGivenUp() {
    View givenUp = view(CONNECTED, CONNECTED, Rings.GIVEN_UP);

    assertThat(settle(givenUp).steps()).isEmpty();
    assertThat(settle(givenUp.withBackend(CLOSING)).steps()).containsExactly(Step.ENTER_CLOSED);
    assertThat(settle(givenUp.withBackend(INIT_WAIT)).steps())
        .containsExactly(Step.ENTER_INITIALISING, Step.CONNECT);
    assertThat(settle(givenUp.withPurpose(Purpose.ABANDON)).steps()).containsExactly(Step.END);
  }

  @Test
  void closesInStepWhenTheGuestWantsIt() {
    Rest closing = settle(view(CONNECTED, CONNECTED, Rings.IN_USE).withPurpose(Purpose.CLOSE));
    assertThat(closing.steps()).containsExactly(Step.ENTER_CLOSING, Step.DISCONNECT);

    Rest closed = settle(closing.view().withBackend(CLOSING));
    assertThat(closed.steps()).containsExactly(Step.ENTER_CLOSED);

    assertThat(settle(closed.view().withBackend(CLOSED)).steps()).containsExactly(Step.END);
  }

  @Test
  void doesNotWaitForABackendThatIsGone() {
    for (XenbusState gone : EnumSet.of(CLOSED, UNKNOWN)) {
      assertThat(settle(view(gone, INITIALISING, Rings.NONE).withPurpose(Purpose.CLOSE)).steps())
          .containsExactly(Step.ENTER_CLOSING, Step.ENTER_CLOSED, Step.END);
    }
  }

  @Test
  void saysThatItClosesEvenWhileItsRingsAreLeaving() {
    View leaving = view(CLOSING, CONNECTED, Rings.LEAVING).withPurpose(Purpose.CLOSE);

    assertThat(FrontendLifecycle.next(leaving)).isEqualTo(Step.ENTER_CLOSING);
    assertThat(FrontendLifecycle.next(leaving.withOwn(CLOSING))).isEqualTo(Step.NOTHING);
  }

  @Test
  void wantsNoLessOfAnEndThanItHasWanted() {
    View abandoned = view(CONNECTED, CONNECTED, Rings.IN_USE).withPurpose(Purpose.ABANDON);

    assertThat(abandoned.withPurpose(Purpose.CLOSE)).isEqualTo(abandoned);
    assertThat(settle(abandoned).steps()).containsExactly(Step.DISCONNECT, Step.END);
  }

  @Test
  void refusesAnAnnouncementByABackendThatIsNotInInitWait() {
    assertThatThrownBy(() -> new View(CONNECTED, INITIALISING, Rings.NONE, true, Purpose.SERVE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /// Every view there is comes to rest, and keeps the rules on the way.
  @Test
  void neverBreaksARuleFromWhateverItFinds() {
    int views = 0;
    for (XenbusState backend : XenbusState.values()) {
      for (XenbusState own : XenbusState.values()) {
        for (Rings rings : Rings.values()) {
          for (Purpose purpose : Purpose.values()) {
            settle(new View(backend, own, rings, false, purpose));
            views++;
            if (backend == INIT_WAIT) {
              settle(new View(backend, own, rings, true, purpose));
              views++;
            }
          }
        }
      }
    }
    assertThat(views).isEqualTo((9 + 1) * 9 * 5 * 3);
  }

  private static Rest settle(View from) {
    View view = from;
    List<Step> steps = new ArrayList<>();
    while (true) {
      Step step = FrontendLifecycle.next(view);
      if (step == Step.NOTHING && view.rings() == Rings.LEAVING) {
        view = view.withRings(Rings.NONE);
        continue;
      }
      if (step == Step.NOTHING) {
        break;
      }
      steps.add(step);
      assertThat(steps).as("steps from %s", from).hasSizeLessThan(6);
      judge(view, step);
      if (step == Step.END || step == Step.REOPEN) {
        break;
      }
      view = after(view, step);
    }
    atRest(view, steps);
    return new Rest(view, steps);
  }

  private static void judge(View view, Step step) {
    boolean none = view.rings() == Rings.NONE || view.rings() == Rings.GIVEN_UP;
    boolean allowed =
        switch (step) {
          case NOTHING -> true;
          case ENTER_INITIALISING ->
              none
                  && view.purpose() == Purpose.SERVE
                  && view.own() != INITIALISING
                  && (view.announced() || view.own() != CLOSED);
          case CONNECT ->
              none
                  && view.purpose() == Purpose.SERVE
                  && view.own() == INITIALISING
                  && view.backend() == INIT_WAIT;
          case ENTER_CONNECTED ->
              view.rings() == Rings.OFFERED
                  && view.purpose() == Purpose.SERVE
                  && view.backend() == CONNECTED;
          case DISCONNECT -> view.rings() == Rings.OFFERED || view.rings() == Rings.IN_USE;
          case ENTER_CLOSING -> view.purpose() == Purpose.CLOSE;
          // Only without rings may the backend believe that it can take them away.
          case ENTER_CLOSED ->
              none && GOING.contains(view.backend()) && view.purpose() != Purpose.ABANDON;
          case REOPEN ->
              view.backend() == CLOSED
                  && view.own() == CLOSED
                  && none
                  && view.purpose() == Purpose.SERVE;
          case END -> none && view.purpose() != Purpose.SERVE;
        };
    assertThat(allowed).as("%s at %s", step, view).isTrue();
  }

  /// A frontend at rest awaits something that its backend will do.
  private static void atRest(View view, List<Step> steps) {
    boolean over = !steps.isEmpty() && steps.getLast() == Step.END;
    boolean closed = view.backend() == CLOSED || view.backend() == UNKNOWN;
    boolean free = view.own() == CLOSED || view.own() == INITIALISING;
    boolean sound =
        switch (view.purpose()) {
          case ABANDON -> over;
          // The backend is asked to close, and has not closed yet.
          case CLOSE -> over || !closed && (view.own() == CLOSING || view.own() == CLOSED);
          case SERVE ->
              switch (view.rings()) {
                case OFFERED, IN_USE -> !GOING.contains(view.backend());
                case NONE -> free;
                case GIVEN_UP -> free || !GOING.contains(view.backend());
                case LEAVING -> false;
              };
        };
    assertThat(sound).as("at rest: %s after %s", view, steps).isTrue();
  }

  private static View after(View view, Step step) {
    return switch (step) {
      case NOTHING, REOPEN, END -> view;
      case ENTER_INITIALISING -> view.withOwn(INITIALISING);
      case CONNECT -> view.tried().withRings(Rings.OFFERED).withOwn(INITIALISED);
      case ENTER_CONNECTED -> view.withRings(Rings.IN_USE).withOwn(CONNECTED);
      case DISCONNECT -> view.withRings(Rings.LEAVING);
      case ENTER_CLOSING -> view.withOwn(CLOSING);
      case ENTER_CLOSED -> view.withOwn(CLOSED);
    };
  }

  private static View view(XenbusState backend, XenbusState own, Rings rings) {
    return new View(backend, own, rings, false, Purpose.SERVE);
  }

  /// A backend has just entered InitWait.
  private static View announced(XenbusState own, Rings rings) {
    return new View(INIT_WAIT, own, rings, true, Purpose.SERVE);
  }
}
