package org.netback.xen.embedded.xenstored;

import java.util.function.BiConsumer;

/// A node's children by name, in the names' order: a balanced tree (AVL) whose versions share what
/// they have in common, so that a directory of ten thousand domains changes in some ten steps.
final class Children {
  static final Children NONE = new Children();

  /// The node that is not there.
  static final Node ABSENT = NONE.node;

  private final Children left;
  private final Children right;
  private final String name;
  private final Node node;
  private final int height;
  private final int size;
  private final int octets;
  private final long mentions;

  private Children() {
    left = this;
    right = this;
    name = "";
    node = new Node(NodeValue.EMPTY, Permissions.NONE, 0, this, 0);
    height = 0;
    size = 0;
    octets = 0;
    mentions = 0;
  }

  private Children(Children left, String name, Node node, Children right) {
    this.left = left;
    this.right = right;
    this.name = name;
    this.node = node;
    height = 1 + Math.max(left.height, right.height);
    size = 1 + left.size + right.size;
    octets = name.length() + 1 + left.octets + right.octets;
    mentions =
        left.mentions | right.mentions | node.permissions().mentions() | node.children().mentions;
  }

  int size() {
    return size;
  }

  int height() {
    return height;
  }

  /// Length of the list of names, each with a closing nul.
  int octets() {
    return octets;
  }

  /// The union of [Permissions#mentions] of all nodes below.
  long mentions() {
    return mentions;
  }

  Node get(String wanted) {
    Children at = this;
    while (at != NONE) {
      int order = wanted.compareTo(at.name);
      if (order == 0) {
        return at.node;
      }
      at = order < 0 ? at.left : at.right;
    }
    return ABSENT;
  }

  void forEach(BiConsumer<String, Node> action) {
    if (this != NONE) {
      left.forEach(action);
      action.accept(name, node);
      right.forEach(action);
    }
  }

  Children with(String added, Node child) {
    if (this == NONE) {
      return new Children(NONE, added, child, NONE);
    }
    int order = added.compareTo(name);
    if (order == 0) {
      return new Children(left, name, child, right);
    }
    return order < 0
        ? balanced(left.with(added, child), name, node, right)
        : balanced(left, name, node, right.with(added, child));
  }

  Children without(String removed) {
    if (this == NONE) {
      return this;
    }
    int order = removed.compareTo(name);
    if (order < 0) {
      return balanced(left.without(removed), name, node, right);
    }
    if (order > 0) {
      return balanced(left, name, node, right.without(removed));
    }
    if (left == NONE) {
      return right;
    }
    if (right == NONE) {
      return left;
    }
    Children next = right.first();
    return balanced(left, next.name, next.node, right.without(next.name));
  }

  private Children first() {
    Children at = this;
    while (at.left != NONE) {
      at = at.left;
    }
    return at;
  }

  private static Children balanced(Children left, String name, Node node, Children right) {
    if (left.height > right.height + 1) {
      if (left.left.height >= left.right.height) {
        return new Children(
            left.left, left.name, left.node, new Children(left.right, name, node, right));
      }
      Children middle = left.right;
      return new Children(
          new Children(left.left, left.name, left.node, middle.left),
          middle.name,
          middle.node,
          new Children(middle.right, name, node, right));
    }
    if (right.height > left.height + 1) {
      if (right.right.height >= right.left.height) {
        return new Children(
            new Children(left, name, node, right.left), right.name, right.node, right.right);
      }
      Children middle = right.left;
      return new Children(
          new Children(left, name, node, middle.left),
          middle.name,
          middle.node,
          new Children(middle.right, right.name, right.node, right.right));
    }
    return new Children(left, name, node, right);
  }
}
