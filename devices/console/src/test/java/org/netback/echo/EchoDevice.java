package org.netback.echo;

import java.util.Map;
import java.util.Optional;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.ground.Guests;
import org.netback.xen.ring.RingService;
import org.netback.xen.store.StoreException;

/// A device that answers what its guest says backwards. Confined to the bus's loop.
final class EchoDevice implements DeviceBackend {
  static final String TYPE = "echo";
  static final String RING = "ring-ref";
  static final String CHANNEL = "event-channel";

  private final BackendDevice device;
  private final Guests guests;
  private final EventLoop loop;
  private Optional<Attachment> attached = Optional.empty();

  private EchoDevice(BackendDevice device, Guests guests, EventLoop loop) {
    this.device = device;
    this.guests = guests;
    this.loop = loop;
  }

  /// @param loop that serves the rings
  static DeviceClass deviceClass(Guests guests, EventLoop loop) {
    return new DeviceClass(
        TYPE,
        device -> new EchoDevice(device, guests, loop),
        DeviceStates.USUAL,
        false,
        Optional.empty(),
        new KeyBounds(16, 0, 0));
  }

  @Override
  public Map<String, String> features() {
    return Map.of();
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    Attachment attachment = new Attachment(device, device.frontendKeys(), guests, loop.errors());
    try {
      attachment.gref(RING);
      attachment.port(CHANNEL);
      RingService service =
          new EchoRound(attachment.ring(RING, EchoRequest.SIZE), loop, attachment::fail).service();
      attachment.serve(service, attachment.bind(CHANNEL, loop, service::onEvent));
      attachment.start();
    } catch (Throwable e) {
      attachment.close();
      throw e;
    }
    attached = Optional.of(attachment);
  }

  @Override
  public void disconnect() {
    attached.ifPresent(Attachment::close);
    attached = Optional.empty();
  }

  @Override
  public void remove() {
    disconnect();
  }
}
