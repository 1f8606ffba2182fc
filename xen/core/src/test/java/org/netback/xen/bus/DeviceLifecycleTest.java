package org.netback.xen.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.xen.bus.XenbusState.CLOSED;
import static org.netback.xen.bus.XenbusState.CLOSING;
import static org.netback.xen.bus.XenbusState.CONNECTED;
import static org.netback.xen.bus.XenbusState.INITIALISED;
import static org.netback.xen.bus.XenbusState.INITIALISING;
import static org.netback.xen.bus.XenbusState.INIT_WAIT;
import static org.netback.xen.bus.XenbusState.RECONFIGURING;
import static org.netback.xen.bus.XenbusState.UNKNOWN;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.netback.xen.bus.DeviceLifecycle.Step;
import org.netback.xen.bus.DeviceLifecycle.View;

class DeviceLifecycleTest {
  private static final Set<XenbusState> ALL = EnumSet.complementOf(EnumSet.of(UNKNOWN));

  /// What has become of a device, and what was done on the way.
  private record Rest(View view, List<Step> steps) {}

  @Test
  void announcesANewDeviceAndWaitsForItsFrontend() {
    Rest rest = settle(fresh(INITIALISING, INITIALISING));

    assertThat(rest.steps()).containsExactly(Step.ANNOUNCE);
    assertThat(rest.view().backend()).isEqualTo(INIT_WAIT);
  }

  @Test
  void waitsForAFrontendDirectoryThatIsStillBeingMade() {
    assertThat(settle(fresh(INITIALISING, UNKNOWN)).steps()).isEmpty();
  }

  @Test
  void connectsWhenTheFrontendHasPublishedItsRings() {
    for (XenbusState ready : EnumSet.of(INITIALISED, CONNECTED)) {
      Rest rest = settle(known(INIT_WAIT, ready, false));

      assertThat(rest.steps()).containsExactly(Step.CONNECT, Step.ENTER_CONNECTED);
    }
  }

  @Test
  void connectsAFrontendThatSkippedStates() {
    assertThat(settle(fresh(INITIALISING, CONNECTED)).steps())
        .containsExactly(Step.ANNOUNCE, Step.CONNECT, Step.ENTER_CONNECTED);
    assertThat(settle(known(CLOSED, CONNECTED, false)).steps())
        .containsExactly(Step.ANNOUNCE, Step.CONNECT, Step.ENTER_CONNECTED);
  }

  @Test
  void reattachesWithoutAWordWhenBothEndsAreConnected() {
    Rest rest = settle(fresh(CONNECTED, CONNECTED));

    assertThat(rest.steps()).containsExactly(Step.CONNECT);
  }

  @Test
  void picksUpWhatADeadDaemonLeftInInitWait() {
    assertThat(settle(fresh(INIT_WAIT, INITIALISING)).steps()).containsExactly(Step.ANNOUNCE);
    assertThat(settle(fresh(INIT_WAIT, CONNECTED)).steps())
        .containsExactly(Step.CONNECT, Step.ENTER_CONNECTED);
  }

  @Test
  void picksUpWhatADeadDaemonLeftClosingOrClosed() {
    assertThat(settle(fresh(CLOSING, CONNECTED)).steps()).isEmpty();
    assertThat(settle(fresh(CLOSING, CLOSED)).steps()).containsExactly(Step.ENTER_CLOSED);
    assertThat(settle(fresh(CLOSING, INITIALISING)).steps())
        .containsExactly(Step.ENTER_CLOSED, Step.ANNOUNCE);
    assertThat(settle(fresh(CLOSED, INITIALISING)).steps()).containsExactly(Step.ANNOUNCE);
    assertThat(settle(fresh(CLOSED, CLOSED)).steps()).isEmpty();
  }

  @Test
  void answersClosingWithClosingAndClosedWithClosed() {
    Rest closing = settle(known(CONNECTED, CLOSING, true));
    assertThat(closing.steps()).containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING);

