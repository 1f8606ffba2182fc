package org.netback.xen.dom0;

/// Numbers and layouts of xen/privcmd.h.
final class Privcmd {
  static final String PATH = "/dev/xen/privcmd";

  static final long MMAPBATCH_V2 = 0x205004;

  /// `struct privcmd_mmapbatch_v2`.
  static final int BATCH_SIZE = 32;

  static final int BATCH_NUM = 0;
  static final int BATCH_DOM = 4;
  static final int BATCH_ADDR = 8;
  static final int BATCH_ARR = 16;
  static final int BATCH_ERR = 24;

  private Privcmd() {}
}
