package org.netback.xen.bus;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.TimeUnit;
import org.netback.loop.EventLoop;
import org.netback.loop.Ration;
import org.netback.xen.store.StoreException;

/// What is told of devices and domains, rationed since guests and toolstacks may bring it about as
/// often as they like. Confined to the bus's loop.
final class BusLog {
  private static final Logger LOGGER = System.getLogger(BackendBus.class.getName());

  /// What the store refuses is told once in this time for each device.
  private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// The longest message, in octets: it goes into a node.
  private static final int MAX_MESSAGE = 1000;

  private final EventLoop loop;
  private final Ration<String, String> storeRefusals = new Ration<>(WINDOW_NANOS);

  /// As long as a device's directory is there. A frontend that comes and goes has the device made
  /// anew each time, and must not have this logged each time.
  private final Ration<Refusal, String> deviceRefusals = Ration.untilForgotten();

  private record Refusal(DeviceId id, String reason) {}

  BusLog(EventLoop loop) {
    this.loop = loop;
  }

  /// A message as a store's value or a line of the log: its length bounded, and nothing but
  /// printable ASCII, since parts may be the guest's.
  static String printable(String message) {
    StringBuilder text = new StringBuilder();
    message
        .chars()
        .limit(MAX_MESSAGE)
        .forEach(c -> text.append(c >= ' ' && c <= '~' ? (char) c : '?'));
    return text.toString();
  }

  /// One line, and one in ten seconds for each owner: a guest that writes its directory without
  /// pause has its reading refused as often as it is tried.
  void storeRefused(String owner, StoreException e) {
    long now = loop.nanoTime();
    String message = String.valueOf(e.getMessage());
    long withheld = storeRefusals.admit(owner, message, now);
    if (withheld < 0) {
      return;
    }
    storeRefusals.over(now);
    LOGGER.log(
        Level.WARNING,
        "{0}: {1}{2}",
        owner,
        printable(message),
        withheld == 0 ? "" : ", after " + withheld + " more refusals");
  }

  /// A factory has refused a device: told if it is another reason than before.
  void deviceRefused(DeviceId id, String reason) {
    deviceRefusals.forget(of -> of.id().equals(id) && !of.reason().equals(reason));
    if (deviceRefusals.admit(new Refusal(id, reason), reason, loop.nanoTime()) >= 0) {
      LOGGER.log(Level.WARNING, "device {0} is refused: {1}", id, printable(reason));
    }
  }

  /// The device is served after all, or has gone: what is wrong with it the next time is told.
  void forgetRefusals(DeviceId id) {
    deviceRefusals.forget(of -> of.id().equals(id));
  }

  void deviceLeft(DeviceId id, String message) {
    LOGGER.log(Level.WARNING, "device {0} is {1}", id, message);
  }

  void restless(DeviceId id) {
    LOGGER.log(Level.DEBUG, "device {0} does not come to rest", id);
  }

  void bug(String owner, Throwable e) {
    loop.errors().record(owner, e);
  }

  void bug(DeviceId id, Throwable e) {
    bug("device " + id, e);
  }

  /// Does something for a device, and records what it throws as the device's.
  void guard(DeviceId id, Runnable work) {
    try {
      work.run();
    } catch (Throwable e) {
      bug(id, e);
    }
  }
}
