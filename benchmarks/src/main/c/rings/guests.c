/* The guests' half: one guest that sends, and others that receive. */
#define _GNU_SOURCE
#include "rings.h"
#include <string.h>
#include <sys/epoll.h>

enum { SEQUENCE_AT = 56, MOST_SAMPLES = 1 << 21, PATIENCE_MS = 1000 };
static const double QUIET = 0.5; /* seconds without a frame after which those under way are lost */
static const double PATIENCE = 10; /* seconds for a frame that nothing can have happened to */

static const uint8_t RECEIVER[] = {0x00, 0x16, 0x3e, 0, 0, 2}, GROUP[] = {0x01, 0x00, 0x5e, 1, 1, 1};
static const uint8_t SENDER[] = {0x00, 0x16, 0x3e, 0, 0, 1};

static float samples[MOST_SAMPLES];

/* IPv4 and UDP, or TCP, as far as a switch looks at it. */
static void set_header(struct tx *q, const struct options *o, int port) {
  uint8_t *h = q->header;
  memset(h, 0, sizeof q->header);
  memcpy(h, o->group ? GROUP : RECEIVER, 6);
  memcpy(h + 6, SENDER, 6);
  h[12] = 0x08;
  h[14] = 0x45;
  h[16] = (o->size - 14) >> 8;
  h[17] = o->size - 14;
  h[22] = 64;
  h[23] = o->size > PAGE ? 6 : 17;
  memcpy(h + 26, "\x0a\0\0\1", 4);
  memcpy(h + 30, o->group ? "\xef\1\1\1" : "\x0a\0\0\2", 4);
  h[34] = port >> 8;
  h[35] = port;
  h[36] = 0x22;
  if (o->size > PAGE) h[46] = 0x50; /* the length of TCP's header */
  else {
    h[38] = (o->size - 34) >> 8;
    h[39] = o->size - 34;
  }
  for (int i = 0; i < SLOTS; i++) memcpy(q->pages + (size_t)i * PAGE, h, sizeof q->header);
}

