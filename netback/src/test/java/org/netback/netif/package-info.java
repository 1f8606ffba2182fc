/// Tests of the network backend, with guests that misbehave.
@NullMarked
package org.netback.netif;

import org.jspecify.annotations.NullMarked;
