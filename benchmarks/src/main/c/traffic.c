// The ends of a switch under test: sends, answers, joins, counts. Every mode ends by itself after
// SECONDS (60 at most) and prints one line of JSON.
//
//   traffic frames DEVICE TO-MAC SECONDS [PER-SECOND [GROUP]]
//       sends frames of 60 octets (64 on a wire) through a packet socket, as fast as the device
//       takes them or paced; with a GROUP they are UDP datagrams to it, else of an ethertype that
//       no stack knows. {"sent", "refused", "seconds"}: refused ones were lost before the switch
//   traffic echo SECONDS
//       answers datagrams on port 7777. {"answered"}
//   traffic ask ADDRESS SECONDS
//       one datagram of 32 octets in flight: microseconds from sending to the answer.
//       {"answers", "lost", "p50", "p99", "p999", "longest"}
//   traffic join DEVICE GROUP SECONDS
//       is a member, and reads nothing. {}
//   traffic count DEVICE MAC SECONDS
//       {"frames"} to that address
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  LENGTH = 60,
  BATCH = 32,
  // A paced sender sleeps between bursts, so that its CPU time is an application's, not a spin's.
  TICK_NANOS = 100000,
  ASKED_PORT = 7777,
  GROUP_PORT = 5000,
  QUESTION = 32,
  MOST_ANSWERS = 4000000,
};

#define LONGEST_SECONDS 60.0
#define PATIENCE_MICROS 100000

// Not in the headers of every C library.
#ifndef PACKET_QDISC_BYPASS
#define PACKET_QDISC_BYPASS 20
#endif

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void nap(double seconds) {
  struct timespec time = {seconds, (seconds - (long)seconds) * 1e9};
  nanosleep(&time, 0);
}

static double seconds(const char *text) {
  double value = atof(text);
  if (value <= 0 || value > LONGEST_SECONDS) {
    fprintf(stderr, "%s: not between 0 and %g seconds\n", text, LONGEST_SECONDS);
    exit(2);
  }
  return value;
}

static void mac(const char *text, uint8_t *octets) {
  if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", octets, octets + 1, octets + 2, octets + 3,
             octets + 4, octets + 5) != 6) {
    fprintf(stderr, "%s: no MAC address\n", text);
    exit(2);
  }
}

static void put16(uint8_t *at, unsigned value) {
  at[0] = value >> 8;
  at[1] = value;
}

static int packet_socket(const char *device, int protocol) {
  int made = socket(AF_PACKET, SOCK_RAW, 0);
  if (made < 0) fail("socket");
  struct sockaddr_ll here = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(protocol),
                             .sll_ifindex = if_nametoindex(device)};
  if (bind(made, (void *)&here, sizeof here) < 0) fail(device);
  return made;
}

// UDP over IPv4, with a header checksum that is right and no other.
static void datagram(uint8_t *frame, const char *group) {
  put16(frame + 12, ETHERTYPE_IP);
  uint8_t *ip = frame + 14;
  ip[0] = 0x45;
  put16(ip + 2, LENGTH - 14);
  ip[8] = 32;
  ip[9] = IPPROTO_UDP;
  inet_pton(AF_INET, "10.77.0.1", ip + 12);
  if (inet_pton(AF_INET, group, ip + 16) != 1) {
    fprintf(stderr, "%s: no group\n", group);
    exit(2);
  }
  unsigned sum = 0;
  for (int i = 0; i < 20; i += 2) sum += ip[i] << 8 | ip[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  put16(ip + 10, ~(sum + (sum >> 16)));
  put16(ip + 20, 20000);
  put16(ip + 22, GROUP_PORT);
  put16(ip + 24, LENGTH - 34);
}

static int frames(const char *device, const char *to, double length, double rate,
                  const char *group) {
  prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
  int out = packet_socket(device, 0);
  int bypass = 1;
  if (setsockopt(out, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass) < 0) {
    fail("PACKET_QDISC_BYPASS");
  }
  struct ifreq request = {0};
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (ioctl(out, SIOCGIFHWADDR, &request) < 0) fail("SIOCGIFHWADDR");
  uint8_t frame[LENGTH] = {0};
  mac(to, frame);
  memcpy(frame + 6, request.ifr_hwaddr.sa_data, 6);
  if (group) {
    datagram(frame, group);
  } else {
    put16(frame + 12, 0x88b5);
  }
  struct iovec octets = {frame, LENGTH};
  struct mmsghdr batch[BATCH] = {0};
  for (int i = 0; i < BATCH; i++) {
    batch[i].msg_hdr.msg_iov = &octets;
    batch[i].msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0, refused = 0;
  double start = now(), end = start + length, time;
  while ((time = now()) < end) {
    int want = BATCH;
    if (rate > 0) {
      double due = (time - start) * rate - (sent + refused);
      if (due < 1) {
        nap(TICK_NANOS * 1e-9);
        continue;
      }
      if (due < want) want = due;
    }
    int taken = sendmmsg(out, batch, want, MSG_DONTWAIT);
    if (taken > 0) {
      sent += taken;
      // It stopped at one that the device did not take, whose error is not told.
      if (taken < want) refused++;
    } else if (errno == ENOBUFS || errno == EAGAIN) {
      refused++;
    } else {
      fail("sendmmsg");
    }
  }
  printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.6f}\n", (unsigned long long)sent,
         (unsigned long long)refused, time - start);
  return 0;
}

