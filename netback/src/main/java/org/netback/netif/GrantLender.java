package org.netback.netif;

import org.netback.packet.Frame;
import org.netback.packet.FrameLender;
import org.netback.xen.grant.GrantCopies;

/// A [FrameLender] that has the rest of its frames in pages which a domain has granted, so that it
/// can go from there to another guest's pages without a stop in private memory. [RxStage] copies
/// from these; it has the frames of any other lender pulled in.
interface GrantLender extends FrameLender {
  /// Adds the copies of a part of a frame's rest to those of its receiver, and looks at nothing:
  /// what cannot be read shows when they are carried out, in their statuses. They may be given up
  /// and the frame pulled in instead.
  ///
  /// @param frame lent by this, not [Frame#isWhole()]
  /// @param from offset in the frame of the first octet, not before [Frame#head]
  /// @param length octets, not more than the frame has from there
  /// @param into where the copies are added, one for each piece that the part lies in. Frames that
  ///   are handed over together lie in no more pieces than a tx ring has slots, 256
  /// @param toGref a page of the receiver's
  /// @param toOffset where in that page the part begins, in octets
  void copyRest(
      Frame frame, int from, int length, GrantCopies into, int toDomid, int toGref, int toOffset);
}
