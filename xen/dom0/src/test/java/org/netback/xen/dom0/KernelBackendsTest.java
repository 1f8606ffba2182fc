package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.xen.bus.DeviceId;

final class KernelBackendsTest {
  @TempDir private Path sys;

  @Test
  void leavesVifsToALoadedModule() throws IOException {
    KernelBackends kernel = new KernelBackends(sys);
    assertThat(kernel.owner(new DeviceId("vif", 3, 0))).isEmpty();
    Files.createDirectories(sys.resolve("module/xen_netback"));
    assertThat(kernel.owner(new DeviceId("vif", 3, 0)).orElseThrow())
        .contains("modprobe -r xen-netback");
    assertThat(kernel.owner(new DeviceId("vbd", 3, 0))).isEmpty();
  }

  @Test
  void leavesAVifThatADriverHasBound() throws IOException {
    KernelBackends kernel = new KernelBackends(sys);
    Files.createDirectories(sys.resolve("bus/xen-backend/devices/vif-3-0"));
    assertThat(kernel.owner(new DeviceId("vif", 3, 0))).isEmpty();
    Files.createDirectories(sys.resolve("bus/xen-backend/devices/vif-3-0/driver"));
    assertThat(kernel.owner(new DeviceId("vif", 3, 0)).orElseThrow()).contains("vif-3-0");
    assertThat(kernel.owner(new DeviceId("vif", 3, 1))).isEmpty();
  }
}
