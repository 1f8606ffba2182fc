package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.daemon.control.Routes;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.DeviceStatus;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.bus.XenbusState;

/// Which differences between two looks at the bus are told as which events.
@Timeout(60)
class DeviceChangesTest {
  private static final DeviceId TOY = new DeviceId("toy", 1, 0);

  @TempDir Path directory = Path.of("");
  private final List<DeviceStatus> devices = new ArrayList<>();
  private final Set<DeviceId> served = new HashSet<>();

  /// A class of devices without any ways of its own.
  private final class Toys implements DeviceService {
    @Override
    public DeviceClass deviceClass() {
      return new DeviceClass(
          "toy",
          device -> {
            throw new DeviceException("no toys");
          },
          DeviceStates.USUAL,
          false,
          Optional.empty(),
          new KeyBounds(1, 0, 0));
    }

    @Override
    public boolean serves(DeviceId id) {
      return served.contains(id);
    }

    @Override
    public void addRoutes(Routes routes, Devices all) {}

    @Override
    public List<Metered<?>> meters() {
      return List.of();
    }

    @Override
    public Map<String, Object> status(Devices all) {
      return Map.of();
    }
  }

  private static DeviceStatus status(DeviceId id, boolean attached, String error) {
    return new DeviceStatus(id, XenbusState.CONNECTED, XenbusState.CONNECTED, attached, error);
  }

  @Test
  void tellsEachChangeOnce() throws Exception {
    Events events = new Events(Clock.systemUTC());
    DeviceChanges changes =
        new DeviceChanges(() -> List.copyOf(devices), List.of(new Toys()), events);
    try (EventLog log = new EventLog(events, directory.resolve("c.sock"))) {
      look(changes, status(TOY, false, "no toys"));
      look(changes, status(TOY, false, "no toys"));
      served.add(TOY);
      look(changes, status(TOY, true, ""));
      look(changes, status(TOY, false, "broken"));
      look(changes, status(TOY, true, "broken"), status(new DeviceId("toy", 2, 0), true, ""));
      look(changes);
      assertThat(log.take(8))
          .containsExactly(
              "appeared toy1.0",
              "refused toy1.0 no toys",
              "connected toy1.0",
              "disconnected toy1.0",
              "failed toy1.0 broken",
              "connected toy1.0",
              "appeared toy2.0",
              "connected toy2.0");
      assertThat(log.take(4))
          .containsExactlyInAnyOrder(
              "disconnected toy1.0", "gone toy1.0", "disconnected toy2.0", "gone toy2.0");
    }
  }

  private void look(DeviceChanges changes, DeviceStatus... now) {
    devices.clear();
    devices.addAll(List.of(now));
    changes.look();
  }
}
