package org.netback.daemon;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
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
/// @param isXen whether this is dom0 of a real host, where the kernel may have backends too
public record Ground(Backend backend, Optional<EmbeddedGround> own, boolean isXen)
    implements AutoCloseable {
  private static final KernelBackends KERNEL = new KernelBackends(Path.of("/sys"));

  /// Opens or attaches to the ground.
  ///
  /// @throws IOException another ground lives there, or none where one should
  public static Ground open(GroundChoice choice) throws IOException {
    return switch (choice) {
      case Dom0Choice _ -> new Ground(Dom0Ground.open(System.getenv()), Optional.empty(), true);
      case EmbeddedChoice embedded when embedded.apart() ->
          new Ground(GroundConnection.attachBackend(embedded.run()), Optional.empty(), false);
      case EmbeddedChoice embedded -> own(embedded.run());
    };
  }

  private static Ground own(Path directory) throws IOException {
    EmbeddedGround own = EmbeddedGround.open(directory);
    try {
      return new Ground(own.backend(), Optional.of(own), false);
    } catch (IOException e) {
      own.close();
      throw e;
    }
  }

  /// Who else in this domain serves a device.
  public Optional<String> otherOwner(DeviceId id) {
    return isXen ? KERNEL.owner(id) : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    backend.close();
    if (own.isPresent()) {
      own.get().close();
    }
  }
}
