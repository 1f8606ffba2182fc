package org.netback.daemon;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.RunDirectory;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.dom0.Dom0Ground;
import org.netback.xen.dom0.KernelBackends;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GroundConnection;
import org.netback.xen.ground.Backend;

/// What the daemon stands on: domain 0's side of a ground, with the ground itself where it is the
/// daemon's own.
///
/// @param own empty if the ground is not this process's: another's, or Xen's
/// @param claim on the devices of a real host, of whose dom0 this is
public record Ground(Backend backend, Optional<EmbeddedGround> own, Optional<HostClaim> claim)
    implements AutoCloseable {
  private static final KernelBackends KERNEL = new KernelBackends(Path.of("/sys"));

  /// Opens or attaches to the ground.
  ///
  /// @throws IOException another ground or daemon lives there, or none where one should
  public static Ground open(GroundChoice choice) throws IOException {
    return switch (choice) {
      case Dom0Choice _ -> dom0();
      case EmbeddedChoice embedded when embedded.apart() ->
          new Ground(
              GroundConnection.attachBackend(embedded.run()), Optional.empty(), Optional.empty());
      case EmbeddedChoice embedded -> own(embedded.run());
    };
  }

  private static Ground dom0() throws IOException {
    Backend backend = Dom0Ground.open(System.getenv());
    try {
      HostClaim claim = HostClaim.take(Path.of(RunDirectory.DEFAULT));
      return new Ground(backend, Optional.empty(), Optional.of(claim));
    } catch (IOException e) {
      backend.close();
      throw e;
    }
  }

  private static Ground own(Path directory) throws IOException {
    EmbeddedGround own = EmbeddedGround.open(directory);
    try {
      return new Ground(own.backend(), Optional.of(own), Optional.empty());
    } catch (IOException e) {
      own.close();
      throw e;
    }
  }

  /// Who else in this domain serves a device.
  public Optional<String> otherOwner(DeviceId id) {
    // The kernel may have backends of its own.
    return claim.isPresent() ? KERNEL.owner(id) : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    backend.close();
    if (own.isPresent()) {
      own.get().close();
    }
    if (claim.isPresent()) {
      claim.get().close();
    }
  }
}
