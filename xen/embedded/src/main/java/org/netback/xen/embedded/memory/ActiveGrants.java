package org.netback.xen.embedded.memory;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;

/// The grants of one domain that others have mapped (Xen's active entries): who and how often, kept
/// where the guest cannot write. The guest sees of it the flags in its table, which keep it from
/// revoking.
public final class ActiveGrants {
  /// A guest that changes an entry faster than we can mark it is misbehaving: Xen gives up as
  /// early.
  private static final int ATTEMPTS = 5;

  private final int domid;
  private final DomainMemory memory;
  private final Map<Integer, Active> active = new HashMap<>();

  /// @param domid of the granting domain
  public ActiveGrants(int domid, DomainMemory memory) {
    this.domid = domid;
    this.memory = memory;
  }

  /// Counts one more use of each reference, or of none.
  ///
  /// @param user the domain that maps them
  /// @return the pages behind them
  /// @throws GrantException if one is not granted to the user, or not for writing
  public synchronized int[] pin(int user, int[] grefs, boolean readOnly) throws GrantException {
    int[] frames = new int[grefs.length];
    for (int i = 0; i < grefs.length; i++) {
      short status = pin(grefs[i], user, readOnly);
      if (status != GrantStatus.OKAY) {
        for (int j = 0; j < i; j++) {
          unpin(grefs[j], readOnly);
        }
        throw GrantPins.refused(domid, grefs[i], status);
      }
      frames[i] = pinned(grefs[i]).frame;
    }
    return frames;
  }

  /// Counts one use of each reference less.
  public synchronized void unpin(int[] grefs, boolean readOnly) {
    for (int gref : grefs) {
      unpin(gref, readOnly);
    }
  }

  private short pin(int gref, int user, boolean readOnly) {
    if (Integer.compareUnsigned(gref, memory.grantEntries()) >= 0) {
      return GrantStatus.BAD_GNTREF;
    }
    Optional<Active> already = Optional.ofNullable(active.get(gref));
    return already.isPresent()
        ? pinAgain(already.get(), gref, user, readOnly)
        : pinFirst(gref, user, readOnly);
  }

  private short pinFirst(int gref, int user, boolean readOnly) {
    short status = mark(gref, user, readOnly, false);
    if (status != GrantStatus.OKAY) {
      return status;
    }
    int frame = GrantEntries.frame(GrantEntries.loadAcquire(memory.whole(), gref));
    if (!memory.hasPage(frame)) {
      GrantEntries.clearFlags(memory.whole(), gref, GrantEntries.READING | GrantEntries.WRITING);
      return GrantStatus.BAD_PAGE;
    }
    Active entry = new Active(user, frame);
    entry.count(readOnly, 1);
    active.put(gref, entry);
    return GrantStatus.OKAY;
  }

  private short pinAgain(Active entry, int gref, int user, boolean readOnly) {
    if (entry.user != user) {
      return GrantStatus.GENERAL_ERROR;
    }
    if (!readOnly && entry.writers == 0) {
      short status = mark(gref, user, false, true);
      if (status != GrantStatus.OKAY) {
        return status;
      }
    }
    entry.count(readOnly, 1);
    return GrantStatus.OKAY;
  }

  private short mark(int gref, int user, boolean readOnly, boolean alreadyRead) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      int word = GrantEntries.loadWordAcquire(memory.whole(), gref);
      int flags = GrantEntries.flags(word);
      boolean granted =
          (flags & (GrantEntries.TYPE_MASK | GrantEntries.SUB_PAGE)) == GrantEntries.PERMIT_ACCESS
              && GrantEntries.domid(word) == user;
      if ((!alreadyRead && !granted) || (!readOnly && (flags & GrantEntries.READONLY) != 0)) {
        return GrantStatus.GENERAL_ERROR;
      }
      int marks = GrantEntries.READING | (readOnly ? 0 : GrantEntries.WRITING);
      if (GrantEntries.compareAndSetWord(memory.whole(), gref, word, word | marks)) {
        return GrantStatus.OKAY;
      }
    }
    return GrantStatus.GENERAL_ERROR;
  }

  private void unpin(int gref, boolean readOnly) {
    Active entry = pinned(gref);
    entry.count(readOnly, -1);
    int unused = 0;
    if (entry.writers == 0) {
      unused |= GrantEntries.WRITING;
    }
    if (entry.writers + entry.readers == 0) {
      unused |= GrantEntries.READING;
      active.remove(gref);
    }
    if (unused != 0) {
      GrantEntries.clearFlags(memory.whole(), gref, unused);
    }
  }

  private Active pinned(int gref) {
    return Optional.ofNullable(active.get(gref)).orElseThrow();
  }

  private static final class Active {
    private final int user;
    private final int frame;
    private int readers;
    private int writers;

    Active(int user, int frame) {
      this.user = user;
      this.frame = frame;
    }

    void count(boolean readOnly, int change) {
      if (readOnly) {
        readers += change;
      } else {
        writers += change;
      }
    }
  }
}
