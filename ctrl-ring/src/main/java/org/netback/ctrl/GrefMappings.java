package org.netback.ctrl;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import org.netback.loop.Closing;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// The pages that a guest has had mapped for good for one queue: a request that names one of them
/// costs a copy in memory and no grant operation.
///
/// The pages of one list are mapped together, as that is one operation of the ground's instead of
/// hundreds. So when some of them are given up, the others are mapped anew before the common
/// mapping goes.
///
/// The queue's two ends look pages up ([#find] and what follows) while they hold what `exclusively`
/// takes. Changes are made by one thread at a time; what was removed is unmapped when nobody can be
/// using it any more.
public final class GrefMappings {
  /// Of one queue: as many as its tx and its rx ring have slots together.
  public static final int MAX_PAGES = 512;

  private final GrantTable grants;
  private final int domid;
  private final GrefBudget budget;
  private final Executor exclusively;
  private final Set<Integer> mapped = new HashSet<>();
  private List<Group> groups = List.of();
  private GrefTable table = GrefTable.EMPTY;

  /// @param exclusively runs a task at once, while nobody looks anything up
  public GrefMappings(GrantTable grants, int domid, GrefBudget budget, Executor exclusively) {
    this.grants = grants;
    this.domid = domid;
    this.budget = budget;
    this.exclusively = exclusively;
  }

  /// Whether no page is mapped; until the lock is given back.
  public boolean isEmpty() {
    return table.isEmpty();
  }

  /// Looks a page up.
  ///
  /// @return its place until the lock is given back; -1 if it is not mapped
  public int find(int gref) {
    GrefTable now = table;
    // Most guests have none.
    return now.isEmpty() ? -1 : now.find(gref);
  }

  /// The page at a place that was found: shared memory, to be copied before it is looked at.
  public MemorySegment page(int place) {
    return table.page(place);
  }

  /// Whether the guest lets the page at a place be read only.
  public boolean isReadOnly(int place) {
    return table.isReadOnly(place);
  }

  boolean isMapped(int gref) {
    return mapped.contains(gref);
  }

  /// Maps pages, all or none.
  ///
  /// @param readOnly references, none of them twice and none mapped yet, as the writable ones
  /// @return false if there is no room, or the guest has not granted one of them
  boolean add(int[] readOnly, int[] writable) {
    int count = readOnly.length + writable.length;
    if (mapped.size() + count > MAX_PAGES || !budget.take(count)) {
      return false;
    }
    List<Group> more = new ArrayList<>(groups);
    try {
      map(readOnly, true, more);
      map(writable, false, more);
    } catch (GrantException e) {
      Closing.all(
          () -> Closing.each(more.subList(groups.size(), more.size()), Group::close),
          () -> budget.give(count));
      return false;
    }
    publish(more);
    return true;
  }

  private void map(int[] grefs, boolean readOnly, List<Group> into) throws GrantException {
    if (grefs.length > 0) {
      into.add(new Group(grefs, readOnly, grants.map(domid, grefs, readOnly)));
    }
  }

  /// Unmaps pages; when this returns the guest may use them for something else.
  void remove(Set<Integer> grefs) {
    List<Group> left = new ArrayList<>();
    List<Group> old = new ArrayList<>();
    for (Group group : groups) {
      int[] stay = group.without(grefs);
      if (stay.length == group.grefs.length) {
        left.add(group);
        continue;
      }
      old.add(group);
      mapAgain(stay, group.readOnly, left);
    }
    publish(left);
    Closing.each(old, Group::close);
  }

  /// A guest may have taken back what is in use, as only a hostile one can; its requests go by
  /// grant copy again.
  private void mapAgain(int[] grefs, boolean readOnly, List<Group> into) {
    try {
      map(grefs, readOnly, into);
    } catch (GrantException e) {
      // What cannot be mapped is given up.
    }
  }

  private void publish(List<Group> now) {
    int count = now.stream().mapToInt(group -> group.grefs.length).sum();
    GrefTable built = count == 0 ? GrefTable.EMPTY : new GrefTable(count);
    Set<Integer> references = new HashSet<>();
    for (Group group : now) {
      for (int i = 0; i < group.grefs.length; i++) {
        long at = (long) i * GrantTable.PAGE_SIZE;
        built.put(
            group.grefs[i],
            group.mapping.memory().asSlice(at, GrantTable.PAGE_SIZE),
            group.readOnly);
        references.add(group.grefs[i]);
      }
    }
    exclusively.execute(() -> table = built);
    budget.give(Math.max(0, mapped.size() - count));
    groups = List.copyOf(now);
    mapped.clear();
    mapped.addAll(references);
  }

  /// Unmaps everything; nobody looks anything up any more. Idempotent.
  public void close() {
    List<Group> all = groups;
    table = GrefTable.EMPTY;
    groups = List.of();
    budget.give(mapped.size());
    mapped.clear();
    Closing.each(all, Group::close);
  }

  /// Pages that were mapped in one operation. Compared by nobody.
  private static final class Group {
    final int[] grefs;
    final boolean readOnly;
    final GrantMapping mapping;

    Group(int[] grefs, boolean readOnly, GrantMapping mapping) {
      this.grefs = grefs;
      this.readOnly = readOnly;
      this.mapping = mapping;
    }

    int[] without(Set<Integer> some) {
      return Arrays.stream(grefs).filter(gref -> !some.contains(gref)).toArray();
    }

    void close() {
      mapping.close();
    }
  }
}
