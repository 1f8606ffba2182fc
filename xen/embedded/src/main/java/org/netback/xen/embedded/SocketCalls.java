package org.netback.xen.embedded;

import com.sun.jna.Native;
import com.sun.jna.Platform;

/// The calls of libc for Unix sockets that carry descriptors. Each returns what libc does; on
/// failure the error is [Errno#last].
@SuppressWarnings("MemberName") // libc's names, by which JNA finds the functions
final class SocketCalls {
  static final int AF_UNIX = 1;
  static final int SOCK_SEQPACKET = 5;
  static final int SOCK_CLOEXEC = 0x80000;
  static final int SOL_SOCKET = 1;
  static final int SO_PEERCRED = 17;
  static final int SO_RCVTIMEO = 20;
  static final int SO_SNDTIMEO = 21;
  static final int SCM_RIGHTS = 1;
  static final int MSG_CTRUNC = 8;
  static final int MSG_TRUNC = 0x20;
  static final int MSG_DONTWAIT = 0x40;
  static final int MSG_NOSIGNAL = 0x4000;
  static final int MSG_CMSG_CLOEXEC = 0x40000000;
  static final int SHUT_RDWR = 2;

  static {
    Native.register(SocketCalls.class, Platform.C_LIBRARY_NAME);
  }

  private SocketCalls() {}

  static native int socket(int domain, int type, int protocol);

  static native int socketpair(int domain, int type, int protocol, long twoDescriptors);

  static native int bind(int fd, long address, int length);

  static native int connect(int fd, long address, int length);

  static native int listen(int fd, int backlog);

  static native int accept4(int fd, long address, long length, int flags);

  static native int getsockopt(int fd, int level, int name, long value, long length);

  static native int setsockopt(int fd, int level, int name, long value, int length);

  static native long sendmsg(int fd, long message, int flags);

  static native long recvmsg(int fd, long message, int flags);

  static native int shutdown(int fd, int how);

  static native int getuid();
}
