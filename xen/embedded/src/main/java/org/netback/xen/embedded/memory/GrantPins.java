package org.netback.xen.embedded.memory;

import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;

/// Where mapped grants are kept count of: in the ground, so that a backend that dies lets go of all
/// of its own, as Xen sees to.
public interface GrantPins {
  /// Marks grants as in use, all or none.
  ///
  /// @throws GrantException if a reference is not granted to the caller, or not for writing
  Pin pin(int domid, int[] grefs, boolean readOnly) throws GrantException;

  /// Maps a domain's memory if that was not done yet; blocks.
  ///
  /// @return whether it is mapped now
  boolean open(int domid);

  /// Has no effect if the domain has gone.
  void unpin(Pin pin);

  /// A refusal, in the words of its status.
  ///
  /// @param status one of [GrantStatus]
  static GrantException refused(int domid, int gref, short status) {
    String what =
        switch (status) {
          case GrantStatus.BAD_DOMAIN -> "no such domain";
          case GrantStatus.BAD_GNTREF -> "no such reference";
          case GrantStatus.BAD_PAGE -> "no such page";
          default -> "not granted to this domain for such access";
        };
    return new GrantException(domid, gref, status, what);
  }

  /// Grants in use.
  final class Pin {
    private final long id;
    private final int[] frames;
    private final DomainMemory memory;

    /// @param id the ground's number for them
    /// @param frames the pages that were granted when they were pinned: the entries may say
    ///   otherwise by now
    public Pin(long id, int[] frames, DomainMemory memory) {
      this.id = id;
      this.frames = frames;
      this.memory = memory;
    }

    public long id() {
      return id;
    }

    public int[] frames() {
      return frames;
    }

    DomainMemory memory() {
      return memory;
    }
  }
}
