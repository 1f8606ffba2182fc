package org.netback.xen.dom0;

/// Numbers and layouts of xen/gntalloc.h.
final class Gntalloc {
  static final String PATH = "/dev/xen/gntalloc";

  static final long ALLOC_GREF = 0x184705;
  static final long DEALLOC_GREF = 0x104706;

  /// `struct ioctl_gntalloc_alloc_gref` with one reference.
  static final int ALLOC_SIZE = 24;

  static final int ALLOC_DOMID = 0;
  static final int ALLOC_FLAGS = 2;
  static final int ALLOC_COUNT = 4;
  static final int ALLOC_INDEX = 8;
  static final int ALLOC_GREF_IDS = 16;

  /// `GNTALLOC_FLAG_WRITABLE`.
  static final short WRITABLE = 1;

  /// `struct ioctl_gntalloc_dealloc_gref`.
  static final int DEALLOC_SIZE = 16;

  static final int DEALLOC_INDEX = 0;
  static final int DEALLOC_COUNT = 8;

  private Gntalloc() {}
}
