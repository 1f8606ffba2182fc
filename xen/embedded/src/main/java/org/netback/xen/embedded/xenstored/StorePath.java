package org.netback.xen.embedded.xenstored;

import java.util.Arrays;
import java.util.Optional;

/// A valid absolute path: `/`, `/a/b`, or one of a special watch, `@releaseDomain/5`. Its elements
/// start with the root's own, `/` or the special name, so that both kinds live in one tree.
final class StorePath implements Comparable<StorePath> {
  /// XENSTORE_ABS_PATH_MAX
  static final int ABSOLUTE_MAX = 3072;

  /// XENSTORE_REL_PATH_MAX
  static final int RELATIVE_MAX = 2048;

  static final StorePath ROOT = new StorePath("/", new String[] {"/"});
  static final StorePath INTRODUCE_DOMAIN = special("@introduceDomain");
  static final StorePath RELEASE_DOMAIN = special("@releaseDomain");

  private static final String DOMAINS = "/local/domain/";

  private final String text;
  private final String[] elements;

  private StorePath(String text, String[] elements) {
    this.text = text;
    this.elements = elements;
  }

  private static StorePath special(String text) {
    return new StorePath(text, text.split("/", -1));
  }

  static String ofDomain(int domid) {
    return DOMAINS + domid;
  }

  /// Reads a path as a domain sent it; relative ones start at the domain's directory.
  ///
  /// @param specials whether names of special watches are allowed
  static Optional<StorePath> parse(String name, Account account, boolean specials) {
    if (name.length() > ABSOLUTE_MAX) {
      return Optional.empty();
    }
    boolean special = name.startsWith("@");
    if (special && !specials) {
      return Optional.empty();
    }
    String path = special || name.startsWith("/") ? name : ofDomain(account.domid()) + '/' + name;
    return path.length() > ABSOLUTE_MAX
            || account.exceeds(Quota.PATH_LENGTH, path.length() - domainPrefix(path))
        ? Optional.empty()
        : parse(path);
  }

  /// The length of `/local/domain/<domid>/` at a path's start, which does not count as the path's.
  private static int domainPrefix(String path) {
    if (!path.startsWith(DOMAINS)) {
      return 0;
    }
    int slash = path.indexOf('/', DOMAINS.length());
    return slash > 0 && Account.parseDomid(path.substring(DOMAINS.length(), slash)) >= 0
        ? slash + 1
        : 0;
  }

  private static Optional<StorePath> parse(String path) {
    if (path.equals("/")) {
      return Optional.of(ROOT);
    }
    boolean special = path.charAt(0) == '@';
    int count = 1;
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '/') {
        count++;
        if (i + 1 == path.length() || path.charAt(i + 1) == '/') {
          return Optional.empty();
        }
      } else if (!valid(c)) {
        return Optional.empty();
      }
    }
    String[] elements = new String[count];
    int at = 0;
    int from = 0;
    if (!special) {
      elements[at++] = "/";
      from = 1;
    }
    while (at < count) {
      int slash = path.indexOf('/', from);
      int to = slash < 0 ? path.length() : slash;
      elements[at++] = path.substring(from, to);
      from = to + 1;
    }
    return Optional.of(new StorePath(path, elements));
  }

  private static boolean valid(char c) {
    return c >= 'a' && c <= 'z'
        || c >= '0' && c <= '9'
        || c >= 'A' && c <= 'Z'
        || c == '-'
        || c == '_'
        || c == '@';
  }

  int depth() {
    return elements.length;
  }

  String element(int index) {
    return elements[index];
  }

  String name() {
    return elements[elements.length - 1];
  }

  boolean isRoot() {
    return elements.length == 1;
  }

  /// The path above; the root's for the topmost, as for a special name.
  StorePath parent() {
    if (elements.length == 1) {
      return ROOT;
    }
    return prefix(elements.length - 1);
  }

  /// The path of this one's first elements.
  StorePath prefix(int depth) {
    if (depth == elements.length) {
      return this;
    }
    int length = text.length();
    for (int i = depth; i < elements.length; i++) {
      length -= elements[i].length() + 1;
    }
    return length <= 0
        ? ROOT
        : new StorePath(text.substring(0, length), Arrays.copyOf(elements, depth));
  }

  StorePath child(String name) {
    String[] longer = Arrays.copyOf(elements, elements.length + 1);
    longer[elements.length] = name;
    return new StorePath(text.equals("/") ? '/' + name : text + '/' + name, longer);
  }

  @Override
  public int compareTo(StorePath other) {
    return text.compareTo(other.text);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StorePath path && text.equals(path.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
