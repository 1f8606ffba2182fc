package org.netback.netif;

import org.netback.xen.grant.DeferredGrantTable;
import org.netback.xen.grant.GrantTable;

/// The same on a ground that makes copies when all are known.
final class DeferredGrantLenderTest extends GrantLenderTest {
  @Override
  GrantTable ground(GrantTable embedded) {
    return new DeferredGrantTable(embedded, () -> false);
  }
}
