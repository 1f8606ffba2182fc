package org.netback.adapters.tap;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;

/// A network namespace to do something in. A thread's namespace is its own, so the work is done by
/// a platform thread that enters the namespace, works and ends; no other thread ever sees it.
/// Entering needs CAP_SYS_ADMIN.
final class NetworkNamespace {
  private NetworkNamespace() {}

  /// Works in a namespace that `ip netns` knows by name, or that a path names (`/proc/1/ns/net`).
  static <T> T in(String name, Callable<T> work) throws IOException {
    String path = name.indexOf('/') >= 0 ? name : "/run/netns/" + name;
    try (Arena arena = Arena.ofConfined()) {
      int fd =
          LibC.check(
              LibC.open(arena.allocateFrom(path).address(), LibC.O_RDONLY | LibC.O_CLOEXEC),
              "open " + path,
              errno ->
                  errno == Errno.ENOENT
                      ? "no such network namespace: `ip netns add " + name + "` makes it"
                      : "");
      try {
        return in(fd, name, work);
      } finally {
        LibC.close(fd);
      }
    }
  }

  /// Works in the namespace that a descriptor stands for.
  static <T> T in(int fd, String name, Callable<T> work) throws IOException {
    FutureTask<T> task =
        new FutureTask<>(
            () -> {
              LibC.check(
                  LibC.setns(fd, LibC.CLONE_NEWNET),
                  "setns " + name,
                  errno ->
                      errno == Errno.EPERM
                          ? "entering a network namespace needs CAP_SYS_ADMIN: run as root"
                          : "");
              return work.call();
            });
    Thread.ofPlatform().name("netns " + name).daemon().start(task);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return task.get();
        } catch (InterruptedException e) {
          // The work is a few system calls; leaving it half done would leak a descriptor.
          interrupted = true;
        } catch (ExecutionException e) {
          if (e.getCause() instanceof IOException cause) {
            throw new IOException(cause.getMessage(), cause);
          }
          throw new IllegalStateException("in namespace " + name, e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
