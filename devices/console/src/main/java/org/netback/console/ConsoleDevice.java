package org.netback.console;

import java.util.List;
import java.util.Optional;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.store.StoreException;

/// A console other than the primary: a device with a frontend's directory `device/console/<N>`, in
/// which the guest has written `ring-ref` and `port`, and the backend writes `tty`.
///
/// Confined to the bus's loop.
final class ConsoleDevice implements DeviceBackend {
  private static final String RING = "ring-ref";
  private static final String PORT = "port";

  private final BackendDevice device;
  private final Consoles consoles;
  private final ConsoleId id;
  private Optional<OpenConsole> open = Optional.empty();

  ConsoleDevice(BackendDevice device, Consoles consoles) {
    this.device = device;
    this.consoles = consoles;
    this.id = new ConsoleId(device.id().domid(), device.id().handle());
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    FrontendKeys keys = device.frontendKeys();
    String guest = consoles.guestName(id.domid());
    Attachment attachment =
        new Attachment(device, keys, consoles.guests(), consoles.loop().errors());
    try {
      attachment.gref(RING);
      attachment.port(PORT);
      OpenConsole console =
          OpenConsole.open(
              id,
              guest,
              attachment,
              attachment.map(List.of(RING), false).memory(),
              PORT,
              Consoles.limit(device.frontendKey("limit")),
              consoles);
      open = Optional.of(console);
      consoles.opened(console);
      device.publishInFrontend("tty", console.tty());
      attachment.start();
    } catch (Throwable e) {
      disconnect();
      attachment.close();
      throw e;
    }
  }

  @Override
  public void disconnect() {
    open.ifPresent(consoles::close);
    open = Optional.empty();
  }

  @Override
  public void remove() {
    consoles.removed(device.id());
  }
}
