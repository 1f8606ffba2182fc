package org.netback.xen.embedded.wire;

import java.io.IOException;
import java.nio.BufferOverflowException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.DeviceSpec;
import org.netback.xen.embedded.toolstack.GuestSpec;

/// What goes over `ground.sock`, one message per record of the socket: u32 request id, u8 kind,
/// then the fields in order, big-endian; strings and lists have a u16 length before them. Requests
/// are answered by a reply with their id, in any order; id 0 is the ground's own notice.
public sealed interface GroundMessage {
  /// Changes with every change of a message.
  int VERSION = 3;

  /// Pages that one request may map: what fits a message.
  int MAX_GREFS = 512;

  /// What an attached process asks for.
  sealed interface Request extends GroundMessage {}

  /// What the ground says.
  sealed interface Reply extends GroundMessage {}

  /// The first request of a backends' process.
  record AttachBackend() implements Request {}

  /// The first request of a guest's process.
  record AttachGuest(GuestSpec spec) implements Request {}

  record Allocate(int remoteDomid) implements Request {}

  /// Of a guest: offer the port of its primary console, and have the toolstack announce it.
  /// Answered as [Allocate] is.
  record OpenConsole() implements Request {}

  record Bind(int remoteDomid, int remotePort) implements Request {}

  record ClosePort(int port) implements Request {}

  record OpenMemory(int domid) implements Request {}

  record Pin(int domid, boolean readOnly, List<Integer> grefs) implements Request {}

  record Unpin(long id) implements Request {}

  /// @param size of the domain; its memory comes along if it is a guest
  record Attached(int domid, DomainSize size, String storeSocket) implements Reply {}

  /// The inbox and the outbox come along.
  record PortOpened(int port) implements Reply {}

  /// The memory comes along.
  record MemoryOpened(int domid, DomainSize size) implements Reply {}

  record Pinned(long id, List<Integer> frames) implements Reply {}

  record Done() implements Reply {}

  /// @param gref for a [Pin], the reference that was refused
  /// @param status for a [Pin], one of GrantStatus
  record Refused(int gref, short status, String why) implements Reply {}

  /// A domain is gone; with request id 0.
  record Destroyed(int domid) implements Reply {}

  /// @throws IOException if it does not fit
  static ByteBuffer write(int id, GroundMessage message) throws IOException {
    ByteBuffer to = ByteBuffer.allocate(SeqpacketSocket.MAX_MESSAGE);
    try {
      to.putInt(id);
      switch (message) {
        case AttachBackend _ -> to.put((byte) 1).putInt(VERSION);
        case AttachGuest(GuestSpec spec) -> {
          to.put((byte) 2).putInt(VERSION);
          putText(to, spec.name());
          putSize(to, spec.size());
          to.putShort((short) spec.devices().size());
          for (DeviceSpec device : spec.devices()) {
            putText(to, device.type());
            to.putInt(device.handle());
            putKeys(to, device.backend());
            putKeys(to, device.frontend());
            putKeys(to, device.frontendReadOnly());
          }
        }
        case Allocate(int remoteDomid) -> to.put((byte) 3).putInt(remoteDomid);
        case Bind(int remoteDomid, int remotePort) ->
            to.put((byte) 4).putInt(remoteDomid).putInt(remotePort);
        case ClosePort(int port) -> to.put((byte) 5).putInt(port);
        case OpenMemory(int domid) -> to.put((byte) 6).putInt(domid);
        case Pin(int domid, boolean readOnly, List<Integer> grefs) -> {
          to.put((byte) 7).putInt(domid).put((byte) (readOnly ? 1 : 0));
          putNumbers(to, grefs);
        }
        case Unpin(long pin) -> to.put((byte) 8).putLong(pin);
        case OpenConsole() -> to.put((byte) 9);
        case Attached(int domid, DomainSize size, String storeSocket) -> {
          to.put((byte) 65).putInt(domid);
          putSize(to, size);
          putText(to, storeSocket);
        }
        case PortOpened(int port) -> to.put((byte) 66).putInt(port);
        case MemoryOpened(int domid, DomainSize size) -> {
          to.put((byte) 67).putInt(domid);
          putSize(to, size);
        }
        case Pinned(long pin, List<Integer> frames) -> {
          to.put((byte) 68).putLong(pin);
          putNumbers(to, frames);
        }
        case Done() -> to.put((byte) 69);
        case Refused(int gref, short status, String why) -> {
          to.put((byte) 70).putInt(gref).putShort(status);
          putText(to, why);
        }
        case Destroyed(int domid) -> to.put((byte) 71).putInt(domid);
      }
    } catch (BufferOverflowException e) {
      throw new IOException("message does not fit: " + message, e);
    }
    return to.flip();
  }

