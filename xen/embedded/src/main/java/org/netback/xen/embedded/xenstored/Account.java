package org.netback.xen.embedded.xenstored;

import java.util.Optional;

/// What the store knows of a domain, however many clients act for it: what it uses, how much it
/// may, and whose permissions it shares. There is one before the domain is introduced, since
/// toolstacks write a domain's nodes first.
final class Account {
  static final int CONTROL = 0;

  private final int domid;
  private final long born;
  private final int[] limits;
  private Optional<Account> target = Optional.empty();
  private boolean introduced;
  private boolean shutDown;
  private int nodes;
  private int watches;
  private int transactions;

  /// @param born the store's generation when it got to know the domain
  Account(int domid, long born, int[] limits) {
    this.domid = domid;
    this.born = born;
    this.limits = limits.clone();
  }

  /// Reads a decimal domain number, -1 if it is none.
  static int parseDomid(String text) {
    if (text.isEmpty() || text.length() > 5) {
      return -1;
    }
    int value = 0;
    for (int i = 0; i < text.length(); i++) {
      char digit = text.charAt(i);
      if (digit < '0' || digit > '9') {
        return -1;
      }
      value = value * 10 + digit - '0';
    }
    return value > 0xffff ? -1 : value;
  }

  int domid() {
    return domid;
  }

  boolean privileged() {
    return domid == CONTROL;
  }

  boolean bornBy(long generation) {
    return born <= generation;
  }

  /// The domain whose permissions this one shares (`XS_SET_TARGET`).
  Optional<Account> target() {
    return target;
  }

  void aim(Optional<Account> at) {
    target = at;
  }

  boolean introduced() {
    return introduced;
  }

  void introduce() {
    introduced = true;
    shutDown = false;
  }

  /// Whether this is the first that the store hears of the domain's shutdown.
  boolean shutDown() {
    boolean first = introduced && !shutDown;
    shutDown = true;
    return first;
  }

  void resume() {
    shutDown = false;
  }

  int limit(Quota quota) {
    return limits[quota.ordinal()];
  }

  void limit(Quota quota, int value) {
    limits[quota.ordinal()] = value;
  }

  boolean exceeds(Quota quota, int value) {
    return !privileged() && limit(quota) != 0 && value > limit(quota);
  }

  int nodes() {
    return nodes;
  }

  void countNodes(int more) {
    nodes += more;
  }

  int watches() {
    return watches;
  }

  void countWatches(int more) {
    watches += more;
  }

  int transactions() {
    return transactions;
  }

  void countTransactions(int more) {
    transactions += more;
  }
}
