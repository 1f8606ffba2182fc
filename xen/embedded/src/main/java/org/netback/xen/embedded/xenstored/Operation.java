package org.netback.xen.embedded.xenstored;

import java.util.Optional;

/// The requests of xs_wire.h (`enum xsd_sockmsg_type`).
enum Operation {
  CONTROL(0, true, true),
  DIRECTORY(1, false, true),
  READ(2, false, true),
  GET_PERMS(3, false, true),
  WATCH(4, false, false),
  UNWATCH(5, false, false),
  TRANSACTION_START(6, false, true),
  TRANSACTION_END(7, false, true),
  INTRODUCE(8, true, true),
  RELEASE(9, true, true),
  GET_DOMAIN_PATH(10, false, true),
  WRITE(11, false, true),
  MKDIR(12, false, true),
  RM(13, false, true),
  SET_PERMS(14, false, true),
  IS_DOMAIN_INTRODUCED(17, true, true),
  RESUME(18, true, true),
  SET_TARGET(19, true, true),
  RESET_WATCHES(21, false, true),
  DIRECTORY_PART(22, false, true),
  GET_FEATURE(23, false, true),
  SET_FEATURE(24, true, true),
  GET_QUOTA(25, true, true),
  SET_QUOTA(26, true, true);

  private static final Operation[] BY_TYPE = new Operation[27];

  static {
    for (Operation operation : values()) {
      BY_TYPE[operation.type] = operation;
    }
  }

  private final int type;
  private final boolean privileged;
  private final boolean transactional;

  Operation(int type, boolean privileged, boolean transactional) {
    this.type = type;
    this.privileged = privileged;
    this.transactional = transactional;
  }

  static Optional<Operation> of(int type) {
    return type < 0 || type >= BY_TYPE.length
        ? Optional.empty()
        : Optional.ofNullable(BY_TYPE[type]);
  }

  int type() {
    return type;
  }

  /// Whether only the control domain may ask for it.
  boolean privileged() {
    return privileged;
  }

  /// Whether the request's transaction number is looked at.
  boolean transactional() {
    return transactional;
  }
}
