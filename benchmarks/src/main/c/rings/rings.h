/* Two programs for the ring-to-ring benchmark, which share the guests' half:
 *
 *   rings limit  [OPTIONS]            guests and a backend in C that does the least that the job allows
 *   rings guests [OPTIONS] RUN        guests alone, attached to the embedded ground in directory RUN
 *
 * All guests are one thread. The layouts are netif.h's and ring.h's. */
#ifndef RINGS_H
#define RINGS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  SLOTS = 256,
  PAGE = 4096,
  BATCH = 32, /* frames that a guest puts at a time, and most that the C backend takes */
  MOST_QUEUES = 4,
  MOST_GUESTS = 16,
  MORE_DATA = 4,
  EXTRA_INFO = 8,
};

struct tx_request { uint32_t gref; uint16_t offset, flags, id, size; };
struct tx_response { uint16_t id; int16_t status; };
struct rx_request { uint16_t id, pad; uint32_t gref; };
struct rx_response { uint16_t id, offset, flags; int16_t status; };
struct extra_info { uint8_t type, flags; uint16_t size; uint8_t gso_type, pad; uint16_t features; };
struct indices { _Atomic uint32_t req_prod, req_event, rsp_prod, rsp_event; uint8_t pad[48]; };
struct tx_ring { struct indices at; union { struct tx_request req; struct extra_info extra; struct tx_response rsp; uint8_t octets[12]; } slot[SLOTS]; };
struct rx_ring { struct indices at; union { struct rx_request req; struct rx_response rsp; } slot[SLOTS]; };
_Static_assert(sizeof(struct tx_ring) == 64 + 12 * SLOTS && sizeof(struct rx_ring) == 64 + 8 * SLOTS, "netif.h");

struct options {
  int size;         /* octets of a frame; above a page it is sent as TCPv4 GSO */
  int queues;       /* of each guest */
  int receivers;
  int group;        /* frames go to a group, and those of the last receiver are leaks */
  int spins;        /* looks before a thread sleeps; below 0: it never does */
  int in_flight;    /* most frames under way */
  int learning;     /* limit: look up and refresh addresses */
  int copies;       /* limit: of the payload, 0 to 2 */
  double seconds;   /* limit: how long */
};

/* Each half is one thread's alone; neighbours on a cache line would be the other's. */
struct tx {
  _Alignas(64) struct tx_ring *ring;
  uint8_t *pages;           /* one per slot */
  uint32_t grefs[SLOTS];
  uint32_t prod, cons, announced;
  int bell;                 /* eventfd that the backend waits for */
  int number;
  uint64_t sent;
  uint8_t header[56];
};

struct rx {
  _Alignas(64) struct rx_ring *ring;
  uint8_t *pages;
  uint32_t grefs[SLOTS];
  uint32_t prod, cons, announced;
  int bell;
  uint64_t frames;
  uint64_t expected[MOST_QUEUES]; /* next sequence number by sending queue */
};

struct guests {
  const struct options *options;
  int rings;                /* of each kind: the sender's come first, then each receiver's */
  int wakeups;              /* epoll descriptor with all that the backend rings, edge-triggered */
  uint64_t lost;            /* sequence numbers skipped */
  uint64_t notified;        /* how often the backend was */
  struct tx tx[MOST_GUESTS * MOST_QUEUES];
  struct rx rx[MOST_GUESTS * MOST_QUEUES];
};

/* guests.c: once rings, pages and grefs are set. */
void guests_open(struct guests *g, const struct options *options);
void guests_wait_for(struct guests *g, int eventfd);
/* Sets tx->header of each queue so that every one of a receiver's rx rings gets one sending queue's. */
void guests_spread(struct guests *g);
/* Sends as fast as the rings and the bound allow, then until nothing is under way; prints a line of JSON
 * that ends in what `more` has to say. */
void guests_run(struct guests *g, double seconds, const char *(*more)(double frames));

void attach_guests(struct guests *g, const struct options *options, const char *run);
void limit(struct guests *g, const struct options *options);

double now(void);
double thread_cpu(void);
void pin(int cpu);
void notify(int eventfd);

static inline void *check(void *p, const char *what) {
  if (p == (void *)-1) { perror(what); exit(1); }
  return p;
}

static inline int ok(int result, const char *what) {
  if (result < 0) { perror(what); exit(1); }
  return result;
}

static inline int pages_of(int size) { return (size + PAGE - 1) / PAGE; }

/* ring.h: whoever published (old, new] notifies if the other's event index lies in it. */
static inline int wanted(_Atomic uint32_t *event, uint32_t old, uint32_t new) {
  return (uint32_t)(new - atomic_load_explicit(event, memory_order_relaxed)) < (uint32_t)(new - old);
}

#endif
