package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.bus.DeviceId;

final class KernelBackendsTest {
  private static final KernelDriver NETBACK = new KernelDriver("vif", "xen-netback");
  private static final KernelDriver BLKBACK = new KernelDriver("vbd", "xen-blkback");

  @TempDir private Path sys;

  @Test
  void leavesVifsToALoadedModule() throws IOException {
    KernelBackends kernel = new KernelBackends(sys);
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 0))).isEmpty();
    Files.createDirectories(sys.resolve("module/xen_netback"));
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 0)).orElseThrow())
        .contains("modprobe -r xen-netback");
    assertThat(kernel.owner(BLKBACK, new DeviceId("vbd", 3, 0))).isEmpty();
  }

  @Test
  void leavesAVifThatADriverHasBound() throws IOException {
    KernelBackends kernel = new KernelBackends(sys);
    Files.createDirectories(sys.resolve("bus/xen-backend/devices/vif-3-0"));
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 0))).isEmpty();
    Files.createDirectories(sys.resolve("bus/xen-backend/devices/vif-3-0/driver"));
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 0)).orElseThrow()).contains("vif-3-0");
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 1))).isEmpty();
  }

  @Test
  void leavesADeviceToADriverThatIsBuiltIn() throws IOException {
    KernelBackends kernel = new KernelBackends(sys);
    Files.createDirectories(sys.resolve("bus/xen-backend/drivers/vbd"));
    assertThat(kernel.owner(BLKBACK, new DeviceId("vbd", 3, 51712)).orElseThrow())
        .contains("xen-blkback");
    assertThat(kernel.owner(NETBACK, new DeviceId("vif", 3, 0))).isEmpty();
  }
}
