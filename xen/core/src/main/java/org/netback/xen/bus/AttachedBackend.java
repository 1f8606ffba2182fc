package org.netback.xen.bus;

import java.util.Optional;
import org.netback.loop.InternalErrors;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreException;

/// A device that announces nothing and whose connection is one [Attachment]: made when the frontend
/// has published, filled by the class, started, and closed when the connection is over or cannot be
/// had. A class that needs more implements [DeviceBackend] itself.
public final class AttachedBackend implements DeviceBackend {
  private final BackendDevice device;
  private final Guests guests;
  private final InternalErrors errors;
  private final Filling filling;
  private Optional<Attachment> attached = Optional.empty();

  /// What a class puts into the attachment of a new connection: rings, channels and what serves
  /// them ([Attachment#serve]), and whatever else is to be let go of at the end
  /// ([Attachment#keep]). Called on the bus's thread; does not start anything.
  @FunctionalInterface
  public interface Filling {
    /// @throws DeviceException a key, or what it names, is wrong
    /// @throws StoreException the store refused; the bus tries again a little later
    void fill(Attachment attachment) throws DeviceException, StoreException;
  }

  /// @param errors where a fault of ours is recorded, as the device's
  public AttachedBackend(
      BackendDevice device, Guests guests, InternalErrors errors, Filling filling) {
    this.device = device;
    this.guests = guests;
    this.errors = errors;
    this.filling = filling;
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    Attachment attachment = new Attachment(device, device.frontendKeys(), guests, errors);
    try {
      filling.fill(attachment);
      attachment.start();
    } catch (Throwable e) {
      attachment.close();
      throw e;
    }
    attached = Optional.of(attachment);
  }

  @Override
  public void disconnect() {
    Optional<Attachment> ending = attached;
    attached = Optional.empty();
    ending.ifPresent(Attachment::close);
  }
}
