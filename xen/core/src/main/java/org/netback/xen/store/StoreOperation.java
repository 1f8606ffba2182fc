package org.netback.xen.store;

import java.util.Optional;

/// Types of messages (io/xs_wire.h `enum xsd_sockmsg_type`).
public enum StoreOperation {
  CONTROL(0),
  DIRECTORY(1),
  READ(2),
  GET_PERMS(3),
  WATCH(4),
  UNWATCH(5),
  TRANSACTION_START(6),
  TRANSACTION_END(7),
  INTRODUCE(8),
  RELEASE(9),
  GET_DOMAIN_PATH(10),
  WRITE(11),
  MKDIR(12),
  RM(13),
  SET_PERMS(14),
  WATCH_EVENT(15),
  ERROR(16),
  IS_DOMAIN_INTRODUCED(17),
  RESUME(18),
  SET_TARGET(19),
  RESET_WATCHES(21),
  DIRECTORY_PART(22),
  GET_FEATURE(23),
  SET_FEATURE(24),
  GET_QUOTA(25),
  SET_QUOTA(26);

  private final int type;

  StoreOperation(int type) {
    this.type = type;
  }

  /// The number in a message's header.
  public int type() {
    return type;
  }

  /// The operation of a number, if there is one.
  public static Optional<StoreOperation> of(int type) {
    for (StoreOperation operation : values()) {
      if (operation.type == type) {
        return Optional.of(operation);
      }
    }
    return Optional.empty();
  }
}
