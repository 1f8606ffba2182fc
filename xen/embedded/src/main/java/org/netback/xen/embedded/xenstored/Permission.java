package org.netback.xen.embedded.xenstored;

import java.util.Optional;

/// One entry of a node's permissions.
///
/// @param access what the entry allows, [#READ] and [#WRITE] together or neither
/// @param ignored the domain did not exist when the entry was written, or has died since: the entry
///   is still shown, but a later domain of the same number gains nothing by it (XSA-322)
record Permission(int access, int domid, boolean ignored) {
  static final int READ = 1;
  static final int WRITE = 2;

  /// Full control; never in an entry, the first entry's domain has it.
  static final int OWNER = 4;

  /// Stands for every domain (DOMID_ANY).
  static final int ANY_DOMAIN = 0x7ff5;

  private static final String LETTERS = "nrwb";

  /// Reads `n3`, `r3`, `w3` or `b3`.
  static Optional<Permission> parse(String text) {
    if (text.length() < 2 || text.length() > 6) {
      return Optional.empty();
    }
    int access = LETTERS.indexOf(text.charAt(0));
    int domid = Account.parseDomid(text.substring(1));
    return access < 0 || domid < 0
        ? Optional.empty()
        : Optional.of(new Permission(access, domid, false));
  }

  Permission ignore() {
    return ignored ? this : new Permission(access, domid, true);
  }

  @Override
  public String toString() {
    return LETTERS.charAt(access) + Integer.toString(domid);
  }
}
