package org.netback.xen.embedded;

/// The end of an event channel at its owner, as the ground sees it.
sealed interface ChannelEnd permits LocalChannel, EventfdPair {}
