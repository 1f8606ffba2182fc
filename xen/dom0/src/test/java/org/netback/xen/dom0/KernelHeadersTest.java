package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The constants against the kernel's own headers, by the C compiler.
final class KernelHeadersTest {
  /// What the headers take from Xen's.
  private static final String PREAMBLE =
      """
      #include <stddef.h>
      #include <stdint.h>
      #include <stdio.h>
      #include <sys/ioctl.h>
      typedef uint16_t domid_t;
      typedef uint32_t grant_ref_t;
      typedef unsigned long xen_pfn_t;
      #include <xen/gntdev.h>
      #include <xen/gntalloc.h>
      #include <xen/evtchn.h>
      #include <xen/privcmd.h>
      int main(void) {
      """;

  private static final Map<String, Long> CONSTANTS = new LinkedHashMap<>();

  static {
    expect("IOCTL_GNTDEV_MAP_GRANT_REF", Gntdev.MAP_GRANT_REF);
    expect("IOCTL_GNTDEV_UNMAP_GRANT_REF", Gntdev.UNMAP_GRANT_REF);
    expect("IOCTL_GNTDEV_GRANT_COPY", Gntdev.GRANT_COPY);
    offset("struct ioctl_gntdev_map_grant_ref", "count", Gntdev.MAP_COUNT);
    offset("struct ioctl_gntdev_map_grant_ref", "index", Gntdev.MAP_INDEX);
    offset("struct ioctl_gntdev_map_grant_ref", "refs", Gntdev.MAP_REFS);
    size("struct ioctl_gntdev_grant_ref", Gntdev.REF_SIZE);
    offset("struct ioctl_gntdev_grant_ref", "domid", Gntdev.REF_DOMID);
    offset("struct ioctl_gntdev_grant_ref", "ref", Gntdev.REF_REF);
    size("struct ioctl_gntdev_unmap_grant_ref", Gntdev.UNMAP_SIZE);
    offset("struct ioctl_gntdev_unmap_grant_ref", "index", Gntdev.UNMAP_INDEX);
    offset("struct ioctl_gntdev_unmap_grant_ref", "count", Gntdev.UNMAP_COUNT);
    size("struct ioctl_gntdev_grant_copy", Gntdev.COPY_SIZE);
    offset("struct ioctl_gntdev_grant_copy", "count", Gntdev.COPY_COUNT);
    offset("struct ioctl_gntdev_grant_copy", "segments", Gntdev.COPY_SEGMENTS);
    size("struct gntdev_grant_copy_segment", Gntdev.SEGMENT_SIZE);
    offset("struct gntdev_grant_copy_segment", "source", Gntdev.SEGMENT_SOURCE);
    offset("struct gntdev_grant_copy_segment", "dest", Gntdev.SEGMENT_DEST);
    offset("struct gntdev_grant_copy_segment", "len", Gntdev.SEGMENT_LEN);
    offset("struct gntdev_grant_copy_segment", "flags", Gntdev.SEGMENT_FLAGS);
    offset("struct gntdev_grant_copy_segment", "status", Gntdev.SEGMENT_STATUS);
    offset("struct gntdev_grant_copy_segment", "source.foreign.ref", Gntdev.FOREIGN_REF);
    offset("struct gntdev_grant_copy_segment", "source.foreign.offset", Gntdev.FOREIGN_OFFSET);
    offset("struct gntdev_grant_copy_segment", "source.foreign.domid", Gntdev.FOREIGN_DOMID);

    expect("IOCTL_GNTALLOC_ALLOC_GREF", Gntalloc.ALLOC_GREF);
    expect("IOCTL_GNTALLOC_DEALLOC_GREF", Gntalloc.DEALLOC_GREF);
    expect("GNTALLOC_FLAG_WRITABLE", Gntalloc.WRITABLE);
    size("struct ioctl_gntalloc_alloc_gref", Gntalloc.ALLOC_SIZE);
    offset("struct ioctl_gntalloc_alloc_gref", "domid", Gntalloc.ALLOC_DOMID);
    offset("struct ioctl_gntalloc_alloc_gref", "flags", Gntalloc.ALLOC_FLAGS);
    offset("struct ioctl_gntalloc_alloc_gref", "count", Gntalloc.ALLOC_COUNT);
    offset("struct ioctl_gntalloc_alloc_gref", "index", Gntalloc.ALLOC_INDEX);
    offset("struct ioctl_gntalloc_alloc_gref", "gref_ids", Gntalloc.ALLOC_GREF_IDS);
    size("struct ioctl_gntalloc_dealloc_gref", Gntalloc.DEALLOC_SIZE);
    offset("struct ioctl_gntalloc_dealloc_gref", "index", Gntalloc.DEALLOC_INDEX);
    offset("struct ioctl_gntalloc_dealloc_gref", "count", Gntalloc.DEALLOC_COUNT);

    expect("IOCTL_EVTCHN_BIND_INTERDOMAIN", Evtchn.BIND_INTERDOMAIN);
    expect("IOCTL_EVTCHN_BIND_UNBOUND_PORT", Evtchn.BIND_UNBOUND_PORT);
    expect("IOCTL_EVTCHN_UNBIND", Evtchn.UNBIND);
    expect("IOCTL_EVTCHN_NOTIFY", Evtchn.NOTIFY);
    size("struct ioctl_evtchn_bind_interdomain", Evtchn.INTERDOMAIN_SIZE);
    offset("struct ioctl_evtchn_bind_interdomain", "remote_domain", Evtchn.REMOTE_DOMAIN);
    offset("struct ioctl_evtchn_bind_interdomain", "remote_port", Evtchn.REMOTE_PORT);
    size("struct ioctl_evtchn_bind_unbound_port", Evtchn.PORT_SIZE);
    size("struct ioctl_evtchn_unbind", Evtchn.PORT_SIZE);
    size("struct ioctl_evtchn_notify", Evtchn.PORT_SIZE);

    expect("IOCTL_PRIVCMD_MMAPBATCH_V2", Privcmd.MMAPBATCH_V2);
    size("struct privcmd_mmapbatch_v2", Privcmd.BATCH_SIZE);
    offset("struct privcmd_mmapbatch_v2", "num", Privcmd.BATCH_NUM);
    offset("struct privcmd_mmapbatch_v2", "dom", Privcmd.BATCH_DOM);
    offset("struct privcmd_mmapbatch_v2", "addr", Privcmd.BATCH_ADDR);
    offset("struct privcmd_mmapbatch_v2", "arr", Privcmd.BATCH_ARR);
    offset("struct privcmd_mmapbatch_v2", "err", Privcmd.BATCH_ERR);
  }

