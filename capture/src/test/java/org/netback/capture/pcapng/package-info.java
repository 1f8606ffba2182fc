@NullMarked
package org.netback.capture.pcapng;

import org.jspecify.annotations.NullMarked;
