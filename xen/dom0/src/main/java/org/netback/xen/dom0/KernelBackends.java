package org.netback.xen.dom0;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.xen.bus.DeviceId;

/// The kernel's own backends in this domain, which bind whatever device of their class the
/// toolstack makes. Two backends at one ring would break it.
public final class KernelBackends {
  private final Path sys;

  /// @param sys where sysfs is mounted
  public KernelBackends(Path sys) {
    this.sys = sys;
  }

  /// Which of the kernel's drivers has a device, or will have it since it is loaded: judged anew
  /// each time, for people.
  public Optional<String> owner(DeviceId id) {
    if (!id.type().equals("vif")) {
      return Optional.empty();
    }
    if (Files.exists(sys.resolve("module/xen_netback"))) {
      return Optional.of(
          "the kernel's xen-netback, which is loaded: unload it (modprobe -r xen-netback), and keep"
              + " it from being loaded (blacklist xen-netback)");
    }
    String device = "vif-" + id.domid() + '-' + id.handle();
    if (Files.exists(sys.resolve("bus/xen-backend/devices").resolve(device).resolve("driver"))) {
      return Optional.of("a driver of the kernel's, which has it as " + device);
    }
    return Optional.empty();
  }
}