  private static void expect(String expression, long value) {
    CONSTANTS.put(expression, value);
  }

  private static void size(String struct, int value) {
    expect("sizeof(" + struct + ")", value);
  }

  private static void offset(String struct, String field, int value) {
    expect("offsetof(" + struct + ", " + field + ")", value);
  }

  @Test
  void agreesWithTheCompiler(@TempDir Path directory) throws Exception {
    assumeTrue(
        Files.exists(Path.of("/usr/include/xen/gntdev.h")) && run(directory, "gcc", "--version"),
        "no C compiler with the kernel's headers: gcc libc6-dev");
    // Of xen.h the header needs the types above only, and user space has none.
    Files.createDirectories(directory.resolve("xen/interface"));
    Files.createFile(directory.resolve("xen/interface/xen.h"));
    StringBuilder program = new StringBuilder(PREAMBLE);
    for (String expression : CONSTANTS.keySet()) {
      program
          .append("printf(\"%s=%lu\\n\", \"")
          .append(expression)
          .append("\", (unsigned long)(")
          .append(expression)
          .append("));\n");
    }
    program.append("return 0;\n}\n");
    Files.writeString(directory.resolve("constants.c"), program);
    assertThat(run(directory, "gcc", "-I.", "-o", "constants", "constants.c")).isTrue();
    assertThat(run(directory, "./constants")).isTrue();
    Map<String, Long> compiled = new LinkedHashMap<>();
    for (String line : Files.readAllLines(directory.resolve("output"))) {
      int equals = line.lastIndexOf('=');
      compiled.put(line.substring(0, equals), Long.valueOf(line.substring(equals + 1)));
    }
    assertThat(compiled).containsExactlyEntriesOf(CONSTANTS);
  }

  private static boolean run(Path directory, String... command)
      throws IOException, InterruptedException {
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("output").toFile())
              .start();
      boolean ended = process.waitFor(1, TimeUnit.MINUTES);
      process.destroyForcibly();
      return ended && process.exitValue() == 0;
    } catch (IOException e) {
      return false; // there is no such program
    }
  }
}
