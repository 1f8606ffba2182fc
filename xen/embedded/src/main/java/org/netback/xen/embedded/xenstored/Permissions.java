package org.netback.xen.embedded.xenstored;

import java.util.List;

/// A node's permissions, the owner's first, whose access is also everyone else's without an entry.
///
/// @param since the store's generation when they were written: they mean only domains that were
///   there by then, so a new domain does not inherit what its number was granted before
record Permissions(List<Permission> entries, long since) {
  static final Permissions NONE =
      new Permissions(List.of(new Permission(0, Account.CONTROL, false)), 0);

  int owner() {
    return entries.getFirst().domid();
  }

  boolean ownedBy(Account account) {
    return owner() == account.domid() && account.bornBy(since);
  }

  /// What a domain may do, as a union of [Permission#READ], [Permission#WRITE] and
  /// [Permission#OWNER].
  int accessOf(Account account) {
    if (account.privileged() || allows(entries.getFirst(), account)) {
      return Permission.READ | Permission.WRITE | Permission.OWNER;
    }
    for (int i = 1; i < entries.size(); i++) {
      Permission entry = entries.get(i);
      if (!entry.ignored() && allows(entry, account)) {
        return entry.access();
      }
    }
    return entries.getFirst().access();
  }

  private boolean allows(Permission entry, Account account) {
    return entry.domid() == Permission.ANY_DOMAIN
        || names(entry, account)
        || account.target().filter(target -> names(entry, target)).isPresent();
  }

  private boolean names(Permission entry, Account account) {
    return entry.domid() == account.domid() && account.bornBy(since);
  }

  /// A bit per domain (numbers share bits), so that a dead domain's traces are found without
  /// walking the whole tree. The control domain has none, it does not die.
  long mentions() {
    long bits = 0;
    for (Permission entry : entries) {
      bits |= mentionOf(entry.domid());
    }
    return bits;
  }

  static long mentionOf(int domid) {
    return domid == Account.CONTROL ? 0 : 1L << (domid & 63);
  }
}
