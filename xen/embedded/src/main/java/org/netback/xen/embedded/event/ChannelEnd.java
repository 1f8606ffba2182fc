package org.netback.xen.embedded.event;

/// The end of an event channel at its owner, as the ground sees it.
public sealed interface ChannelEnd permits LocalChannel, EventfdPair {}
