package org.netback.xen.dom0;

/// Numbers and layouts of xen/gntdev.h.
final class Gntdev {
  static final String PATH = "/dev/xen/gntdev";

  static final long MAP_GRANT_REF = 0x184700;
  static final long UNMAP_GRANT_REF = 0x104701;
  static final long GRANT_COPY = 0x104708;

  /// `struct ioctl_gntdev_map_grant_ref`, without its references.
  static final int MAP_COUNT = 0;

  static final int MAP_INDEX = 8;
  static final int MAP_REFS = 16;

  /// `struct ioctl_gntdev_grant_ref`.
  static final int REF_SIZE = 8;

  static final int REF_DOMID = 0;
  static final int REF_REF = 4;

  /// `struct ioctl_gntdev_unmap_grant_ref`.
  static final int UNMAP_SIZE = 16;

  static final int UNMAP_INDEX = 0;
  static final int UNMAP_COUNT = 8;

  /// `struct ioctl_gntdev_grant_copy`.
  static final int COPY_SIZE = 16;

  static final int COPY_COUNT = 0;
  static final int COPY_SEGMENTS = 8;

  /// `struct gntdev_grant_copy_segment`.
  static final int SEGMENT_SIZE = 24;

  static final int SEGMENT_SOURCE = 0;
  static final int SEGMENT_DEST = 8;
  static final int SEGMENT_LEN = 16;
  static final int SEGMENT_FLAGS = 18;
  static final int SEGMENT_STATUS = 20;

  /// The foreign kind of a segment's source or destination.
  static final int FOREIGN_REF = 0;

  static final int FOREIGN_OFFSET = 4;
  static final int FOREIGN_DOMID = 6;

  /// `GNTCOPY_source_gref`, of public/grant_table.h.
  static final short SOURCE_GREF = 1;

  /// `GNTCOPY_dest_gref`.
  static final short DEST_GREF = 2;

  private Gntdev() {}
}
