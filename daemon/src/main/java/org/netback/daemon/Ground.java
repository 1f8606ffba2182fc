package org.netback.daemon;

import java.io.IOException;
import java.util.Optional;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.xen.embedded.Backend;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GroundConnection;

/// What the daemon stands on: domain 0's side of a ground, with the ground itself where it is the
/// daemon's own.
///
/// @param own empty if the ground is a process of its own
public record Ground(Backend backend, Optional<EmbeddedGround> own) implements AutoCloseable {
  /// Opens or attaches to the ground.
  ///
  /// @throws IOException another ground lives there, or none where one should
  public static Ground open(GroundChoice choice) throws IOException {
    if (choice.apart()) {
      return new Ground(GroundConnection.attachBackend(choice.run()), Optional.empty());
    }
    EmbeddedGround own = EmbeddedGround.open(choice.run());
    try {
      return new Ground(own.backend(), Optional.of(own));
    } catch (IOException e) {
      own.close();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    backend.close();
    if (own.isPresent()) {
      own.get().close();
    }
  }
}
