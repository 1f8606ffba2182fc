// A learning switch on taps that does the least that the job allows: what any switch in user space
// that owns taps has to pay. One thread waits for all taps; a frame costs one read and, per
// destination, one write of the same octets. Frames of 64 KiB cross whole, with their
// virtio_net_hdr in front, for which the taps are told that everything is accepted.
//
//   tapswitch NAMESPACE:TAP...
//
// NAMESPACE is a file under /run/netns. No ageing, no filter, no multicast snooping, no counters.
// Ends on SIGTERM.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  PORTS = 64,
  HEADER = sizeof(struct virtio_net_hdr),
  LONGEST = HEADER + 14 + 65536,
  // Frames that a tap may have carried before the next has its turn.
  TURN = 64,
  // Stations that collide displace each other, and are flooded to until they send again.
  STATION_BITS = 12,
};

struct station {
  uint64_t address;
  int port;
};

static struct station stations[1 << STATION_BITS];
static int taps[PORTS];
static int ports;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

// An address as a number; its first octet is the lowest, so a group's number is odd.
static inline uint64_t address(const uint8_t *octets) {
  uint64_t number = 0;
  memcpy(&number, octets, 6);
  return number;
}

static inline struct station *station(uint64_t address) {
  return &stations[address * 0x9e3779b97f4a7c15u >> (64 - STATION_BITS)];
}

static int open_tap(const char *namespace, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int there = open(path, O_RDONLY | O_CLOEXEC);
  if (there < 0 || setns(there, CLONE_NEWNET) < 0) fail(path);
  close(there);
  int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(tap, TUNSETIFF, &request) < 0) fail(name);
  int header = HEADER;
  if (ioctl(tap, TUNSETVNETHDRSZ, &header) < 0) fail("TUNSETVNETHDRSZ");
  if (ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) fail("TUNSETOFFLOAD");
  return tap;
}

// A tap that takes no frame loses it, as a wire would.
static inline void send_to(int port, const uint8_t *frame, size_t length) {
  if (write(taps[port], frame, length) < 0 && errno == EBADFD) fail("a tap is gone");
}

static inline void carry(int from, const uint8_t *frame, size_t length) {
  uint64_t to = address(frame + HEADER);
  uint64_t sender = address(frame + HEADER + 6);
  if (!(sender & 1)) {
    struct station *known = station(sender);
    known->address = sender;
    known->port = from;
  }
  struct station *known = station(to);
  if (!(to & 1) && known->address == to) {
    if (known->port != from) send_to(known->port, frame, length);
    return;
  }
  for (int port = 0; port < ports; port++) {
    if (port != from) send_to(port, frame, length);
  }
}

int main(int count, char **arguments) {
  static uint8_t frame[LONGEST];
  int waiting = epoll_create1(EPOLL_CLOEXEC);
  if (waiting < 0) fail("epoll_create1");
  for (int i = 1; i < count; i++) {
    char *colon = strchr(arguments[i], ':');
    if (!colon || ports == PORTS) {
      fprintf(stderr, "usage: tapswitch NAMESPACE:TAP..., %d at most\n", PORTS);
      return 2;
    }
    *colon = 0;
    taps[ports] = open_tap(arguments[i], colon + 1);
    struct epoll_event readable = {.events = EPOLLIN, .data.u32 = ports};
    if (epoll_ctl(waiting, EPOLL_CTL_ADD, taps[ports], &readable) < 0) fail("epoll_ctl");
    ports++;
  }
  for (;;) {
    struct epoll_event ready[PORTS];
    int n = epoll_wait(waiting, ready, PORTS, -1);
    if (n < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < n; i++) {
      int from = ready[i].data.u32;
      for (int turn = 0; turn < TURN; turn++) {
        ssize_t length = read(taps[from], frame, sizeof frame);
        if (length < HEADER + 14) break;
        carry(from, frame, length);
      }
    }
  }
}
