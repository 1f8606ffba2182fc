package org.netback.netif;

import org.netback.xen.grant.GrantCopy;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantTable;

/// A grant table with something that happens between the slots' being read and the copy.
record InterposedGrantTable(GrantTable grants, Runnable beforeCopy) implements GrantTable {
  @Override
  public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
    return grants.map(domid, grefs, readOnly);
  }

  @Override
  public void copy(GrantCopy batch) {
    beforeCopy.run();
    grants.copy(batch);
  }
}
