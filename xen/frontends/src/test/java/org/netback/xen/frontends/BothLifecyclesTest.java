package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.BackendEnd;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.frontends.FrontendLifecycle.Purpose;
import org.netback.xen.frontends.FrontendLifecycle.Rings;
import org.netback.xen.frontends.FrontendLifecycle.Step;
import org.netback.xen.frontends.FrontendLifecycle.View;

/// Plays the frontends' lifecycle against the bus's, in every order in which their single steps can
/// come. A frontend judges by what it saw when it last looked, as [Frontend] does; events that come
/// before it looks merge.
///
/// All scenes that can come about are found. Each one out of which nothing leads must be a good
/// end, and from every other one an end must be within reach: so no order hangs. Two ends that each
/// act on what the other has just left can chase each other for some laps; on every lap, one that
/// is quicker or slower once ends it.
class BothLifecyclesTest {
  /// What happens to a device once, at any time if nothing else is said.
  private enum Event {
    GUEST_CLOSES,
    /// The guest boots anew, without a word. That takes so long that both ends are at rest.
    GUEST_STARTS_ANEW,
    BUS_SHUTS_DOWN,
    /// The process that has the bus dies, and there is another. A bus that shuts down has ended.
    BUS_RESTARTS,
    TOOLSTACK_UNPLUGS
  }

  /// The frontend's end.
  ///
  /// @param told whether the backend has written its state since this end last looked
  /// @param tried whether it has ever published rings
  private record FrontendEnd(View view, boolean told, boolean tried, boolean ended) {
    static FrontendEnd begin(boolean tried) {
      return new FrontendEnd(View.NONE.withOwn(XenbusState.INITIALISING), true, tried, false);
    }

    FrontendEnd with(View changed) {
      return new FrontendEnd(changed, told, tried, ended);
    }

    FrontendEnd isTold() {
      return new FrontendEnd(view, true, tried, ended);
    }
  }

  /// @param happened how many of the events
  private record Scene(FrontendEnd front, BackendEnd back, int happened) {
    Scene with(View changed) {
      return new Scene(front.with(changed), back, happened);
    }
  }

  /// @param published the state in which the class publishes
  /// @param clock whether a frontend's second passes after which it offers a closed device anew
  private record Play(XenbusState published, boolean clock, List<Event> events) {
    List<Scene> after(Scene scene) {
      List<Scene> next = new ArrayList<>();
      backend(scene, next);
      if (!scene.front.ended) {
        frontend(scene, next);
      }
      if (scene.happened < events.size()) {
        happen(scene, next);
      }
      return next;
    }

    private static void backend(Scene scene, List<Scene> next) {
      FrontendEnd front = scene.front;
      scene
          .back
          .step(front.view.own(), front.view.rings().areHeld())
          .ifPresent(
              stepped ->
                  next.add(
                      new Scene(
                          stepped.wrote() ? front.isTold() : front,
                          stepped.end(),
                          scene.happened)));
    }

    private void frontend(Scene scene, List<Scene> next) {
      FrontendEnd front = scene.front;
      View view = front.view;
      Step step = FrontendLifecycle.next(view);
      switch (step) {
        case NOTHING, REOPEN -> {
          // At rest: this is when it looks.
          if (front.told) {
            View looked = view.withBackend(scene.back.state());
            FrontendEnd now = new FrontendEnd(looked, false, front.tried, false);
            next.add(new Scene(now, scene.back, scene.happened));
          }
          if (view.rings() == Rings.LEAVING) {
            next.add(scene.with(view.withRings(Rings.NONE)));
          }
          if (step == Step.REOPEN && clock) {
            next.add(scene.with(view.withOwn(XenbusState.INITIALISING)));
          }
        }
        case ENTER_INITIALISING ->
            next.add(
                scene.with(view.withOwn(XenbusState.INITIALISING).withBackend(scene.back.state())));
        case CONNECT -> {
          // States do not tell a bus, which has connected to rings that are let go of, that new
          // ones are published before it has said Connected. It says so at once, and no frontend
          // negotiates in less time.
          if (scene.back.state() == XenbusState.INIT_WAIT
              && scene.back.rings() == BackendEnd.Rings.STALE) {
            break;
          }
          View offered = view.tried().withRings(Rings.OFFERED).withOwn(published);
          FrontendEnd now = new FrontendEnd(offered, front.told, true, false);
          next.add(new Scene(now, scene.back, scene.happened));
        }
        case ENTER_CONNECTED ->
            next.add(scene.with(view.withRings(Rings.IN_USE).withOwn(XenbusState.CONNECTED)));
        case DISCONNECT ->
            next.add(
                new Scene(
                    front.with(view.withRings(Rings.LEAVING)),
                    scene.back.abandoned(),
                    scene.happened));
        case ENTER_CLOSING -> next.add(scene.with(view.withOwn(XenbusState.CLOSING)));
        case ENTER_CLOSED -> next.add(scene.with(view.withOwn(XenbusState.CLOSED)));
        case END -> {
          FrontendEnd now = new FrontendEnd(view, front.told, front.tried, true);
          next.add(new Scene(now, scene.back, scene.happened));
        }
      }
    }

