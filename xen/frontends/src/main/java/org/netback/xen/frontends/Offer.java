package org.netback.xen.frontends;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.netback.loop.EventLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What a frontend holds of one connection and tells its backend: pages, channels, and the keys to
/// publish. The counterpart of the bus's `Attachment`.
///
/// ```
/// GuestPages ring = offer.pages(1, false);
/// offer.ref("ring-ref", ring, 0);
/// offer.port("event-channel", offer.channel(loop, handler));
/// offer.flag("feature-persistent", true);
/// ```
///
/// The pages go back to the guest when the connection is over and the backend has let go of them.
/// Confined to the frontend's control loop, except [#fail].
public final class Offer {
  private final GuestMemory memory;
  private final EventChannels events;
  private final int backendDomid;
  private final BiConsumer<Offer, String> failure;
  private final List<GuestPages> pages = new ArrayList<>();
  private final List<EventChannel> channels = new ArrayList<>();

  /// Empty where a key is to be removed; relative to the frontend's directory.
  private final Map<String, Optional<String>> keys = new LinkedHashMap<>();

  /// @param failure called on any thread, must return at once
  Offer(
      GuestMemory memory,
      EventChannels events,
      int backendDomid,
      BiConsumer<Offer, String> failure) {
    this.memory = memory;
    this.events = events;
    this.backendDomid = backendDomid;
    this.failure = failure;
  }

  /// Makes pages side by side, each granted to the backend when it is first asked for its
  /// reference.
  public GuestPages pages(int count, boolean readOnly) {
    GuestPages made = GuestPages.allocate(memory, count, backendDomid, readOnly);
    pages.add(made);
    return made;
  }

  /// Makes a channel for the backend to bind to.
  public EventChannel channel(EventLoop loop, EventHandler handler) throws IOException {
    EventChannel made = events.allocate(backendDomid, loop, handler);
    channels.add(made);
    return made;
  }

  /// Has a key published.
  ///
  /// @param key relative to the frontend's directory: "queue-1/tx-ring-ref"
  public void key(String key, String value) {
    keys.put(key, Optional.of(value));
  }

  /// Has a feature published, or its key removed.
  public void flag(String key, boolean on) {
    keys.put(key, on ? Optional.of("1") : Optional.empty());
  }

  /// Grants a page and has its reference published.
  public void ref(String key, GuestPages of, int page) {
    key(key, Integer.toUnsignedString(of.grant(page)));
  }

  /// Has a channel's port published.
  public void port(String key, EventChannel channel) {
    key(key, Integer.toString(channel.port()));
  }

  /// The backend is not believed any more: the connection ends, and its listener is told why. Any
  /// thread; no effect if the connection is over.
  public void fail(String message) {
    failure.accept(this, message);
  }

  /// Writes all keys.
  ///
  /// @param within a transaction
  void writeTo(XenStore within, String path) throws StoreException {
    for (Map.Entry<String, Optional<String>> key : keys.entrySet()) {
      String node = path + '/' + key.getKey();
      if (key.getValue().isPresent()) {
        within.write(node, key.getValue().get());
      } else {
        within.remove(node);
      }
    }
  }

  void closeChannels() {
    channels.forEach(EventChannel::close);
  }

  /// Gives the pages back, as far as the backend has let go of them. To be called again, later,
  /// until it succeeds.
  ///
  /// @return whether none is left
  boolean release() {
    pages.removeIf(GuestPages::release);
    return pages.isEmpty();
  }
}