void guests_open(struct guests *g, const struct options *options) {
  g->options = options;
  g->rings = options->queues * (1 + options->receivers);
  g->wakeups = ok(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  for (int i = 0; i < g->rings; i++) g->tx[i].number = i;
}

void guests_wait_for(struct guests *g, int eventfd) {
  struct epoll_event in = {.events = EPOLLIN | EPOLLET};
  ok(epoll_ctl(g->wakeups, EPOLL_CTL_ADD, eventfd, &in), "epoll_ctl");
}

/* A frame has arrived whose first octet is in the slot's page. */
static void take(struct guests *g, struct rx *q, const uint8_t *frame) {
  uint64_t sequence;
  uint32_t source, sender;
  memcpy(&source, frame + 8, 4);
  memcpy(&sender, SENDER + 2, 4);
  if (source != sender) return; /* the switch asks for members of groups */
  memcpy(&sequence, frame + SEQUENCE_AT, sizeof sequence);
  uint64_t *expected = &q->expected[(sequence >> 48) % MOST_QUEUES];
  uint64_t number = sequence & 0xffffffffffff;
  if (number < *expected) {
    fprintf(stderr, "frame %lx twice, out of order, or overwritten\n", sequence);
    exit(1);
  }
  g->lost += number - *expected;
  *expected = number + 1;
  q->frames++;
}

/* Takes what has come in and posts the buffers again. */
static int receive(struct guests *g, struct rx *q) {
  uint32_t rsp_prod = atomic_load_explicit(&q->ring->at.rsp_prod, memory_order_acquire);
  while (q->cons != rsp_prod) {
    uint32_t first = q->cons % SLOTS;
    struct rx_response r;
    do {
      r = q->ring->slot[q->cons % SLOTS].rsp;
      if (r.status < 0) { fprintf(stderr, "rx status %d\n", r.status); exit(1); }
      q->cons += 1 + ((r.flags & EXTRA_INFO) != 0);
    } while (r.flags & MORE_DATA);
    take(g, q, q->pages + (size_t)first * PAGE);
  }
  uint32_t old = q->prod;
  for (; q->prod - q->cons < SLOTS; q->prod++)
    q->ring->slot[q->prod % SLOTS].req = (struct rx_request){q->prod % SLOTS, 0, q->grefs[q->prod % SLOTS]};
  if (q->prod == old) return 0;
  atomic_store_explicit(&q->ring->at.req_prod, q->prod, memory_order_release);
  return 1;
}

static void put(struct tx *q, int size) {
  int left = size, gso = size > PAGE;
  uint8_t *page = q->pages + (size_t)(q->prod % SLOTS) * PAGE;
  if (gso) memcpy(page, q->header, sizeof q->header); /* it last carried the middle of a frame */
  uint64_t sequence = q->sent++ | (uint64_t)q->number << 48;
  memcpy(page + SEQUENCE_AT, &sequence, sizeof sequence);
  for (int first = 1; left > 0; first = 0) {
    int length = left > PAGE ? PAGE : left;
    uint32_t i = q->prod++ % SLOTS;
    left -= length;
    q->ring->slot[i].req = (struct tx_request){
        q->grefs[i], 0, (left ? MORE_DATA : 0) | (first && gso ? EXTRA_INFO | 3 : 0), i, first ? size : length};
    if (first && gso) /* TCPv4 with a blank checksum */
      q->ring->slot[q->prod++ % SLOTS].extra = (struct extra_info){.type = 1, .size = 1448, .gso_type = 1};
  }
}

static int slots_of(const struct guests *g) {
  return pages_of(g->options->size) + (g->options->size > PAGE);
}

/* Puts up to `most` frames, as far as there are slots. */
static int transmit(struct guests *g, struct tx *q, int most) {
  int slots = slots_of(g), n = 0;
  q->cons = atomic_load_explicit(&q->ring->at.rsp_prod, memory_order_acquire);
  for (; n < most && q->prod - q->cons + slots <= SLOTS; n++) put(q, g->options->size);
  if (n) atomic_store_explicit(&q->ring->at.req_prod, q->prod, memory_order_release);
  return n;
}

static void announce_ring(struct guests *g, struct indices *at, uint32_t *announced, uint32_t prod, int bell) {
  if (*announced != prod && wanted(&at->req_event, *announced, prod)) {
    g->notified++;
    notify(bell);
  }
  *announced = prod;
}

/* Notifies the backend of what was published, where it asked for it: after one fence for all rings. */
static void announce(struct guests *g) {
  atomic_thread_fence(memory_order_seq_cst);
  for (int i = 0; i < g->rings; i++) announce_ring(g, &g->rx[i].ring->at, &g->rx[i].announced, g->rx[i].prod, g->rx[i].bell);
  for (int i = 0; i < g->options->queues; i++)
    announce_ring(g, &g->tx[i].ring->at, &g->tx[i].announced, g->tx[i].prod, g->tx[i].bell);
}

static uint64_t sent(const struct guests *g) {
  uint64_t sum = 0;
  for (int i = 0; i < g->options->queues; i++) sum += g->tx[i].sent;
  return sum;
}

/* Receivers that frames are for: all, or all but the last, which has not joined the group. */
static int members(const struct guests *g) { return g->options->receivers - g->options->group; }

/* Frames at the guests from one to another, the sender being guest 0. */
static uint64_t received(const struct guests *g, int from, int to) {
  uint64_t sum = 0;
  for (int i = from * g->options->queues; i < to * g->options->queues; i++) sum += g->rx[i].frames;
  return sum;
}

static uint64_t arrived(const struct guests *g) { return received(g, 1, 1 + members(g)); }

/* What every guest has to do once, but for sending. */
static int receive_all(struct guests *g) {
  int worked = 0;
  for (int i = 0; i < g->rings; i++) worked |= receive(g, &g->rx[i]);
  if (worked) announce(g);
  return worked;
}

/* What every guest has to do once. */
static int pass(struct guests *g) {
  int worked = 0, most = BATCH;
  for (int i = 0; i < g->rings; i++) worked |= receive(g, &g->rx[i]);
  for (int i = 0; i < g->options->queues; i++) {
    if (g->options->in_flight < SLOTS) {
      int64_t room = g->options->in_flight - (int64_t)(sent(g) - arrived(g) - g->lost);
      most = room < BATCH ? room : BATCH;
    }
    worked |= transmit(g, &g->tx[i], most);
  }
  if (worked) announce(g);
  return worked;
}

/* Asks for the news that a guest waits for, looks once more, and sleeps. */
static void nap(struct guests *g) {
  int slots = slots_of(g), news = 0;
  for (int i = 0; i < g->rings; i++)
    atomic_store_explicit(&g->rx[i].ring->at.rsp_event, g->rx[i].cons + 1, memory_order_relaxed);
  for (int i = 0; i < g->options->queues; i++)
    if (g->tx[i].prod - g->tx[i].cons + slots > SLOTS)
      atomic_store_explicit(&g->tx[i].ring->at.rsp_event, g->tx[i].cons + 1, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst);
  for (int i = 0; i < g->rings; i++) news |= g->rx[i].ring->at.rsp_prod != g->rx[i].cons;
  for (int i = 0; i < g->options->queues; i++)
    news |= g->tx[i].prod - g->tx[i].cons + slots > SLOTS && g->tx[i].ring->at.rsp_prod != g->tx[i].cons;
  if (news) return;
  struct epoll_event ignored[8];
  ok(epoll_wait(g->wakeups, ignored, 8, PATIENCE_MS), "epoll_wait");
}

static void drain(struct guests *g) {
  for (double quiet = now(); now() - quiet < QUIET && sent(g) * members(g) != arrived(g) + g->lost;)
    if (receive_all(g)) quiet = now();
    else __builtin_ia32_pause();
}

void guests_spread(struct guests *g) {
  int queues = g->options->queues, taken = 0, port = 1024;
  receive_all(g);
  for (int i = 0; i < queues; i++) {
    struct tx *q = &g->tx[i];
    for (int placed = 0; !placed;) {
      if (++port == 2048) { fprintf(stderr, "frames of queue %d reach no rx ring of their own\n", i); exit(1); }
      set_header(q, g->options, port);
      uint64_t before[MOST_QUEUES];
      for (int r = 0; r < queues; r++) before[r] = g->rx[queues + r].frames;
      transmit(g, q, 1);
      announce(g);
      for (double end = now() + PATIENCE; !placed && now() < end;) {
        receive_all(g);
        for (int r = 0; r < queues; r++)
          if (g->rx[queues + r].frames > before[r]) {
            placed = taken >> r & 1 ? -1 : 1;
            taken |= 1 << r;
          }
      }
      if (!placed) { fprintf(stderr, "a frame of queue %d does not arrive\n", i); exit(1); }
      if (placed < 0) placed = 0;
      /* The next attempt may come by another rx ring, which has not seen this queue's numbers. */
      for (int r = 0; r < queues; r++) g->rx[queues + r].expected[i] = q->sent;
    }
  }
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

void guests_run(struct guests *g, double seconds, const char *(*more)(double frames)) {
  const struct options *o = g->options;
  uint64_t frames = arrived(g), leaked = received(g, 1 + members(g), 1 + o->receivers), lost = g->lost, notified = g->notified, rounds = 0, seen = frames;
  uint64_t put = sent(g);
  size_t count = 0;
  int one = o->in_flight == 1, idle = 0;
  double cpu = thread_cpu(), start = now(), end = start + seconds, t = start, last = start;
  while (t < end) {
    int worked = pass(g);
    if (one && arrived(g) != seen) { /* the next one is already under way */
      t = now();
      seen = arrived(g);
      if (count < MOST_SAMPLES) samples[count++] = (t - last) * 1e6;
      last = t;
    } else if ((++rounds & 63) == 0) t = now();
    if (worked) idle = 0;
    else if (o->spins < 0 || idle++ < o->spins) __builtin_ia32_pause();
    else {
      nap(g);
      idle = 0;
      if (!one) t = now();
    }
  }
  frames = arrived(g) - frames;
  cpu = thread_cpu() - cpu;
  double elapsed = t - start;
  drain(g);
  qsort(samples, count, sizeof *samples, ascending);
  printf("{\"frames\": %lu, \"seconds\": %.6f, \"guest_ns\": %.1f, \"sent\": %lu, \"lost\": %lu, \"leaked\": %lu, \"notified\": %lu, "
         "\"p50\": %.3f, \"p99\": %.3f%s}\n",
         frames, elapsed, cpu * 1e9 / (frames ? frames : 1), sent(g) - put, g->lost - lost,
         received(g, 1 + members(g), 1 + o->receivers) - leaked, g->notified - notified,
         count ? samples[count / 2] : 0.0, count ? samples[count * 99 / 100] : 0.0, more(frames));
  fflush(stdout);
}