    private void happen(Scene scene, List<Scene> next) {
      FrontendEnd front = scene.front;
      BackendEnd back = scene.back;
      int happened = scene.happened + 1;
      switch (events.get(scene.happened)) {
        case GUEST_CLOSES ->
            next.add(new Scene(front.with(front.view.withPurpose(Purpose.CLOSE)), back, happened));
        case GUEST_STARTS_ANEW -> {
          if (next.isEmpty()) {
            next.add(new Scene(FrontendEnd.begin(front.tried), back.abandoned(), happened));
          }
        }
        case BUS_SHUTS_DOWN -> next.add(new Scene(front, back.shuttingDown(), happened));
        case BUS_RESTARTS -> {
          if (!back.ending() || back.hasEnded()) {
            next.add(new Scene(front, back.restarted(), happened));
          }
        }
        case TOOLSTACK_UNPLUGS -> {
          boolean there = back.state() != XenbusState.UNKNOWN;
          next.add(
              there
                  ? new Scene(front.isTold(), back.unplugged(), happened)
                  : new Scene(front, back, happened));
        }
      }
    }

    /// A shortest way to a scene: of each one's predecessors the first.
    private String way(Scene end, Map<Scene, List<Scene>> before) {
      StringBuilder way = new StringBuilder();
      List<Scene> at = List.of(end);
      while (!at.isEmpty()) {
        way.insert(0, "\n  " + at.getFirst());
        at = before.getOrDefault(at.getFirst(), List.of());
      }
      return this + ":" + way;
    }

    /// Finds every scene, and judges them.
    void run(Predicate<Scene> good) {
      Scene begin = new Scene(FrontendEnd.begin(false), BackendEnd.made(), 0);
      Map<Scene, List<Scene>> before = new HashMap<>(Map.of(begin, new ArrayList<>()));
      Deque<Scene> open = new ArrayDeque<>(List.of(begin));
      Deque<Scene> ends = new ArrayDeque<>();
      while (!open.isEmpty()) {
        Scene scene = open.remove();
        List<Scene> next = after(scene);
        if (next.isEmpty()) {
          assertThat(good.test(scene)).as("%s", way(scene, before)).isTrue();
          ends.add(scene);
        }
        for (Scene each : next) {
          if (!before.containsKey(each)) {
            before.put(each, new ArrayList<>());
            open.add(each);
          }
          before.get(each).add(scene);
        }
      }
      Set<Scene> ending = new HashSet<>(ends);
      while (!ends.isEmpty()) {
        for (Scene each : before.getOrDefault(ends.remove(), List.of())) {
          if (ending.add(each)) {
            ends.add(each);
          }
        }
      }
      assertThat(before.keySet())
          .as("%s, scenes from which an end can be reached", this)
          .isEqualTo(ending);
    }
  }

  /// For a class that enters Connected at once, and for one that waits for its backend.
  private static void play(boolean clock, List<Event> events, Predicate<Scene> good) {
    for (XenbusState published : List.of(XenbusState.CONNECTED, XenbusState.INITIALISED)) {
      new Play(published, clock, events).run(good);
    }
  }

