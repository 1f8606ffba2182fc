/// The backend of network devices (io/netif.h): a vif's queues, and the port by which its guest is
/// joined to the switch.
@NullMarked
package org.netback.netif;

import org.jspecify.annotations.NullMarked;
