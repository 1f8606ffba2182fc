package org.netback.netif;

import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GrantTable;

/// What of the host a vif needs: other domains' pages and event channels.
record Ground(GrantTable grants, EventChannels events) {}
