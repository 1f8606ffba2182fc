package org.netback.xen.ground;

import org.netback.xen.event.EventChannels;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantTable;

/// Other domains as a driver reaches them: their pages, as far as they are granted, the channels to
/// them, and, for those few devices that need it, any of their pages.
public record Guests(GrantTable grants, EventChannels events, ForeignMemory foreign) {}
