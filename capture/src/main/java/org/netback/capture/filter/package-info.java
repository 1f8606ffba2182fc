/// Capture filters: libpcap's compiler, and an interpreter of its programs (classic BPF).
@NullMarked
package org.netback.capture.filter;

import org.jspecify.annotations.NullMarked;
