package org.netback.netif;

import java.lang.foreign.Arena;
import org.netback.loop.EventLoop;
import org.netback.xen.grant.GrantTable;

/// An event loop and the memory of the round that runs on it. Queues are dealt out to these, not to
/// bare loops, so that a thousand queues need no more memory for their rounds than one.
///
/// @param round to be used on the loop only
record LoopMemory(EventLoop loop, TxRound round) {
  LoopMemory(EventLoop loop, GrantTable grants, Arena memory) {
    this(loop, new TxRound(grants, memory));
  }
}
