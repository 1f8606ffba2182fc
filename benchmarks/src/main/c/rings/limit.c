/* What a backend in C needs for the least work that the job allows: one thread, one copy of the payload
 * between the guests' pages, one look-up and one refresh in a table of addresses. It checks less than a
 * backend has to (grants are a plain array, few fields are judged), and takes no frame that the receiver
 * has no room for, so it is a bound, not a rival. */
#define _GNU_SOURCE
#include "rings.h"
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TABLE = 8192, GREFS = 1024 };

struct station { uint64_t mac; uint32_t port, seen; };

/* One pair of rings as the backend sees it. */
struct link {
  _Alignas(64) struct tx_ring *tx;
  struct rx_ring *rx;
  uint32_t tx_cons, rx_cons;
  uint8_t *tx_grants[GREFS], *rx_grants[GREFS]; /* page by reference, null if not granted */
  int short_of_buffers;
};

static struct station table[TABLE];
static struct link links[MOST_QUEUES];
static const struct options *options;
static int backend_event, guest_event;
static _Alignas(64) atomic_int stopping;
static _Alignas(64) uint64_t bad;
static uint8_t bounce[65536];
static double backend_cpu;

static inline struct station *find(uint64_t mac) {
  uint32_t i = (uint32_t)((mac * 0x9e3779b97f4a7c15) >> 51);
  while (table[i].mac != mac && table[i].mac) i = (i + 1) % TABLE;
  return &table[i];
}

static inline void learn(const uint8_t *frame, uint32_t tick) {
  uint64_t ends[2] = {0};
  memcpy(&ends[0], frame, 6);
  memcpy(&ends[1], frame + 6, 6);
  struct station *sender = find(ends[1]);
  if (sender->mac != ends[1] || sender->port != 1) *sender = (struct station){ends[1], 1, tick};
  sender->seen = tick;
  bad += find(ends[0])->port != 2;
}

static inline void copy(uint8_t *to, const uint8_t *from, int length) {
  switch (options->copies) {
    case 0: memcpy(to, from, 64); break; /* what the guests check */
    case 1: memcpy(to, from, length); break;
    default:
      memcpy(bounce, from, length);
      memcpy(to, bounce, length);
  }
}

