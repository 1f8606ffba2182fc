package org.netback.xen.frontends;

import java.util.Optional;
import org.netback.loop.SteppedLoop;
import org.netback.xen.bus.XenbusState;

/// A device of any class in a store, memory and channels of the test's, whose backend's states are
/// written by the test.
final class HandDevice {
  final SteppedLoop loop = new SteppedLoop();
  final HandStore store = new HandStore(loop);
  final HandMemory memory = new HandMemory();
  final HandChannels channels = new HandChannels();

  /// The frontend's directory.
  final String front;

  /// The backend's directory.
  final String back;

  HandDevice(String type, int handle) {
    front = "/local/domain/3/device/" + type + '/' + handle;
    back = "/local/domain/0/backend/" + type + "/3/" + handle;
    store.write(front + "/backend", back);
    store.write(front + "/backend-id", "0");
    store.write(front + "/state", "1");
    store.write(back + "/state", "1");
  }

  void enter(XenbusState state) {
    store.write(back + "/state", state.text());
    loop.runReady();
  }

  XenbusState frontState() {
    return XenbusState.parse(front("state").orElse(""));
  }

  Optional<String> front(String key) {
    return store.read(front + '/' + key);
  }

  int number(String key) {
    return Integer.parseInt(front(key).orElseThrow());
  }
}
