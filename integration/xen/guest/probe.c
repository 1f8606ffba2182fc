/* What busybox lacks for a network test:
 *   probe sweep ADDRESS FROM TO   pings with frames of every length, checks each octet that comes back
 *   probe join GROUP              stays a member of an IPv4 multicast group until killed */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADERS 42 /* Ethernet, IPv4, ICMP */
#define WINDOW 16

static unsigned short sum(const unsigned char *p, int n) {
  unsigned total = 0;
  for (int i = 0; i < n; i++) total += i % 2 ? p[i] : p[i] << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return htons(~total & 0xffff);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int sweep(const char *address, int from, int to) {
  struct sockaddr_in peer = {.sin_family = AF_INET};
  static unsigned char packet[65536], got[65536], answered[65536];
  struct timeval wait = {1, 0};
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), missing = to - from + 1, wrong = 0, rounds = 0;
  unsigned short id = getpid();
  if (fd < 0 || !inet_aton(address, &peer.sin_addr)) return perror("socket"), 2;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  while (missing && rounds++ < 20) {
    int next = from, inflight = 0;
    double heard = now();
    while (now() - heard < 10 && (next <= to || inflight > 0)) {
      while (next <= to && inflight < WINDOW) {
        int length = next++, n = length - HEADERS;
        if (answered[length]) continue;
        memset(packet, 0, 8);
        packet[0] = 8;
        memcpy(packet + 4, &id, 2);
        packet[6] = length >> 8, packet[7] = length;
        for (int i = 0; i < n; i++) packet[8 + i] = length * 31 + i * 7;
        unsigned short s = sum(packet, 8 + n);
        memcpy(packet + 2, &s, 2);
        sendto(fd, packet, 8 + n, 0, (struct sockaddr *)&peer, sizeof peer);
        inflight++;
      }
      int n = recv(fd, got, sizeof got, 0);
      if (n < 0) {
        inflight = 0; /* whatever is lost is sent again in the next round */
        continue;
      }
      unsigned char *icmp = got + (got[0] & 15) * 4;
      if (icmp[0] != 0 || memcmp(icmp + 4, &id, 2)) continue;
      int length = icmp[6] << 8 | icmp[7];
      heard = now();
      if (inflight > 0) inflight--;
      if (length < from || length > to || answered[length]) continue;
      int good = n - (icmp - got) == length - HEADERS + 8;
      for (int i = 0; good && i < length - HEADERS; i++) good = icmp[8 + i] == (unsigned char)(length * 31 + i * 7);
      if (!good) wrong++, printf("frame of %d came back wrong\n", length);
      answered[length] = 1;
      missing--;
    }
  }
  printf("%d lengths, %d missing, %d wrong, %d rounds\n", to - from + 1, missing, wrong, rounds);
  return missing || wrong;
}

static int join(const char *group) {
  struct ip_mreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  inet_aton(group, &request.imr_multiaddr);
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request)) return perror("join"), 1;
  for (;;) pause();
}

int main(int count, char **arguments) {
  if (count == 5 && !strcmp(arguments[1], "sweep")) return sweep(arguments[2], atoi(arguments[3]), atoi(arguments[4]));
  if (count == 3 && !strcmp(arguments[1], "join")) return join(arguments[2]);
  fprintf(stderr, "usage: probe sweep ADDRESS FROM TO | probe join GROUP\n");
  return 2;
}
