package org.netback.xen.embedded.xenstored;

/// Why the store refused a request; the names are those that xs_wire.h sends.
enum StoreError implements Answer, Lookup {
  EINVAL,
  EACCES,
  EEXIST,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  EBUSY,
  EAGAIN,
  E2BIG,
  EPERM
}