static int forward(struct link *l, uint32_t tick) {
  uint32_t tx_old = l->tx_cons, rx_old = l->rx_cons;
  uint32_t tx_prod = atomic_load_explicit(&l->tx->at.req_prod, memory_order_acquire);
  uint32_t rx_prod = atomic_load_explicit(&l->rx->at.req_prod, memory_order_acquire);
  uint32_t tx_cons = tx_old, rx_cons = rx_old;
  int frames = 0;
  l->short_of_buffers = 0;
  while (frames < BATCH && tx_cons != tx_prod) {
    struct tx_request req;
    memcpy(&req, &l->tx->slot[tx_cons % SLOTS], sizeof req);
    int left = req.size, extra = (req.flags & EXTRA_INFO) != 0;
    if (rx_prod - rx_cons < (uint32_t)(pages_of(left) + extra)) {
      l->short_of_buffers = 1;
      break;
    }
    if (options->learning) learn(l->tx_grants[req.gref % GREFS] + req.offset, tick);
    for (int first = 1;; first = 0) {
      int n = left > PAGE ? PAGE : left, more = req.flags & MORE_DATA;
      struct rx_request buffer = l->rx->slot[rx_cons % SLOTS].req;
      if (req.gref >= GREFS || !l->tx_grants[req.gref] || buffer.gref >= GREFS || !l->rx_grants[buffer.gref] || req.offset + n > PAGE) {
        bad++;
        n = 0;
      } else copy(l->rx_grants[buffer.gref], l->tx_grants[req.gref] + req.offset, n);
      left -= n;
      l->rx->slot[rx_cons++ % SLOTS].rsp = (struct rx_response){
          buffer.id, 0, (more ? MORE_DATA : 0) | (first && extra ? EXTRA_INFO : 0), n};
      l->tx->slot[tx_cons++ % SLOTS].rsp = (struct tx_response){req.id, 0};
      if (first && extra) {
        rx_cons++;
        l->tx->slot[tx_cons++ % SLOTS].rsp = (struct tx_response){0, 1};
      }
      if (!more) break;
      memcpy(&req, &l->tx->slot[tx_cons % SLOTS], sizeof req);
    }
    frames++;
  }
  if (frames) {
    l->tx_cons = tx_cons;
    l->rx_cons = rx_cons;
    atomic_store_explicit(&l->rx->at.rsp_prod, rx_cons, memory_order_release);
    atomic_store_explicit(&l->tx->at.rsp_prod, tx_cons, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (wanted(&l->rx->at.rsp_event, rx_old, rx_cons) | wanted(&l->tx->at.rsp_event, tx_old, tx_cons)) notify(guest_event);
  }
  return frames;
}

static int forward_all(uint32_t tick) {
  int frames = 0;
  for (int i = 0; i < options->queues; i++) frames += forward(&links[i], tick);
  return frames;
}

/* Asks for what is missing, looks once more, and sleeps. */
static void nap(void) {
  for (int i = 0; i < options->queues; i++) {
    struct link *l = &links[i];
    if (l->short_of_buffers) atomic_store_explicit(&l->rx->at.req_event, l->rx_cons + 1, memory_order_relaxed);
    else atomic_store_explicit(&l->tx->at.req_event, l->tx_cons + 1, memory_order_relaxed);
  }
  atomic_thread_fence(memory_order_seq_cst);
  for (int i = 0; i < options->queues; i++) {
    struct link *l = &links[i];
    if (l->short_of_buffers ? l->rx->at.req_prod - l->rx_cons >= (uint32_t)pages_of(options->size) + 1 : l->tx->at.req_prod != l->tx_cons) return;
  }
  uint64_t count;
  ok(read(backend_event, &count, sizeof count), "read of eventfd");
}

static void *backend(void *unused) {
  (void)unused;
  pin(1);
  int idle = 0;
  for (uint32_t tick = 0; !atomic_load_explicit(&stopping, memory_order_relaxed); tick++) {
    if (forward_all(tick >> 16)) idle = 0;
    else if (options->spins < 0 || idle++ < options->spins) __builtin_ia32_pause();
    else {
      nap();
      idle = 0;
    }
  }
  backend_cpu = thread_cpu();
  return NULL;
}

static pthread_t thread;

static const char *finish(double frames) {
  static char text[64];
  stopping = 1;
  notify(backend_event);
  pthread_join(thread, NULL);
  snprintf(text, sizeof text, ", \"backend_ns\": %.1f, \"bad\": %lu", backend_cpu * 1e9 / (frames ? frames : 1), bad);
  return text;
}

static uint8_t *map(size_t size) {
  return check(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), "mmap");
}

void limit(struct guests *g, const struct options *o) {
  options = o;
  backend_event = ok(eventfd(0, 0), "eventfd");
  guest_event = ok(eventfd(0, EFD_NONBLOCK), "eventfd");
  guests_open(g, o);
  guests_wait_for(g, guest_event);
  for (int i = 0; i < g->rings; i++) {
    uint8_t *memory = map((2 + 2 * SLOTS) * PAGE);
    struct tx *tx = &g->tx[i];
    struct rx *rx = &g->rx[i];
    tx->ring = (void *)memory;
    rx->ring = (void *)(memory + PAGE);
    tx->pages = memory + 2 * PAGE;
    rx->pages = tx->pages + SLOTS * PAGE;
    tx->bell = rx->bell = backend_event;
    tx->ring->at.req_event = tx->ring->at.rsp_event = rx->ring->at.req_event = rx->ring->at.rsp_event = 1;
    for (int s = 0; s < SLOTS; s++) {
      tx->grefs[s] = s;
      rx->grefs[s] = 512 + s;
    }
  }
  for (int i = 0; i < o->queues; i++) {
    struct tx *tx = &g->tx[i];
    struct rx *rx = &g->rx[o->queues + i];
    links[i].tx = tx->ring;
    links[i].rx = rx->ring;
    for (int s = 0; s < SLOTS; s++) {
      links[i].tx_grants[tx->grefs[s]] = tx->pages + (size_t)s * PAGE;
      links[i].rx_grants[rx->grefs[s]] = rx->pages + (size_t)s * PAGE;
    }
  }
  uint64_t receiver = 0;
  memcpy(&receiver, "\x00\x16\x3e\x00\x00\x02", 6);
  *find(receiver) = (struct station){receiver, 2, 0};
  ok(-pthread_create(&thread, NULL, backend, NULL), "pthread_create");
  pin(0);
  guests_spread(g);
  guests_run(g, o->seconds, finish);
  if (bad) { fprintf(stderr, "%lu bad requests\n", bad); exit(1); }
}
