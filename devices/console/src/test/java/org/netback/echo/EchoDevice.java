package org.netback.echo;

import java.util.Optional;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.AttachedBackend;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.ground.Guests;

/// A device that answers what its guest says backwards.
final class EchoDevice {
  static final String TYPE = "echo";
  static final String RING = "ring-ref";
  static final String CHANNEL = "event-channel";

  private EchoDevice() {}

  /// @param loop that serves the rings
  static DeviceClass deviceClass(Guests guests, EventLoop loop) {
    return new DeviceClass(
        TYPE,
        device ->
            new AttachedBackend(
                device, guests, loop.errors(), attachment -> fill(attachment, loop)),
        DeviceStates.USUAL,
        false,
        Optional.empty(),
        new KeyBounds(16, 0, 0));
  }

  private static void fill(Attachment attachment, EventLoop loop) throws DeviceException {
    attachment.gref(RING);
    attachment.port(CHANNEL);
    EchoRound round =
        new EchoRound(attachment.ring(RING, EchoRequest.SIZE), loop, attachment::fail);
    attachment.serve(round.service(), attachment.bind(CHANNEL, loop, round.service()::onEvent));
  }
}
