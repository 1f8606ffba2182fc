package org.netback.daemon;

import java.time.InstantSource;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.netback.daemon.control.JsonText;
import org.netback.daemon.control.Outlet;
import org.netback.daemon.control.ServerSentEvent;
import org.netback.daemon.control.StreamSource;

/// What happens in the daemon, told to whoever listens. Whoever publishes never waits: each
/// listener has a buffer of [#MOST_WAITING] events, and what comes while that is full is counted
/// and told as one event `lost`. Nothing is kept for those who come later. Any thread.
final class Events {
  /// Events that wait for one listener.
  static final int MOST_WAITING = 1024;

  /// The longest text about an event; a guest may have written it.
  private static final int MOST_DETAIL = 1000;

  private static final DateTimeFormatter TIME =
      new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

  private final InstantSource clock;
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /// A kind of event; on the wire its name is in small letters with hyphens.
  enum Kind {
    /// A device's directory is there.
    APPEARED,
    /// A device serves its frontend.
    CONNECTED,
    /// It does so no more.
    DISCONNECTED,
    /// A device is not served; the detail says why.
    REFUSED,
    /// Something went wrong with a device that is served; the detail says what.
    FAILED,
    /// A device's directory has gone.
    GONE,
    TAP_ADDED,
    TAP_GONE,
    /// A listener was too slow; the detail is the number of events.
    LOST;

    String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  Events(InstantSource clock) {
    this.clock = clock;
  }

  /// Tells everybody who listens.
  ///
  /// @param name of the device or the port
  /// @param detail empty for none; what is longer than 1000 characters is cut
  void publish(Kind kind, String name, String detail) {
    if (!listeners.isEmpty()) {
      byte[] octets = octets(kind, name, detail);
      listeners.forEach(listener -> listener.add(octets));
    }
  }

  private byte[] octets(Kind kind, String name, String detail) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("time", TIME.format(clock.instant()));
    event.put("event", kind.text());
    event.put("name", name);
    event.put("detail", detail.substring(0, Math.min(detail.length(), MOST_DETAIL)));
    return new ServerSentEvent(kind.text(), JsonText.line(event)).octets();
  }

  /// A stream of the events from its opening on.
  StreamSource listener() {
    return new Listener();
  }

  private final class Listener implements StreamSource {
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private long lost;
    private boolean drains;
    private @Nullable Outlet outlet;

    @Override
    public synchronized void onOpen(Outlet opened) {
      outlet = opened;
      listeners.add(this);
    }

    synchronized void add(byte[] event) {
      tellLost();
      if (lost > 0 || waiting.size() == MOST_WAITING) {
        lost++;
      } else {
        waiting.add(event);
      }
      // On the loop alone, where room is told of too: or one event could overtake another.
      Outlet open = outlet;
      if (open != null && !drains) {
        drains = true;
        open.onLoop(this::onRoom);
      }
    }

    /// As soon as there is a place for it, and before what comes after.
    private void tellLost() {
      if (lost > 0 && waiting.size() < MOST_WAITING - 1) {
        waiting.add(octets(Kind.LOST, "", Long.toString(lost)));
        lost = 0;
      }
    }

    private void drain() {
      Outlet open = outlet;
      while (open != null && !waiting.isEmpty() && open.write(waiting.element())) {
        waiting.remove();
      }
    }

    @Override
    public synchronized void onRoom() {
      drains = false;
      drain();
      tellLost();
      drain();
    }

    @Override
    public synchronized void onClosed() {
      listeners.remove(this);
      waiting.clear();
    }
  }
}
