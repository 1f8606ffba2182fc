package org.netback.xen.embedded.xenstored;

import java.util.Optional;

/// What a domain other than the control domain can use of the store at most; 0 lifts a limit.
enum Quota {
  NODES("nodes", 1000),
  WATCHES("watches", 128),
  TRANSACTIONS("transactions", 10),
  TRANSACTION_NODES("transaction-nodes", 1024),
  NODE_PERMISSIONS("node-permissions", 5),
  PATH_LENGTH("path-max", StorePath.RELATIVE_MAX),
  NODE_SIZE("node-size", 2048);

  private final String wireName;
  private final int initial;

  Quota(String wireName, int initial) {
    this.wireName = wireName;
    this.initial = initial;
  }

  String wireName() {
    return wireName;
  }

  int initial() {
    return initial;
  }

  static int[] initials() {
    int[] limits = new int[values().length];
    for (Quota quota : values()) {
      limits[quota.ordinal()] = quota.initial;
    }
    return limits;
  }

  static Optional<Quota> named(String wireName) {
    for (Quota quota : values()) {
      if (quota.wireName.equals(wireName)) {
        return Optional.of(quota);
      }
    }
    return Optional.empty();
  }
}
