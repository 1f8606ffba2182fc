/// The calls of Linux's libc, and the names of its errors.
@NullMarked
package org.netback.loop.libc;

import org.jspecify.annotations.NullMarked;