  private static boolean bothConnected(Scene scene) {
    View front = scene.front.view;
    return scene.back.state() == XenbusState.CONNECTED
        && scene.back.rings() == BackendEnd.Rings.CURRENT
        && front.own() == XenbusState.CONNECTED
        && front.rings() == Rings.IN_USE;
  }

  private static boolean nobodyHoldsRings(Scene scene) {
    return scene.front.view.rings() == Rings.NONE && scene.back.rings() == BackendEnd.Rings.NONE;
  }

  private static boolean bothClosed(Scene scene) {
    // Unknown: the toolstack has removed the directory.
    return nobodyHoldsRings(scene)
        && (scene.back.state() == XenbusState.CLOSED || scene.back.state() == XenbusState.UNKNOWN)
        && scene.front.view.own() == XenbusState.CLOSED;
  }

  /// Nothing had been begun that would have to be closed.
  private static boolean neverBegun(Scene scene) {
    return nobodyHoldsRings(scene)
        && scene.back.hasEnded()
        && !scene.front.tried
        && scene.front.view.own() == XenbusState.INITIALISING;
  }

  @Test
  void bothReachConnected() {
    play(true, List.of(), BothLifecyclesTest::bothConnected);
  }

  @Test
  void bothReachClosedWhenTheGuestCloses() {
    play(true, List.of(Event.GUEST_CLOSES), scene -> bothClosed(scene) && scene.front.ended);
  }

  @Test
  void bothReachClosedWhenTheBusShutsDown() {
    play(
        false,
        List.of(Event.BUS_SHUTS_DOWN),
        scene -> scene.back.hasEnded() && (bothClosed(scene) || neverBegun(scene)));
  }

  @Test
  void bothReachClosedWhenTheToolstackUnplugsTheDevice() {
    play(false, List.of(Event.TOOLSTACK_UNPLUGS), scene -> bothClosed(scene) || neverBegun(scene));
  }

  @Test
  void bothReachConnectedAgainAfterTheBackendsRestart() {
    play(true, List.of(Event.BUS_RESTARTS), BothLifecyclesTest::bothConnected);
    play(true, List.of(Event.BUS_RESTARTS, Event.BUS_RESTARTS), BothLifecyclesTest::bothConnected);
    play(
        true, List.of(Event.BUS_SHUTS_DOWN, Event.BUS_RESTARTS), BothLifecyclesTest::bothConnected);
  }

  @Test
  void bothReachConnectedAgainAfterTheGuestHasStartedAnew() {
    play(true, List.of(Event.GUEST_STARTS_ANEW), BothLifecyclesTest::bothConnected);
    play(
        true,
        List.of(Event.GUEST_CLOSES, Event.GUEST_STARTS_ANEW),
        BothLifecyclesTest::bothConnected);
    play(
        true,
        List.of(Event.GUEST_STARTS_ANEW, Event.BUS_RESTARTS),
        BothLifecyclesTest::bothConnected);
  }

  @Test
  void aGuestThatClosesIsNotHeldUpByTheBackendsRestart() {
    for (List<Event> events :
        List.of(
            List.of(Event.GUEST_CLOSES, Event.BUS_RESTARTS),
            List.of(Event.BUS_RESTARTS, Event.GUEST_CLOSES),
            List.of(Event.GUEST_CLOSES, Event.BUS_SHUTS_DOWN, Event.BUS_RESTARTS),
            List.of(Event.BUS_SHUTS_DOWN, Event.GUEST_CLOSES, Event.BUS_RESTARTS))) {
      play(true, events, scene -> bothClosed(scene) && scene.front.ended);
    }
  }

  @Test
  void aGuestThatClosesIsNotHeldUpByTheToolstack() {
    for (List<Event> events :
        List.of(
            List.of(Event.GUEST_CLOSES, Event.TOOLSTACK_UNPLUGS),
            List.of(Event.TOOLSTACK_UNPLUGS, Event.GUEST_CLOSES))) {
      play(true, events, scene -> bothClosed(scene) && scene.front.ended);
    }
  }
}
