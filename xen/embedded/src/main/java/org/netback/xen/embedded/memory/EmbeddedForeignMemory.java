package org.netback.xen.embedded.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// Pages of domains by their place in the domain's memory. Nothing is marked as in use: a page is
/// mapped until the mapping closes, even if its domain has gone.
public final class EmbeddedForeignMemory implements ForeignMemory {
  private final Memories memories;

  public EmbeddedForeignMemory(Memories memories) {
    this.memories = memories;
  }

  /// Finds a domain's memory.
  @FunctionalInterface
  public interface Memories {
    /// @throws IOException there is no such domain
    DomainMemory of(int domid) throws IOException;
  }

  @Override
  public GrantMapping map(int domid, long[] frames, boolean readOnly) throws IOException {
    if (frames.length == 0) {
      throw new IllegalArgumentException("mapping of no pages");
    }
    DomainMemory memory = memories.of(domid);
    int[] pages = new int[frames.length];
    for (int i = 0; i < frames.length; i++) {
      if (frames[i] < 0 || frames[i] >= memory.totalPages()) {
        throw new IOException(
            "map frame "
                + Long.toUnsignedString(frames[i])
                + " of domain "
                + domid
                + ": it has "
                + memory.totalPages());
      }
      pages[i] = (int) frames[i];
    }
    Arena arena = Arena.ofShared();
    try {
      return GrantMapping.of(memory.map(pages, readOnly, arena), arena::close);
    } catch (IOException e) {
      arena.close();
      throw new IOException(
          "map frames " + Arrays.toString(frames) + " of domain " + domid + ": " + e.getMessage(),
          e);
    }
  }
}