static int datagram_socket(void) {
  int made = socket(AF_INET, SOCK_DGRAM, 0);
  if (made < 0) fail("socket");
  struct timeval patience = {0, PATIENCE_MICROS};
  if (setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) fail("SO_RCVTIMEO");
  return made;
}

static void bind_port(int to, int port) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(to, (void *)&here, sizeof here) < 0) fail("bind");
}

static int echo(double length) {
  int asked = datagram_socket();
  bind_port(asked, ASKED_PORT);
  unsigned long answered = 0;
  for (double end = now() + length; now() < end;) {
    char question[QUESTION];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(asked, question, sizeof question, 0, (void *)&from, &size);
    if (got >= 0 && sendto(asked, question, got, 0, (void *)&from, size) == got) answered++;
  }
  printf("{\"answered\": %lu}\n", answered);
  return 0;
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static int ask(const char *address, double length) {
  int out = datagram_socket();
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(ASKED_PORT)};
  if (inet_pton(AF_INET, address, &there.sin_addr) != 1 ||
      connect(out, (void *)&there, sizeof there) < 0) {
    fail(address);
  }
  float *micros = malloc(MOST_ANSWERS * sizeof *micros);
  if (!micros) fail("malloc");
  size_t answers = 0;
  unsigned long lost = 0;
  uint64_t number = 0;
  for (double end = now() + length, asked; (asked = now()) < end && answers < MOST_ANSWERS;) {
    char question[QUESTION] = {0}, answer[QUESTION];
    number++;
    memcpy(question, &number, sizeof number);
    if (send(out, question, sizeof question, 0) < 0) {
      lost++;
      continue;
    }
    uint64_t got = 0;
    // The answer to a question that was given up may still come.
    while (got != number) {
      if (recv(out, answer, sizeof answer, 0) < 0) break;
      memcpy(&got, answer, sizeof got);
    }
    if (got == number) {
      micros[answers++] = (now() - asked) * 1e6;
    } else {
      lost++;
    }
  }
  if (!answers) {
    fprintf(stderr, "no answer from %s\n", address);
    return 1;
  }
  qsort(micros, answers, sizeof *micros, ascending);
  printf("{\"answers\": %zu, \"lost\": %lu, \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, "
         "\"longest\": %.2f}\n",
         answers, lost, micros[answers / 2], micros[(size_t)(answers * 0.99)],
         micros[(size_t)(answers * 0.999)], micros[answers - 1]);
  return 0;
}

static int join(const char *device, const char *group, double length) {
  int member = datagram_socket();
  // Soon full, so that every copy costs the stack the same from the first to the last.
  int least = 0;
  if (setsockopt(member, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) < 0) fail("SO_RCVBUF");
  bind_port(member, GROUP_PORT);
  struct ip_mreqn request = {.imr_ifindex = if_nametoindex(device)};
  if (inet_pton(AF_INET, group, &request.imr_multiaddr) != 1 ||
      setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0) {
    fail(group);
  }
  nap(length);
  puts("{}");
  return 0;
}

static int count(const char *device, const char *to, double length) {
  uint8_t m[6];
  mac(to, m);
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)m[0] << 24 | m[1] << 16 | m[2] << 8 | m[3], 0, 3),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, m[4] << 8 | m[5], 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 14),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = {sizeof program / sizeof *program, program};
  int in = packet_socket(device, ETH_P_ALL);
  if (setsockopt(in, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) fail("filter");
  // The socket's own counters also count what its queue had no room for, so nothing is read.
  nap(length);
  struct tpacket_stats seen;
  socklen_t size = sizeof seen;
  if (getsockopt(in, SOL_PACKET, PACKET_STATISTICS, &seen, &size) < 0) fail("PACKET_STATISTICS");
  printf("{\"frames\": %u}\n", seen.tp_packets);
  return 0;
}

int main(int n, char **a) {
  const char *mode = n > 1 ? a[1] : "";
  if (!strcmp(mode, "frames") && n >= 5 && n <= 7) {
    return frames(a[2], a[3], seconds(a[4]), n > 5 ? atof(a[5]) : 0, n > 6 ? a[6] : 0);
  }
  if (!strcmp(mode, "echo") && n == 3) return echo(seconds(a[2]));
  if (!strcmp(mode, "ask") && n == 4) return ask(a[2], seconds(a[3]));
  if (!strcmp(mode, "join") && n == 5) return join(a[2], a[3], seconds(a[4]));
  if (!strcmp(mode, "count") && n == 5) return count(a[2], a[3], seconds(a[4]));
  fprintf(stderr, "usage: traffic frames|echo|ask|join|count ..., see the source\n");
  return 2;
}
