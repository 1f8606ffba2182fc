package org.netback.xen.ground;

import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GrantTable;

/// Other domains as a driver reaches them: their pages, as far as they are granted, and the
/// channels to them.
public record Guests(GrantTable grants, EventChannels events) {}
