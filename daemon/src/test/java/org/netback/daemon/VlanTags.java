package org.netback.daemon;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Puts VLAN tags on what a kernel's stack sends by an interface, and takes them off what it
/// receives, as VLAN interfaces would, on kernels without those: by two programs of a few
/// instructions at the interface (BPF, `clsact`). The stack believes that it sends plain frames;
/// its offloads are done, or left to the interface, behind the tags.
final class VlanTags implements AutoCloseable {
  /// What is put in front.
  enum Kind {
    ONE,
    /// Priority 3, and no VLAN.
    PRIORITY,
    TWO;

    /// Ethertypes and their TCIs, the tag next to the packet first.
    private List<Integer> tags() {
      return switch (this) {
        case ONE -> List.of(0x8100, 9);
        case PRIORITY -> List.of(0x8100, 3 << 13);
        case TWO -> List.of(0x8100, 9, 0x88a8, 100);
      };
    }
  }

  private static final Duration LIMIT = Duration.ofSeconds(20);

  // linux/bpf.h
  private static final int PROG_LOAD = 5;
  private static final int OBJ_PIN = 6;
  private static final int SCHED_CLS = 3;
  private static final int SKB_VLAN_PUSH = 18;
  private static final int SKB_VLAN_POP = 19;

  private static final int ATTRIBUTES = 128;
  private static final int LOG = 1 << 16;

  private static final MethodHandle SYSCALL =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("syscall"),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG));

  private final Path programs;

  /// @param directory where a file system for the programs is mounted
  VlanTags(Path directory) throws IOException {
    programs = Files.createDirectory(directory.resolve("bpf"));
    Program.succeed(LIMIT, List.of("mount", "-t", "bpf", "bpf", programs.toString()));
    try {
      for (Kind kind : Kind.values()) {
        load(push(kind.tags()), "push" + kind);
        load(pop(kind.tags().size() / 2), "pop" + kind);
      }
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  /// From now on, everything through an interface is tagged so.
  void on(Namespace namespace, String device, Kind kind) throws IOException {
    String in = namespace.name();
    var _ = Program.run(LIMIT, List.of("tc", "-n", in, "qdisc", "add", "dev", device, "clsact"));
    filter(in, device, "egress", "push" + kind);
    filter(in, device, "ingress", "pop" + kind);
  }

  private void filter(String namespace, String device, String side, String program)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("tc", "-n", namespace, "filter", "replace"));
    command.addAll(List.of("dev", device, side, "prio", "1", "handle", "1"));
    command.addAll(List.of("bpf", "da", "object-pinned", programs.resolve(program).toString()));
    Program.succeed(LIMIT, command);
  }

  private static ByteBuffer push(List<Integer> tags) {
    ByteBuffer code = begin();
    for (int i = 0; i < tags.size(); i += 2) {
      instruction(code, 0xbf, 1, 6, 0);
      instruction(
          code, 0xb7, 2, 0, Short.toUnsignedInt(Short.reverseBytes(tags.get(i).shortValue())));
      instruction(code, 0xb7, 3, 0, tags.get(i + 1));
      instruction(code, 0x85, 0, 0, SKB_VLAN_PUSH);
    }
    return end(code);
  }

  private static ByteBuffer pop(int count) {
    ByteBuffer code = begin();
    for (int i = 0; i < count; i++) {
      instruction(code, 0xbf, 1, 6, 0);
      instruction(code, 0x85, 0, 0, SKB_VLAN_POP);
    }
    return end(code);
  }

  /// Keeps the packet in register 6, since calls spoil register 1.
  private static ByteBuffer begin() {
    ByteBuffer code = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());
    instruction(code, 0xbf, 6, 1, 0);
    return code;
  }

  private static ByteBuffer end(ByteBuffer code) {
    instruction(code, 0xb7, 0, 0, 0);
    instruction(code, 0x95, 0, 0, 0);
    return code.flip();
  }

  /// `struct bpf_insn`, on a little-endian machine.
  private static void instruction(ByteBuffer code, int operation, int to, int from, int value) {
    code.put((byte) operation).put((byte) (from << 4 | to)).putShort((short) 0).putInt(value);
  }

  private void load(ByteBuffer code, String name) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment instructions = arena.allocate(code.remaining(), 8);
      instructions.copyFrom(MemorySegment.ofBuffer(code));
      MemorySegment log = arena.allocate(LOG);
      MemorySegment load = arena.allocate(ATTRIBUTES, 8);
      load.set(ValueLayout.JAVA_INT, 0, SCHED_CLS);
      load.set(ValueLayout.JAVA_INT, 4, code.remaining() / 8);
      load.set(ValueLayout.JAVA_LONG, 8, instructions.address());
      load.set(ValueLayout.JAVA_LONG, 16, arena.allocateFrom("GPL").address());
      load.set(ValueLayout.JAVA_INT, 24, 1);
      load.set(ValueLayout.JAVA_INT, 28, LOG);
      load.set(ValueLayout.JAVA_LONG, 32, log.address());
      long fd = bpf(PROG_LOAD, load);
      if (fd < 0) {
        throw new IOException("BPF_PROG_LOAD: " + log.getString(0, StandardCharsets.UTF_8));
      }
      MemorySegment pin = arena.allocate(ATTRIBUTES, 8);
      String path = programs.resolve(name).toString();
      pin.set(ValueLayout.JAVA_LONG, 0, arena.allocateFrom(path).address());
      pin.set(ValueLayout.JAVA_INT, 8, (int) fd);
      if (bpf(OBJ_PIN, pin) < 0) {
        throw new IOException("BPF_OBJ_PIN " + path);
      }
    }
  }

  private static long bpf(int command, MemorySegment attributes) {
    long number = System.getProperty("os.arch").equals("aarch64") ? 280 : 321;
    try {
      return (long)
          SYSCALL.invokeExact(number, (long) command, attributes.address(), (long) ATTRIBUTES);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() throws IOException {
    Program.succeed(LIMIT, List.of("umount", programs.toString()));
  }
}
