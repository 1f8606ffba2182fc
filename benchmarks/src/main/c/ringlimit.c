/* The limit that the ring-to-ring benchmark is measured against: what a backend in C needs for the least
 * work that the job allows. One thread is the backend, one is both guests; frames go from a tx ring to an
 * rx ring (netif.h layout: 64-octet header, 256 slots of 12 and 8 octets) with one copy of the payload
 * between the guests' pages and one look-up and one refresh in a table of MAC addresses.
 *
 *   ringlimit SIZE SECONDS poll|event
 *
 * poll: both threads spin. event: a thread that finds nothing asks to be notified (req_event, rsp_event)
 * and sleeps on an eventfd. Prints one line: frames per second, CPU time of the backend's thread per frame,
 * and the notifications made.
 *
 * It checks less than a backend has to (grants are a plain array, no slot is judged), so it is a bound,
 * not a rival. Every frame carries a sequence number that the receiver checks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 256, PAGE = 4096, MORE_DATA = 4, EXTRA_INFO = 8, BATCH = 32, TABLE = 8192 };

struct tx_request { uint32_t gref; uint16_t offset, flags, id, size; };
struct tx_response { uint16_t id; int16_t status; };
struct rx_request { uint16_t id, pad; uint32_t gref; };
struct rx_response { uint16_t id, offset, flags; int16_t status; };
struct indices { _Atomic uint32_t req_prod, req_event, rsp_prod, rsp_event; uint8_t pad[48]; };
struct tx_ring { struct indices shared; union { struct tx_request req; struct tx_response rsp; } slot[SLOTS]; };
struct rx_ring { struct indices shared; union { struct rx_request req; struct rx_response rsp; } slot[SLOTS]; };
struct station { uint64_t mac; uint32_t port, seen; };

static struct tx_ring *tx;
static struct rx_ring *rx;
static uint8_t *tx_pages, *rx_pages;
static struct station table[TABLE];
static int size, slots_per_frame, use_events;
static int backend_event, guest_event;
static atomic_int stopping;
static uint64_t notified_backend, notified_guest;
static double backend_cpu;

static double clock_seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static double now(void) { return clock_seconds(CLOCK_MONOTONIC); }

static void notify(int fd) {
  uint64_t one = 1;
  if (write(fd, &one, sizeof one) < 0) { perror("eventfd"); exit(1); }
}

static void wait_for(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) < 0) { perror("eventfd"); exit(1); }
}

/* ring.h: whoever published (old, new] notifies if the other's event index lies in it. */
static int wanted(_Atomic uint32_t *event, uint32_t old, uint32_t new) {
  return (uint32_t)(new - atomic_load_explicit(event, memory_order_relaxed)) < (uint32_t)(new - old);
}

static struct station *find(uint64_t mac) {
  uint32_t i = (uint32_t)((mac * 0x9E3779B97F4A7C15ull) >> 51);
  while (table[i].mac && table[i].mac != mac) i = (i + 1) % TABLE;
  return &table[i];
}

static uint32_t tx_cons, rx_cons;

