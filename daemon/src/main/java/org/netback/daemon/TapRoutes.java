package org.netback.daemon;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.TapSection;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.vswitch.Network;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// How the control API adds taps to the switch and takes them away. Any thread; it waits for a tap
/// to go.
final class TapRoutes {
  private final Switch vswitch;
  private final Taps taps;

  TapRoutes(Switch vswitch, Taps taps) {
    this.vswitch = vswitch;
    this.taps = taps;
  }

  void addTo(Routes routes) {
    routes
        .add("POST", "/ports", (path, body) -> addTap(body))
        .add("DELETE", "/ports/*", (path, body) -> removeTap(path.get(0)));
  }

  private Reply addTap(String body) throws RequestException {
    List<String> networks = vswitch.networks().stream().map(Network::name).toList();
    TapChoice tap = RequestBody.read(() -> TapSection.request("request", body, networks));
    try {
      taps.add(tap);
      return Reply.json(201, Map.of("name", tap.name()));
    } catch (IllegalStateException e) {
      throw new RequestException(409, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new RequestException(422, String.valueOf(e.getMessage()));
    }
  }

  private Reply removeTap(String name) throws RequestException {
    if (taps.remove(name)) {
      return Reply.ok(Map.of("removed", name));
    }
    if (vswitch.ports().stream().anyMatch(port -> port.name().equals(name))) {
      throw new RequestException(
          409, name + " is a guest's device: it goes when the guest's toolstack removes it");
    }
    throw new RequestException(
        404,
        "there is no port "
            + name
            + "; there are "
            + RequestBody.names(vswitch.ports().stream().map(SwitchPort::name).toList()));
  }
}
