package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Reads and changes on a version of the store of their own, invisible to others until [Store]
/// commits them. A single request outside of a transaction is one too, of one operation, whose
/// accesses need no record since nothing comes between.
///
/// The record says what of each path was looked at or changed. At the end, a path whose looked-at
/// part differs between the version begun with and the store's is a conflict (EAGAIN); what others
/// changed elsewhere, even in the same directory, is none. A transaction that only read saw one
/// version throughout and cannot conflict.
final class Transaction {
  /// Bits of the record: existence, value and permissions were read; the names of the children were
  /// read; the whole subtree was (it was removed); the node was made or changed; it was removed.
  private static final int CONTENT = 1;

  private static final int CHILDREN = 2;
  private static final int SUBTREE = 4;
  private static final int CHANGED = 8;
  private static final int REPLACED = 16;

  private final Store store;
  private final Account owner;
  private final boolean recorded;
  private final Map<StorePath, Integer> record = new TreeMap<>();
  private final ChangedPaths changedPaths = new ChangedPaths();
  private final Map<Integer, Integer> nodes = new HashMap<>();
  private final long started;
  private Node base;
  private Node top;
  private boolean failed;
  private boolean expired;

  Transaction(Store store, Account owner, boolean recorded) {
    this.store = store;
    this.owner = owner;
    this.recorded = recorded;
    base = store.top();
    top = base;
    started = store.generation();
  }

  ChangedPaths changedPaths() {
    return changedPaths;
  }

  /// How many nodes more (or less) each domain owns by this transaction.
  Map<Integer, Integer> nodes() {
    return nodes;
  }

  boolean failed() {
    return failed;
  }

  boolean expired() {
    return expired;
  }

  /// The store's generation when this began.
  long started() {
    return started;
  }

  /// Ends this before its time: all that remains is to be told to try again. Keeps no version of
  /// the store alive.
  void expire() {
    fail();
    expired = true;
  }

  boolean changedAnything() {
    return top != base;
  }

  /// Gives up: all that remains is to be refused.
  private void fail() {
    failed = true;
    record.clear();
    changedPaths.clear();
    nodes.clear();
    base = Children.ABSENT;
    top = base;
  }

  private void touch(StorePath path, int what) {
    if (recorded && !failed) {
      record.merge(path, what, (a, b) -> a | b);
      if (owner.exceeds(Quota.TRANSACTION_NODES, record.size())) {
        fail();
      }
    }
  }

  /// Looks for a node for the owner of this transaction. A node that is hidden from a domain and
  /// one that is not there look the same to it, unless it has the same right on the nearest node
  /// above.
  Lookup find(StorePath path, int needed) {
    Node node = top.descend(path);
    touch(path, CONTENT);
    if (node.exists() && (node.permissions().accessOf(owner) & needed) == needed) {
      return failed ? refusal() : new Lookup.Found(node);
    }
    StorePath nearest = node.exists() ? path.parent() : nearestAbove(path);
    for (StorePath above = path.parent();
        recorded && above.depth() > nearest.depth();
        above = above.parent()) {
      touch(above, CONTENT);
    }
    touch(nearest, CONTENT);
    Node ancestor = top.descend(nearest);
    if (failed) {
      return refusal();
    }
    return node.exists() || (ancestor.permissions().accessOf(owner) & needed) == 0
        ? StoreError.EACCES
        : StoreError.ENOENT;
  }

  private StoreError refusal() {
    return expired ? StoreError.EAGAIN : StoreError.ENOSPC;
  }

  private StorePath nearestAbove(StorePath path) {
    int depth = top.reach(path);
    return depth == 0 ? StorePath.ROOT : path.prefix(depth);
  }

  Answer read(StorePath path) {
    return switch (find(path, Permission.READ)) {
      case Lookup.Found(Node node) -> node.value().asReply();
      case StoreError error -> error;
    };
  }

  Answer directory(StorePath path) {
    touch(path, CHILDREN);
    return switch (find(path, Permission.READ)) {
      case Lookup.Found(Node node) ->
          node.children().octets() > MessageHeader.PAYLOAD_MAX
              ? StoreError.E2BIG
              : Reply.of(names(node).toByteArray());
      case StoreError error -> error;
    };
  }

  /// A part of a long directory: the node's generation, names from an offset into the list of all,
  /// and an empty one after the last.
  Answer directoryPart(StorePath path, int offset) {
    touch(path, CHILDREN);
    return switch (find(path, Permission.READ)) {
      case StoreError error -> error;
      case Lookup.Found(Node node) -> {
        ByteArrayOutputStream part = new ByteArrayOutputStream();
        long generation = Math.max(node.generation(), node.childrenGeneration());
        part.writeBytes(Reply.ofString(Long.toString(generation)).payload());
        byte[] names = names(node).toByteArray();
        int end = Math.max(offset, 0);
        int room = MessageHeader.PAYLOAD_MAX - part.size() - 1;
        int start = end;
        while (end < names.length) {
          int next = end;
          while (next < names.length && names[next] != 0) {
            next++;
          }
          if (next + 1 - start > room) {
            break;
          }
          end = next + 1;
        }
        if (start < names.length) {
          part.write(names, start, end - start);
        }
        if (end >= names.length) {
          part.write(0);
        }
        yield Reply.of(part.toByteArray());
      }
    };
  }

