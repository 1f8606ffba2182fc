package org.netback.daemon;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.netback.console.EscapeFilter;
import org.netback.console.GuestConsole;
import org.netback.console.Viewer;
import org.netback.daemon.control.Duplex;
import org.netback.daemon.control.Outlet;

/// A client of the control API at a guest's console. What it does not read in time waits up to 256
/// KiB. Then the guest waits, where nothing may be lost; else the client loses the oldest, and one
/// that is sent text is told how much.
///
/// Guarded by itself. Nothing is called of the console under that lock, since the console calls
/// this under its own; and nothing on the control API's loop, since the console may be writing to a
/// slow disk: all that goes to it goes by the consoles' loop.
final class ConsoleClient implements Viewer, Duplex {
  private static final int BOUND = 256 << 10;
  private static final AtomicInteger LAST = new AtomicInteger();

  private final GuestConsole console;
  private final boolean writes;
  private final Optional<EscapeFilter> filter;
  private final int number = LAST.incrementAndGet();
  private final Deque<byte[]> waiting = new ArrayDeque<>();
  private int waitingOctets;

  /// Octets that are missing before what waits.
  private long missing;

  private Optional<Outlet> outlet = Optional.empty();
  private boolean over;

  /// Whether what waits is about to be written.
  private boolean flushes;

  /// Sent by the client, and not taken by the console yet.
  private byte[] input = {};

  private ConsoleClient(GuestConsole console, boolean writes, Optional<EscapeFilter> filter) {
    this.console = console;
    this.writes = writes;
    this.filter = filter;
  }

  /// One that is sent what the guest puts, octet for octet.
  ///
  /// @param writes whether it is the writer
  static ConsoleClient ofOctets(GuestConsole console, boolean writes) {
    return new ConsoleClient(console, writes, Optional.empty());
  }

  /// A reader that is sent no control sequences.
  static ConsoleClient ofText(GuestConsole console) {
    return new ConsoleClient(console, false, Optional.of(new EscapeFilter()));
  }

  @Override
  public String name() {
    return (writes ? "client " : "reader ") + number;
  }

  @Override
  public void onOpen(Outlet opened) {
    synchronized (this) {
      outlet = Optional.of(opened);
    }
    console.later(
        () -> {
          if (!console.attach(this, writes)) {
            opened.close();
          }
        });
  }

  @Override
  public synchronized void output(byte[] octets, int length) {
    if (over) {
      return;
    }
    byte[] shown =
        filter.isPresent() ? filter.get().text(octets, length) : Arrays.copyOf(octets, length);
    waiting.add(shown);
    waitingOctets += shown.length;
    while (waitingOctets > BOUND) {
      int lost = waiting.remove().length;
      waitingOctets -= lost;
      missing += lost;
    }
    // On the loop alone, where room is told of too: or octets could overtake each other.
    if (!flushes && outlet.isPresent()) {
      flushes = true;
      outlet.get().onLoop(this::onRoom);
    }
  }

  private void flush() {
    if (missing > 0 && outlet.isPresent() && (filter.isEmpty() || outlet.get().write(gap()))) {
      missing = 0;
    }
    while (missing == 0
        && outlet.isPresent()
        && !waiting.isEmpty()
        && outlet.get().write(waiting.peek())) {
      waitingOctets -= waiting.remove().length;
    }
  }

  private byte[] gap() {
    return ("\n[" + missing + " octets are missing here]\n").getBytes(StandardCharsets.US_ASCII);
  }

  /// So that a whole chunk fits always.
  @Override
  public synchronized boolean isFull() {
    return !over && waitingOctets > BOUND / 2;
  }

  @Override
  public void onRoom() {
    boolean wasFull;
    synchronized (this) {
      flushes = false;
      wasFull = isFull();
      flush();
      wasFull &= !isFull();
    }
    if (wasFull) {
      console.later(console::goOn);
    }
  }

  @Override
  public void onOctets(byte[] octets) {
    synchronized (this) {
      input = octets;
      outlet.ifPresent(Outlet::pause);
    }
    console.later(this::pass);
  }

  /// Passes on what the client has sent, as far as the console takes it.
  private void pass() {
    byte[] sent;
    synchronized (this) {
      sent = input;
      input = new byte[0];
    }
    int taken = sent.length == 0 ? 0 : console.input(this, sent, 0, sent.length);
    synchronized (this) {
      if (taken < sent.length) {
        input = Arrays.copyOfRange(sent, taken, sent.length);
      } else {
        outlet.ifPresent(Outlet::resume);
      }
    }
  }

  /// Called under the console's guard: not now.
  @Override
  public void inputAccepted() {
    console.later(this::pass);
  }

  /// A client that has gone looks the same as one that sends no more.
  @Override
  public void onEnd() {
    outlet().ifPresent(Outlet::close);
  }

  private synchronized Optional<Outlet> outlet() {
    return outlet;
  }

  /// What waits is still the client's to read.
  @Override
  public synchronized void closed(String reason) {
    over = true;
    List<byte[]> last = new ArrayList<>(waiting);
    if (missing > 0 && filter.isPresent()) {
      last.addFirst(gap());
    }
    waiting.clear();
    waitingOctets = 0;
    outlet.ifPresent(each -> each.closeAfter(last));
  }

  @Override
  public void onClosed() {
    synchronized (this) {
      over = true;
      waiting.clear();
      waitingOctets = 0;
    }
    console.later(() -> console.detach(this));
  }
}
