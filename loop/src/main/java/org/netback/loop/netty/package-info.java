/// Event loops, file descriptors and Unix sockets on Netty's epoll transport.
@NullMarked
package org.netback.loop.netty;

import org.jspecify.annotations.NullMarked;