  private static ByteArrayOutputStream names(Node node) {
    ByteArrayOutputStream names = new ByteArrayOutputStream(node.children().octets());
    node.children()
        .forEach(
            (name, _) -> {
              names.writeBytes(name.getBytes(ISO_8859_1));
              names.write(0);
            });
    return names;
  }

  Answer write(StorePath path, NodeValue value) {
    return switch (find(path, Permission.WRITE)) {
      case StoreError error when error == StoreError.ENOENT -> create(path, value);
      case StoreError error -> error;
      case Lookup.Found(Node node) -> {
        Node changed = node.withContent(value, node.permissions(), store.nextGeneration());
        if (owner.exceeds(Quota.NODE_SIZE, changed.size())) {
          yield StoreError.ENOSPC;
        }
        put(path, changed);
        yield done(path);
      }
    };
  }

  Answer mkdir(StorePath path) {
    return switch (find(path, Permission.WRITE)) {
      case StoreError error when error == StoreError.ENOENT -> create(path, NodeValue.EMPTY);
      case StoreError error -> error;
      case Lookup.Found _ -> Reply.OK;
    };
  }

  private Answer done(StorePath path) {
    if (failed) {
      return refusal();
    }
    changedPaths.add(path, true);
    return Reply.OK;
  }

  private Answer create(StorePath path, NodeValue value) {
    StorePath nearest = nearestAbove(path);
    Node parent = top.descend(nearest);
    int missing = path.depth() - nearest.depth();
    if (owner.exceeds(
        Quota.NODES, owner.nodes() + nodes.getOrDefault(owner.domid(), 0) + missing)) {
      return StoreError.ENOSPC;
    }
    Permissions permissions = store.inherited(parent.permissions(), owner);
    Node made = Node.create(value, permissions, store.nextGeneration());
    int parentSize = parent.size() + path.element(nearest.depth()).length() + 1;
    if (owner.exceeds(Quota.NODE_SIZE, Math.max(made.size(), parentSize))) {
      return StoreError.ENOSPC;
    }
    // From the bottom up, then put in place at once: a path can have a thousand levels.
    touch(path, CHANGED);
    for (int depth = path.depth() - 1; depth > nearest.depth(); depth--) {
      if (recorded) {
        touch(path.prefix(depth), CHANGED);
      }
      long now = store.nextGeneration();
      made =
          Node.create(NodeValue.EMPTY, permissions, now).withChild(path.element(depth), made, now);
    }
    put(path.prefix(nearest.depth() + 1), made);
    count(permissions.owner(), missing);
    return done(path);
  }

  /// Puts a node into this version; its parent is there.
  private void put(StorePath path, Node node) {
    touch(path, CHANGED);
    if (!failed) {
      top = put(top, path, node, store.nextGeneration());
    }
  }

  static Node put(Node top, StorePath path, Node node, long now) {
    Node[] spine = spine(top, path);
    Node changed = node;
    for (int i = spine.length - 1; i >= 0; i--) {
      changed = spine[i].withChild(path.element(i), changed, now);
    }
    return changed;
  }

  static Node remove(Node top, StorePath path, long now) {
    Node[] spine = spine(top, path);
    int last = spine.length - 1;
    Node changed = spine[last].withoutChild(path.element(last), now);
    for (int i = last - 1; i >= 0; i--) {
      changed = spine[i].withChild(path.element(i), changed, now);
    }
    return changed;
  }

  private static Node[] spine(Node top, StorePath path) {
    Node[] spine = new Node[path.depth()];
    Node node = top;
    for (int i = 0; i < spine.length; i++) {
      if (!node.exists()) {
        throw new IllegalStateException("no parent of " + path);
      }
      spine[i] = node;
      node = node.child(path.element(i));
    }
    return spine;
  }

  Answer remove(StorePath path) {
    return switch (find(path, Permission.WRITE)) {
      case StoreError error when error == StoreError.ENOENT -> {
        // Gone already is fine, but only if there is where it would have been.
        touch(path.parent(), CONTENT);
        yield top.descend(path.parent()).exists() ? Reply.OK : StoreError.ENOENT;
      }
      case StoreError error -> error;
      case Lookup.Found(Node node) -> {
        if (path.isRoot()) {
          yield StoreError.EINVAL;
        }
        removeFound(path, node);
        yield failed ? refusal() : Reply.OK;
      }
    };
  }

  /// Removes a node with all below it, whoever owns them.
  private void removeFound(StorePath path, Node node) {
    touch(path, SUBTREE | REPLACED);
    if (failed) {
      return;
    }
    // Not recursive: a path can have a thousand levels.
    record Step(StorePath path, Node node) {}
    Deque<Step> left = new ArrayDeque<>();
    List<StorePath> removed = new ArrayList<>();
    left.push(new Step(path, node));
    while (!left.isEmpty()) {
      Step step = left.pop();
      removed.add(step.path());
      count(step.node().permissions().owner(), -1);
      step.node()
          .children()
          .forEach((name, child) -> left.push(new Step(step.path().child(name), child)));
    }
    // Children before their parents, as they vanish.
    for (StorePath each : removed.reversed()) {
      changedPaths.add(each, each.equals(path));
    }
    top = remove(top, path, store.nextGeneration());
  }

