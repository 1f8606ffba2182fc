/* See rings.h. */
#define _GNU_SOURCE
#include "rings.h"
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double clock_seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

double now(void) { return clock_seconds(CLOCK_MONOTONIC); }

double thread_cpu(void) { return clock_seconds(CLOCK_THREAD_CPUTIME_ID); }

/* The calling thread; on a machine with one core, wherever it is. */
void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
  ok(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

void notify(int eventfd) {
  uint64_t one = 1;
  ok(write(eventfd, &one, sizeof one), "write to eventfd");
}

static void usage(void) {
  fputs("usage: rings limit|guests [-s OCTETS] [-q QUEUES] [-w SPINS] [-n IN_FLIGHT]\n"
        "  limit:  [-t SECONDS] [-l] [-c COPIES]   -l: learn and look up addresses\n"
        "  guests: [-r RECEIVERS] [-g]      RUN    -g: send to a group that all receivers but the last are in\n"
        "  -w: looks before sleeping, -1: never sleep (the default)\n", stderr);
  exit(2);
}

int main(int argc, char **argv) {
  static struct guests guests;
  struct options o = {.size = 64, .queues = 1, .receivers = 1, .spins = -1, .in_flight = SLOTS, .copies = 1, .seconds = 1};
  int option;
  while ((option = getopt(argc, argv, "s:q:w:n:t:lc:r:g")) != -1) switch (option) {
    case 's': o.size = atoi(optarg); break;
    case 'q': o.queues = atoi(optarg); break;
    case 'w': o.spins = atoi(optarg); break;
    case 'n': o.in_flight = atoi(optarg); break;
    case 't': o.seconds = atof(optarg); break;
    case 'l': o.learning = 1; break;
    case 'c': o.copies = atoi(optarg); break;
    case 'r': o.receivers = atoi(optarg); break;
    case 'g': o.group = 1; break;
    default: usage();
  }
  argv += optind;
  argc -= optind;
  if (o.size < 64 || o.size > 65535 || o.queues < 1 || o.queues > MOST_QUEUES || o.in_flight < 1 || o.copies < 0 || o.copies > 2
      || o.seconds <= 0 || o.seconds > 60 || o.receivers < 1 || o.receivers >= MOST_GUESTS) usage();
  if (argc == 1 && !strcmp(argv[0], "limit") && o.receivers == 1) limit(&guests, &o);
  else if (argc == 2 && !strcmp(argv[0], "guests")) attach_guests(&guests, &o, argv[1]);
  else usage();
  return 0;
}
