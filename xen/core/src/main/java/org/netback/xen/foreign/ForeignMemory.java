package org.netback.xen.foreign;

import java.io.IOException;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// Any page of another domain, by its frame number and without a grant: a right of the control
/// domain, and of a domain that was given it over another. The framebuffer's frontend counts on it,
/// and so do consoles of domains whose toolstack has granted no page.
public interface ForeignMemory {
  /// Maps pages side by side, all or none.
  ///
  /// @param frames the guest's numbers for them (GFN; of a PV guest, the machine's); at least one
  /// @throws IOException the domain or one of the pages is not there, or is not to be had; says
  ///   which
  GrantMapping map(int domid, long[] frames, boolean readOnly) throws IOException;
}
