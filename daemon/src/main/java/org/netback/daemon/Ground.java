package org.netback.daemon;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.RunDirectory;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.dom0.Dom0Ground;
import org.netback.xen.dom0.KernelBackends;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.RemoteGround;
import org.netback.xen.ground.Backend;

/// What the daemon stands on: the backends' side of a ground, with the ground itself where it is
/// the daemon's own.
///
/// @param own empty if the ground is not this process's: another's, or Xen's
/// @param claim on the ground's devices
/// @param kernel the backends that the kernel may have beside this one: those of a real host
public record Ground(
    Backend backend, Optional<EmbeddedGround> own, HostClaim claim, Optional<KernelBackends> kernel)
    implements AutoCloseable {
  private static final KernelBackends KERNEL = new KernelBackends(Path.of("/sys"));

  /// Opens or attaches to the ground, and claims its devices.
  ///
  /// @param errors where what escapes its callbacks is recorded
  /// @throws IOException another ground or daemon lives there, or none where one should
  public static Ground open(GroundChoice choice, InternalErrors errors) throws IOException {
    return switch (choice) {
      case Dom0Choice _ ->
          claim(
              Dom0Ground.open(System.getenv(), errors),
              () -> HostClaim.ofHost(Path.of(RunDirectory.DEFAULT)),
              Optional.of(KERNEL));
      case EmbeddedChoice embedded when embedded.apart() ->
          claim(
              RemoteGround.attachBackend(embedded.run(), errors),
              () -> HostClaim.ofGround(embedded.run()),
              Optional.empty());
      case EmbeddedChoice embedded -> own(embedded.run(), errors);
    };
  }

  private interface Claiming {
    HostClaim take() throws IOException;
  }

  /// The ground comes first, so that a claim on one that is not there leaves nothing behind.
  private static Ground claim(Backend backend, Claiming claiming, Optional<KernelBackends> kernel)
      throws IOException {
    try {
      return new Ground(backend, Optional.empty(), claiming.take(), kernel);
    } catch (IOException e) {
      backend.close();
      throw e;
    }
  }

  private static Ground own(Path run, InternalErrors errors) throws IOException {
    EmbeddedGround own = EmbeddedGround.open(run, errors);
    try {
      HostClaim claim = HostClaim.ofGround(run);
      try {
        return new Ground(own.backend(), Optional.of(own), claim, Optional.empty());
      } catch (IOException e) {
        claim.close();
        throw e;
      }
    } catch (IOException e) {
      own.close();
      throw e;
    }
  }

  /// Which driver of this domain's kernel serves a device.
  public Optional<String> kernelOwner(KernelDriver driver, DeviceId id) {
    return kernel.flatMap(backends -> backends.owner(driver, id));
  }

  @Override
  public void close() throws IOException {
    Closing.all(
        backend::close,
        () -> {
          if (own.isPresent()) {
            own.get().close();
          }
        },
        claim::close);
  }
}