  private void count(int domid, int more) {
    nodes.merge(domid, more, Integer::sum);
  }

  Answer permissions(StorePath path) {
    return switch (find(path, Permission.READ)) {
      case StoreError error -> error;
      case Lookup.Found(Node node) -> {
        StringBuilder text = new StringBuilder();
        for (Permission entry : node.permissions().entries()) {
          text.append(entry).append('\0');
        }
        yield Reply.of(text.toString().getBytes(ISO_8859_1));
      }
    };
  }

  /// @param entries with those of domains that do not exist ignored already
  Answer setPermissions(StorePath path, List<Permission> entries) {
    if (owner.exceeds(Quota.NODE_PERMISSIONS, entries.size())) {
      return StoreError.ENOSPC;
    }
    if (entries.getFirst().ignored()) {
      return StoreError.ENOENT;
    }
    return switch (find(path, Permission.WRITE | Permission.OWNER)) {
      case StoreError error -> error;
      case Lookup.Found(Node node) -> {
        int before = node.permissions().owner();
        int after = entries.getFirst().domid();
        if (!owner.privileged() && after != before) {
          yield StoreError.EPERM;
        }
        long now = store.nextGeneration();
        Node changed = node.withContent(node.value(), new Permissions(entries, now), now);
        if (owner.exceeds(Quota.NODE_SIZE, changed.size())) {
          yield StoreError.ENOSPC;
        }
        count(before, -1);
        count(after, 1);
        put(path, changed);
        yield done(path);
      }
    };
  }

  /// Removes what a dead domain leaves: the nodes that it owns with all below them, and its entries
  /// in others' permissions.
  void purge(int domid) {
    record Step(StorePath path, Node node) {}
    Deque<Step> left = new ArrayDeque<>();
    for (StorePath tree :
        List.of(StorePath.ROOT, StorePath.INTRODUCE_DOMAIN, StorePath.RELEASE_DOMAIN)) {
      left.push(new Step(tree, top.descend(tree)));
    }
    while (!left.isEmpty()) {
      Step step = left.pop();
      Node node = step.node();
      if (!node.mayMention(domid)) {
        continue;
      }
      if (node.permissions().owner() == domid && !step.path().isRoot()) {
        removeFound(step.path(), node);
        continue;
      }
      List<Permission> entries = new ArrayList<>(node.permissions().entries());
      if (entries.getFirst().domid() == domid) {
        entries.set(0, new Permission(entries.getFirst().access(), Account.CONTROL, false));
        count(domid, -1);
        count(Account.CONTROL, 1);
      }
      entries.removeIf(entry -> entry.domid() == domid);
      if (!entries.equals(node.permissions().entries())) {
        Permissions kept = new Permissions(entries, node.permissions().since());
        put(step.path(), node.withContent(node.value(), kept, store.nextGeneration()));
      }
      node.children().forEach((name, child) -> left.push(new Step(step.path().child(name), child)));
    }
  }

  /// Whether another's commit changed what this one looked at.
  boolean conflictsWith(Node now) {
    for (Map.Entry<StorePath, Integer> entry : record.entrySet()) {
      int what = entry.getValue();
      Node seen = base.descend(entry.getKey());
      Node there = now.descend(entry.getKey());
      if (seen != there
          && ((what & SUBTREE) != 0
              || !seen.exists()
              || !there.exists()
              || seen.generation() != there.generation()
              || (what & CHILDREN) != 0
                  && seen.childrenGeneration() != there.childrenGeneration())) {
        return true;
      }
      Node made = top.descend(entry.getKey());
      if ((what & CHANGED) != 0 && made.exists() && !store.lives(made.permissions())) {
        // The node's owner has died since: what it left is gone, and so must this be.
        return true;
      }
    }
    return false;
  }

  /// The store's version with this one's changes put in. Call it only if nothing conflicts.
  Node appliedTo(Node now) {
    if (now == base) {
      return top;
    }
    Node result = now;
    // In the order of paths, so that a parent comes before its children.
    for (Map.Entry<StorePath, Integer> entry : record.entrySet()) {
      StorePath path = entry.getKey();
      int what = entry.getValue();
      Node mine = top.descend(path);
      Node there = result.descend(path);
      if (mine == there) {
        continue;
      }
      if ((what & REPLACED) != 0) {
        if (mine.exists()) {
          result = put(result, path, mine, store.nextGeneration());
        } else if (there.exists()) {
          result = remove(result, path, store.nextGeneration());
        }
      } else if ((what & CHANGED) != 0 && mine.exists()) {
        Node merged =
            there.exists()
                ? there.withContent(mine.value(), mine.permissions(), mine.generation())
                : Node.create(mine.value(), mine.permissions(), mine.generation());
        result = put(result, path, merged, store.nextGeneration());
      }
    }
    return result;
  }
}