    assertThat(settle(new Draft(closing.view()).withFrontend(CLOSED)).steps())
        .containsExactly(Step.ENTER_CLOSED);
  }

  @Test
  void passesThroughClosingWhenTheFrontendSkipsIt() {
    for (XenbusState gone : EnumSet.of(CLOSED, UNKNOWN)) {
      assertThat(settle(known(CONNECTED, gone, true)).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING, Step.ENTER_CLOSED);
    }
  }

  @Test
  void comesBackToInitWaitForAFrontendThatStartsAgainWithoutClosing() {
    assertThat(settle(known(CONNECTED, INITIALISING, true)).steps())
        .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING, Step.ENTER_CLOSED, Step.ANNOUNCE);
  }

  @Test
  void comesBackToInitWaitAfterClosed() {
    assertThat(settle(known(CLOSED, INITIALISING, false)).steps()).containsExactly(Step.ANNOUNCE);
  }

  @Test
  void servesTheRingsUntilTheFrontendHasHeardTheToolstack() {
    assertThat(settle(known(CLOSING, CONNECTED, true)).steps()).isEmpty();
    assertThat(settle(known(CLOSING, CLOSING, true)).steps()).containsExactly(Step.DISCONNECT);
    assertThat(settle(known(CLOSING, CLOSED, true)).steps())
        .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSED);
  }

  @Test
  void removesAClosedDeviceThatIsOffline() {
    assertThat(settle(known(CONNECTED, CLOSED, true).offline()).steps())
        .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING, Step.ENTER_CLOSED, Step.REMOVE);
  }

  @Test
  void ignoresAReconfiguringFrontendSinceNothingInvitedIt() {
    assertThat(settle(known(CONNECTED, RECONFIGURING, true)).steps()).isEmpty();
  }

  @Test
  void forgetsADeviceThatTheToolstackMadeAnew() {
    assertThat(settle(known(INITIALISING, INITIALISING, true)).steps())
        .containsExactly(Step.DISCONNECT, Step.RECREATE);
  }

  @Test
  void tellsTheToolstackOfADeviceThatCannotBeServedAndClosesItWhenItsFrontendComes() {
    Rest refused = settle(fresh(INITIALISING, INITIALISING).unserved());
    assertThat(refused.steps()).containsExactly(Step.REFUSE);

    assertThat(settle(new Draft(refused.view()).withFrontend(CONNECTED)).steps())
        .containsExactly(Step.ENTER_CLOSING);
    assertThat(settle(new Draft(refused.view()).withFrontend(CLOSED)).steps())
        .containsExactly(Step.ENTER_CLOSING, Step.ENTER_CLOSED);
    assertThat(settle(fresh(INITIALISING, UNKNOWN).unserved()).steps())
        .containsExactly(Step.ENTER_CLOSING, Step.ENTER_CLOSED);
  }

  @Test
  void tellsAFrontendThatBeginsAnewOnceThatItCannotBeServedAnyMore() {
    assertThat(settle(fresh(CLOSED, INITIALISING).unserved()).steps()).containsExactly(Step.REFUSE);
    assertThat(settle(known(CLOSED, INITIALISING, false).unserved()).steps()).isEmpty();
    assertThat(settle(fresh(CLOSED, CLOSED).unserved()).steps()).isEmpty();
  }

  @Test
  void endsWithClosingFirstAndClosedOnceTheFrontendHasLetGo() {
    Rest closing = settle(known(CONNECTED, CONNECTED, true).ending());
    assertThat(closing.steps()).containsExactly(Step.ENTER_CLOSING);
    assertThat(DeviceLifecycle.hasEnded(closing.view())).isFalse();

    Rest closed = settle(new Draft(closing.view()).withFrontend(CLOSED));
    assertThat(closed.steps()).containsExactly(Step.DISCONNECT, Step.ENTER_CLOSED);
    assertThat(DeviceLifecycle.hasEnded(closed.view())).isTrue();
  }

  /// Every view there is comes to rest, and keeps the rules on the way, whatever the class.
  @ParameterizedTest
  @MethodSource("everyKindOfStates")
  void neverBreaksARuleFromWhateverItFinds(DeviceStates states) {
    int views = 0;
    for (XenbusState backend : XenbusState.values()) {
      for (XenbusState frontend : XenbusState.values()) {
        for (int bits = 0; bits < 32; bits++) {
          View view =
              new View(
                  backend,
                  frontend,
                  (bits & 1) != 0,
                  (bits & 2) != 0,
                  (bits & 4) != 0,
                  (bits & 8) != 0,
                  (bits & 16) != 0);
          if (view.attached() && !(view.introduced() && view.served())) {
            continue;
          }
          settle(new Draft(view), states);
          views++;
        }
      }
    }
    assertThat(views).isEqualTo(9 * 9 * (16 + 4));
  }

  private static List<DeviceStates> everyKindOfStates() {
    return List.of(
        DeviceStates.USUAL,
        new DeviceStates(EnumSet.of(CONNECTED), DeviceStates.USUAL.known()),
        new DeviceStates(EnumSet.of(INITIALISED, CONNECTED), ALL),
        new DeviceStates(EnumSet.of(INIT_WAIT, CONNECTED, RECONFIGURING), ALL));
  }

  private static Set<XenbusState> beyondCommon(DeviceStates states) {
    Set<XenbusState> beyond = EnumSet.copyOf(states.known());
    beyond.removeAll(DeviceStates.USUAL.known());
    return beyond;
  }

  @Test
  void waitsInInitialisedForAClassWhoseFrontendPublishesItsRingsLater() {
    DeviceStates late = new DeviceStates(EnumSet.of(CONNECTED), DeviceStates.USUAL.known());

    assertThat(settle(known(INIT_WAIT, INITIALISED, false), late).steps()).isEmpty();
    assertThat(settle(known(INIT_WAIT, CONNECTED, false), late).steps())
        .containsExactly(Step.CONNECT, Step.ENTER_CONNECTED);
  }

  @Test
  void leavesADeviceInAStateThatItsClassKnows() {
    DeviceStates all = new DeviceStates(EnumSet.of(INITIALISED, CONNECTED), ALL);
    for (XenbusState reconfiguring : EnumSet.of(RECONFIGURING, XenbusState.RECONFIGURED)) {
      assertThat(settle(known(reconfiguring, CONNECTED, true), all).steps()).isEmpty();
      assertThat(settle(fresh(reconfiguring, CONNECTED), all).steps())
          .containsExactly(Step.CONNECT);
      assertThat(settle(known(reconfiguring, CLOSED, true), all).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING, Step.ENTER_CLOSED);
      assertThat(settle(known(reconfiguring, CLOSED, true)).steps())
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING, Step.ENTER_CLOSED);
      assertThat(settle(known(reconfiguring, CONNECTED, true)).steps())
          .as("of a class that does not know it")
          .containsExactly(Step.DISCONNECT, Step.ENTER_CLOSING);
    }
    assertThat(settle(known(INITIALISED, CONNECTED, false), all).steps())
        .containsExactly(Step.CONNECT, Step.ENTER_CONNECTED);
    assertThat(settle(known(INITIALISED, CONNECTED, false)).steps())
        .containsExactly(Step.ENTER_CLOSING);
  }

  @Test
  void refusesStatesThatCannotBe() {
    Set<XenbusState> common = DeviceStates.USUAL.known();
    for (XenbusState never : EnumSet.of(UNKNOWN, INITIALISING, CLOSING, CLOSED)) {
      assertThatThrownBy(() -> new DeviceStates(EnumSet.of(CONNECTED, never), common))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> new DeviceStates(EnumSet.of(INITIALISED), common))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DeviceStates(EnumSet.of(CONNECTED), EnumSet.of(CONNECTED)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> new DeviceStates(EnumSet.of(CONNECTED), EnumSet.allOf(XenbusState.class)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static Rest settle(Draft draft) {
    return settle(draft, DeviceStates.USUAL);
  }

  private static Rest settle(Draft draft, DeviceStates states) {
    View view = draft.view;
    List<Step> steps = new ArrayList<>();
    while (true) {
      Step step = DeviceLifecycle.next(view, states);
      if (step == Step.NOTHING) {
        break;
      }
      steps.add(step);
      assertThat(steps).as("steps from %s", draft.view).hasSizeLessThan(9);
      judge(view, step, states);
      view = after(view, step);
      if (step == Step.REMOVE || step == Step.RECREATE) {
        break;
      }
    }
    return new Rest(view, steps);
  }

  private static void judge(View view, Step step, DeviceStates states) {
    Set<XenbusState> mayClose = EnumSet.complementOf(EnumSet.of(UNKNOWN, CLOSING, CLOSED));
    boolean allowed =
        switch (step) {
          case NOTHING -> true;
          case ANNOUNCE -> view.served() && view.online() && !view.attached() && !view.ending();
          case REFUSE -> !view.served() && view.online() && !view.attached() && !view.ending();
          case CONNECT ->
              view.served()
                  && !view.attached()
                  && !view.ending()
                  && (EnumSet.of(INIT_WAIT, CONNECTED).contains(view.backend())
                      || beyondCommon(states).contains(view.backend()))
                  && states.published().contains(view.frontend());
          case ENTER_CONNECTED ->
              view.attached() && EnumSet.of(INIT_WAIT, INITIALISED).contains(view.backend());
          case DISCONNECT -> view.attached();
          case ENTER_CLOSING -> mayClose.contains(view.backend());
          case ENTER_CLOSED -> view.backend() == CLOSING && !view.attached();
          case REMOVE -> view.backend() == CLOSED && !view.online() && !view.attached();
          case RECREATE -> view.backend() == INITIALISING && !view.attached();
        };
    assertThat(allowed).as("%s at %s", step, view).isTrue();
  }

  private static View after(View view, Step step) {
    Draft draft = new Draft(view);
    return switch (step) {
      case NOTHING, REMOVE, RECREATE -> view;
      case ANNOUNCE, REFUSE -> draft.introduced().withBackend(INIT_WAIT).view;
      case CONNECT -> draft.introduced().attached(true).view;
      case DISCONNECT -> draft.attached(false).view;
      case ENTER_CONNECTED -> draft.introduced().withBackend(CONNECTED).view;
      case ENTER_CLOSING -> draft.introduced().withBackend(CLOSING).view;
      case ENTER_CLOSED -> draft.introduced().withBackend(CLOSED).view;
    };
  }

  /// As a process finds a device that it has not seen before.
  private static Draft fresh(XenbusState backend, XenbusState frontend) {
    return new Draft(new View(backend, frontend, true, false, false, true, false));
  }

  /// As the process finds it that brought it there.
  private static Draft known(XenbusState backend, XenbusState frontend, boolean attached) {
    return new Draft(new View(backend, frontend, true, true, attached, true, false));
  }

  /// A view with one thing changed.
  private record Draft(View view) {
    Draft withBackend(XenbusState backend) {
      return new Draft(
          new View(
              backend,
              view.frontend(),
              view.online(),
              view.introduced(),
              view.attached(),
              view.served(),
              view.ending()));
    }

    Draft withFrontend(XenbusState frontend) {
      return new Draft(
          new View(
              view.backend(),
              frontend,
              view.online(),
              view.introduced(),
              view.attached(),
              view.served(),
              view.ending()));
    }

    Draft introduced() {
      return flags(view.online(), true, view.attached(), view.served(), view.ending());
    }

    Draft attached(boolean attached) {
      return flags(view.online(), view.introduced(), attached, view.served(), view.ending());
    }

    Draft offline() {
      return flags(false, view.introduced(), view.attached(), view.served(), view.ending());
    }

    Draft unserved() {
      return flags(view.online(), view.introduced(), view.attached(), false, view.ending());
    }

    Draft ending() {
      return flags(view.online(), view.introduced(), view.attached(), view.served(), true);
    }

    private Draft flags(
        boolean online, boolean introduced, boolean attached, boolean served, boolean ending) {
      return new Draft(
          new View(view.backend(), view.frontend(), online, introduced, attached, served, ending));
    }
  }
}
