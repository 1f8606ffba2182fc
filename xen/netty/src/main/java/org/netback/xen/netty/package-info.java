/// Event loops, file descriptors and Unix sockets for the grounds, on Netty's epoll transport.
@NullMarked
package org.netback.xen.netty;

import org.jspecify.annotations.NullMarked;