static int backend_round(uint32_t tick) {
  uint32_t tx_old = tx_cons, rx_old = rx_cons;
  uint32_t tx_prod = atomic_load_explicit(&tx->shared.req_prod, memory_order_acquire);
  uint32_t rx_prod = atomic_load_explicit(&rx->shared.req_prod, memory_order_acquire);
  int frames = 0;
  while (frames < BATCH && tx_cons != tx_prod && rx_prod - rx_cons >= (uint32_t)slots_per_frame) {
    struct tx_request req = tx->slot[tx_cons % SLOTS].req;
    uint8_t *frame = tx_pages + (size_t)(req.gref % SLOTS) * PAGE + req.offset;
    uint64_t destination = 0, source = 0;
    memcpy(&destination, frame, 6);
    memcpy(&source, frame + 6, 6);
    struct station *sender = find(source);
    sender->mac = source;
    sender->port = 1;
    sender->seen = tick;
    if (find(destination)->port != 2) { fprintf(stderr, "unknown destination\n"); exit(1); }
    int extra = (req.flags & EXTRA_INFO) != 0, left = req.size;
    for (int first = 1;; first = 0) {
      int more = (req.flags & MORE_DATA) != 0;
      int n = left > PAGE ? PAGE : left;
      struct rx_request buffer = rx->slot[rx_cons % SLOTS].req;
      memcpy(rx_pages + (size_t)(buffer.gref % SLOTS) * PAGE,
             tx_pages + (size_t)(req.gref % SLOTS) * PAGE + req.offset, n);
      left -= n;
      rx->slot[rx_cons++ % SLOTS].rsp = (struct rx_response){
          buffer.id, 0, (left ? MORE_DATA : 0) | (first && extra ? EXTRA_INFO : 0), n};
      tx->slot[tx_cons++ % SLOTS].rsp = (struct tx_response){req.id, 0};
      if (first && extra) {
        rx_cons++;
        tx->slot[tx_cons++ % SLOTS].rsp = (struct tx_response){0, 1};
      }
      if (!more) break;
      req = tx->slot[tx_cons % SLOTS].req;
    }
    frames++;
  }
  if (frames) {
    atomic_store_explicit(&tx->shared.rsp_prod, tx_cons, memory_order_release);
    atomic_store_explicit(&rx->shared.rsp_prod, rx_cons, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (use_events && (wanted(&tx->shared.rsp_event, tx_old, tx_cons) || wanted(&rx->shared.rsp_event, rx_old, rx_cons))) {
      notified_guest++;
      notify(guest_event);
    }
  }
  return frames;
}

static void *backend(void *unused) {
  (void)unused;
  for (uint32_t tick = 0; !stopping; tick++) {
    if (backend_round(tick >> 10)) continue;
    if (!use_events) { __builtin_ia32_pause(); continue; }
    atomic_store(&tx->shared.req_event, tx_cons + 1);
    atomic_store(&rx->shared.req_event, rx_cons + 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (tx->shared.req_prod == tx_cons || rx->shared.req_prod - rx_cons < (uint32_t)slots_per_frame) wait_for(backend_event);
  }
  backend_cpu = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
  return NULL;
}

static uint32_t tx_req, tx_rsp, rx_req, rx_rsp;
static uint64_t sent, received;

static int guest_round(void) {
  uint32_t tx_old = tx_req, rx_old = rx_req;
  int worked = 0;
  tx_rsp = atomic_load_explicit(&tx->shared.rsp_prod, memory_order_acquire);
  uint32_t rx_prod = atomic_load_explicit(&rx->shared.rsp_prod, memory_order_acquire);
  for (; rx_rsp != rx_prod; rx_rsp += slots_per_frame, received++, worked = 1) {
    uint64_t sequence;
    memcpy(&sequence, rx_pages + (size_t)(rx_rsp % SLOTS) * PAGE + 16, sizeof sequence);
    if (sequence != received) { fprintf(stderr, "frame %lu where %lu was due\n", sequence, received); exit(1); }
  }
  for (; rx_req - rx_rsp < SLOTS; rx_req++)
    rx->slot[rx_req % SLOTS].req = (struct rx_request){rx_req % SLOTS, 0, rx_req % SLOTS};
  for (int n = 0; n < BATCH && tx_req - tx_rsp + slots_per_frame <= SLOTS; n++, sent++) {
    int left = size;
    for (int first = 1; left > 0; first = 0) {
      int length = left > PAGE ? PAGE : left, extra = first && size > PAGE;
      uint8_t *page = tx_pages + (size_t)(tx_req % SLOTS) * PAGE;
      if (first) {
        memcpy(page, "\x00\x16\x3e\x00\x00\x02\x00\x16\x3e\x00\x00\x01\x88\xb5", 14);
        memcpy(page + 16, &sent, sizeof sent);
      }
      left -= length;
      tx->slot[tx_req % SLOTS].req = (struct tx_request){
          tx_req % SLOTS, 0, (left ? MORE_DATA : 0) | (extra ? EXTRA_INFO : 0), tx_req % SLOTS, first ? size : length};
      tx_req += 1 + extra;
    }
  }
  if (tx_req != tx_old || rx_req != rx_old) {
    atomic_store_explicit(&tx->shared.req_prod, tx_req, memory_order_release);
    atomic_store_explicit(&rx->shared.req_prod, rx_req, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (use_events && (wanted(&tx->shared.req_event, tx_old, tx_req) || wanted(&rx->shared.req_event, rx_old, rx_req))) {
      notified_backend++;
      notify(backend_event);
    }
    worked = 1;
  }
  return worked;
}

int main(int argc, char **argv) {
  double seconds = argc == 4 ? atof(argv[2]) : 0;
  size = argc == 4 ? atoi(argv[1]) : 0;
  if (size < 64 || size > 65535 || seconds <= 0 || seconds > 60 || (strcmp(argv[3], "poll") && strcmp(argv[3], "event"))) {
    fprintf(stderr, "usage: ringlimit SIZE(64-65535) SECONDS(to 60) poll|event\n");
    return 2;
  }
  use_events = !strcmp(argv[3], "event");
  slots_per_frame = (size + PAGE - 1) / PAGE + (size > PAGE);
  uint8_t *memory = mmap(NULL, (2 + 2 * SLOTS) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) { perror("mmap"); return 1; }
  tx = (void *)memory;
  rx = (void *)(memory + PAGE);
  tx_pages = memory + 2 * PAGE;
  rx_pages = tx_pages + SLOTS * PAGE;
  tx->shared.req_event = tx->shared.rsp_event = rx->shared.req_event = rx->shared.rsp_event = 1;
  backend_event = eventfd(0, 0);
  guest_event = eventfd(0, 0);
  uint64_t receiver = 0;
  memcpy(&receiver, "\x00\x16\x3e\x00\x00\x02", 6);
  find(receiver)->port = 2;
  find(receiver)->mac = receiver;
  pthread_t thread;
  if (pthread_create(&thread, NULL, backend, NULL)) { perror("pthread_create"); return 1; }
  double start = now(), end = start + seconds, t;
  uint64_t rounds = 0;
  for (;;) {
    int worked = guest_round();
    if ((use_events || (++rounds & 63) == 0) && (t = now()) > end) break;
    if (worked) continue;
    if (!use_events) { __builtin_ia32_pause(); continue; }
    atomic_store(&tx->shared.rsp_event, tx_rsp + 1);
    atomic_store(&rx->shared.rsp_event, rx_rsp + 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (tx->shared.rsp_prod == tx_rsp && rx->shared.rsp_prod == rx_rsp) wait_for(guest_event);
  }
  stopping = 1;
  notify(backend_event);
  pthread_join(thread, NULL);
  printf("{\"frames_per_s\": %.0f, \"backend_ns_per_frame\": %.1f, \"notified_backend\": %lu, \"notified_guest\": %lu, \"frames\": %lu}\n",
         received / (t - start), backend_cpu * 1e9 / received, notified_backend, notified_guest, received);
  return 0;
}
