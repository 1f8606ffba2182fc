package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.List;

/// A client of the store without a socket.
final class Client {
  private final List<String> events = new ArrayList<>();
  private final Session session;
  private boolean hungUp;

  Client(Store store, int domid) {
    session = new Session(store, store.getToKnow(domid), events::add, () -> hungUp = true);
    session.open();
  }

  /// The reply's payload without the last nul, or `!` and the error.
  String ask(int transaction, Operation operation, String payload) {
    Answer answer = session.handle(operation, transaction, payload.getBytes(ISO_8859_1));
    session.after(operation, answer);
    return switch (answer) {
      case StoreError error -> "!" + error;
      case Reply reply -> {
        String text = new String(reply.payload(), ISO_8859_1);
        yield text.endsWith("\0") ? text.substring(0, text.length() - 1) : text;
      }
    };
  }

  String ask(Operation operation, String payload) {
    return ask(0, operation, payload);
  }

  String write(String path, String value) {
    return ask(Operation.WRITE, path + '\0' + value);
  }

  String read(String path) {
    return ask(Operation.READ, path + '\0');
  }

  String remove(String path) {
    return ask(Operation.RM, path + '\0');
  }

  String allow(String path, String... permissions) {
    return ask(Operation.SET_PERMS, path + '\0' + String.join("\0", permissions) + '\0');
  }

  String watch(String path) {
    return ask(Operation.WATCH, path + "\0t\0");
  }

  int begin() {
    return Integer.parseUnsignedInt(ask(Operation.TRANSACTION_START, "\0"));
  }

  String commit(int transaction) {
    return ask(transaction, Operation.TRANSACTION_END, "T\0");
  }

  /// The paths of the events since the last call.
  List<String> events() {
    List<String> paths =
        events.stream().map(event -> event.substring(0, event.indexOf('\0'))).toList();
    events.clear();
    return paths;
  }

  boolean hungUp() {
    return hungUp;
  }

  void close() {
    session.close();
  }
}
