package org.netback.xen.dom0;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.bus.DeviceId;

/// The kernel's own backends in this domain, which bind whatever device of their class the
/// toolstack makes. Two backends at one ring would break it.
public final class KernelBackends {
  private final Path sys;

  /// @param sys where sysfs is mounted
  public KernelBackends(Path sys) {
    this.sys = sys;
  }

  /// Whether the kernel's driver of a class has a device, or will have it since it is loaded:
  /// judged anew each time, for people.
  public Optional<String> owner(KernelDriver driver, DeviceId id) {
    if (Files.exists(sys.resolve("module").resolve(driver.module().replace('-', '_')))
        || Files.exists(sys.resolve("bus/xen-backend/drivers").resolve(driver.name()))) {
      String module = driver.module();
      return Optional.of(
          "the kernel's %s, which is loaded: unload it (modprobe -r %s), and keep it from being"
                  .formatted(module, module)
              + " loaded (blacklist %s)".formatted(module));
    }
    String device = id.type() + '-' + id.domid() + '-' + id.handle();
    if (Files.exists(sys.resolve("bus/xen-backend/devices").resolve(device).resolve("driver"))) {
      return Optional.of("a driver of the kernel's, which has it as " + device);
    }
    return Optional.empty();
  }
}