  /// Reads what follows the id: anything may have been sent.
  ///
  /// @throws IOException if it is no message of this protocol
  static GroundMessage read(ByteBuffer from) throws IOException {
    int kind = 0;
    try {
      kind = from.get();
      GroundMessage message = read(kind, from);
      if (from.hasRemaining()) {
        throw new IOException("message " + kind + " has " + from.remaining() + " octets too many");
      }
      return message;
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new IOException("message " + kind + " is malformed: " + e.getMessage(), e);
    }
  }

  private static GroundMessage read(int kind, ByteBuffer from) throws IOException {
    return switch (kind) {
      case 1 -> {
        checkVersion(from);
        yield new AttachBackend();
      }
      case 2 -> {
        checkVersion(from);
        String name = text(from);
        DomainSize size = size(from);
        int count = from.getShort() & 0xffff;
        List<DeviceSpec> devices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          devices.add(
              new DeviceSpec(text(from), from.getInt(), keys(from), keys(from), keys(from)));
        }
        yield new AttachGuest(new GuestSpec(name, size, devices));
      }
      case 3 -> new Allocate(from.getInt());
      case 4 -> new Bind(from.getInt(), from.getInt());
      case 5 -> new ClosePort(from.getInt());
      case 6 -> new OpenMemory(from.getInt());
      case 7 -> new Pin(from.getInt(), from.get() != 0, numbers(from));
      case 8 -> new Unpin(from.getLong());
      case 9 -> new OpenConsole();
      case 65 -> new Attached(from.getInt(), size(from), text(from));
      case 66 -> new PortOpened(from.getInt());
      case 67 -> new MemoryOpened(from.getInt(), size(from));
      case 68 -> new Pinned(from.getLong(), numbers(from));
      case 69 -> new Done();
      case 70 -> new Refused(from.getInt(), from.getShort(), text(from));
      case 71 -> new Destroyed(from.getInt());
      default -> throw new IOException("message of unknown kind " + kind);
    };
  }

  private static void checkVersion(ByteBuffer from) throws IOException {
    int version = from.getInt();
    if (version != VERSION) {
      throw new IOException(
          "the other side speaks version " + version + " of the ground's protocol, not " + VERSION);
    }
  }

  private static void putText(ByteBuffer to, String text) {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    to.putShort((short) octets.length).put(octets);
  }

  private static String text(ByteBuffer from) {
    byte[] octets = new byte[Math.min(from.getShort() & 0xffff, from.remaining() + 1)];
    from.get(octets);
    return new String(octets, StandardCharsets.UTF_8);
  }

  private static void putSize(ByteBuffer to, DomainSize size) {
    to.putInt(size.grantFrames()).putInt(size.pages());
  }

  private static DomainSize size(ByteBuffer from) {
    return new DomainSize(from.getInt(), from.getInt());
  }

  private static void putKeys(ByteBuffer to, Map<String, String> keys) {
    to.putShort((short) keys.size());
    keys.forEach(
        (key, value) -> {
          putText(to, key);
          putText(to, value);
        });
  }

  private static Map<String, String> keys(ByteBuffer from) {
    int count = from.getShort() & 0xffff;
    Map<String, String> keys = new HashMap<>();
    for (int i = 0; i < count; i++) {
      keys.put(text(from), text(from));
    }
    return keys;
  }

  private static void putNumbers(ByteBuffer to, List<Integer> numbers) {
    to.putShort((short) numbers.size());
    numbers.forEach(to::putInt);
  }

  private static List<Integer> numbers(ByteBuffer from) {
    int count = from.getShort() & 0xffff;
    if (count < 1 || count > MAX_GREFS) {
      throw new IllegalArgumentException(count + " numbers, not 1 to " + MAX_GREFS);
    }
    List<Integer> numbers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      numbers.add(from.getInt());
    }
    return numbers;
  }
}
