package org.netback.xen.embedded.xenstored;

/// One version of a node: a change makes a new one, and new ones of all above it, so that a
/// transaction keeps its view of the whole store by keeping one reference.
///
/// Two nodes are the same only if they are one object: then nothing below differs either.
final class Node {
  private final NodeValue value;
  private final Permissions permissions;
  private final long generation;
  private final Children children;
  private final long childrenGeneration;

  Node(
      NodeValue value,
      Permissions permissions,
      long generation,
      Children children,
      long childrenGeneration) {
    this.value = value;
    this.permissions = permissions;
    this.generation = generation;
    this.children = children;
    this.childrenGeneration = childrenGeneration;
  }

  NodeValue value() {
    return value;
  }

  Permissions permissions() {
    return permissions;
  }

  /// When the value or the permissions last changed; no two changes share one.
  long generation() {
    return generation;
  }

  Children children() {
    return children;
  }

  /// When a child was last added or removed.
  long childrenGeneration() {
    return childrenGeneration;
  }

  static Node create(NodeValue value, Permissions permissions, long generation) {
    return new Node(value, permissions, generation, Children.NONE, generation);
  }

  boolean exists() {
    return this != Children.ABSENT;
  }

  Node child(String name) {
    return children.get(name);
  }

  /// The node at a path below this one, which is the top of a tree, or [Children#ABSENT].
  Node descend(StorePath path) {
    Node node = this;
    for (int i = 0; i < path.depth() && node.exists(); i++) {
      node = node.child(path.element(i));
    }
    return node;
  }

  /// How many elements of a path, from this node as the top, there are.
  int reach(StorePath path) {
    Node node = this;
    int depth = 0;
    while (depth < path.depth()) {
      node = node.child(path.element(depth));
      if (!node.exists()) {
        break;
      }
      depth++;
    }
    return depth;
  }

  Node withContent(NodeValue newValue, Permissions newPermissions, long now) {
    return new Node(newValue, newPermissions, now, children, childrenGeneration);
  }

  Node withChild(String name, Node child, long now) {
    Children changed = children.with(name, child);
    return new Node(
        value,
        permissions,
        generation,
        changed,
        changed.size() == children.size() ? childrenGeneration : now);
  }

  Node withoutChild(String name, long now) {
    return new Node(value, permissions, generation, children.without(name), now);
  }

  /// Octets that count against [Quota#NODE_SIZE]: the fixed part, the permissions, the value and
  /// the children's names with their nuls.
  int size() {
    return 24 + 8 * permissions.entries().size() + value.length() + children.octets();
  }

  /// Whether the node or one below it may name the domain in its permissions.
  boolean mayMention(int domid) {
    long bit = Permissions.mentionOf(domid);
    return ((permissions.mentions() | children.mentions()) & bit) != 0;
  }
}
