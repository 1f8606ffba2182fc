package org.netback.netif;

import org.netback.ctrl.GrefBudget;
import org.netback.loop.InternalErrors;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GrantTable;

/// What of the host a vif needs: other domains' pages and event channels.
///
/// @param grefBudget what all guests together may have mapped for good
/// @param errors where the devices' own bugs are recorded
record Ground(
    GrantTable grants, EventChannels events, GrefBudget grefBudget, InternalErrors errors) {}
