/* A network frontend that misbehaves: user space of a guest whose own xen-netfront has let go of the device.
 *
 *   hostile HANDLE [CASE…]
 *
 * drives device/vif/HANDLE through one connection per case. Prints "ok CASE" or "BAD CASE: what was seen
 * instead" for each; exit code 0 if no case was bad. "hostile HANDLE list" names the cases.
 *
 * What is expected of the backend is one of three: SERVED (the slots are answered OKAY and the device lives),
 * REFUSED (the slots are answered with an error and the device lives), CLOSED (the device is disconnected). */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#define PAGE 4096
#define SLOTS 256
#define DATA_PAGES 32

struct ring_head {
  uint32_t req_prod, req_event, rsp_prod, rsp_event;
};
struct tx_slot {
  uint32_t gref;
  uint16_t offset, flags, id, size;
};
struct tx_response {
  uint16_t id;
  int16_t status;
};
struct extra_slot {
  uint8_t type, flags;
  uint16_t size;
  uint8_t gso_type, pad;
  uint16_t features;
};
struct rx_slot {
  uint16_t id, pad;
  uint32_t gref;
};
enum { CSUM_BLANK = 1, DATA_VALIDATED = 2, MORE_DATA = 4, EXTRA_INFO = 8 };
enum { OKAY = 0, NULL_RESPONSE = 1, RSP_ERROR = -1 };

static char front[64], back[128], seen[512];
static int store = -1, grants = -1, events = -1;
static int patience = 30; /* seconds, for what should take well under three */

static void die(const char *what) {
  fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void nap(int milliseconds) {
  struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  nanosleep(&t, 0);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* The store: io/xs_wire.h over the kernel's device. ------------------------------------------------- */

enum { XS_READ = 2, XS_WRITE = 11, XS_RM = 13, XS_ERROR = 16 };
struct message {
  uint32_t type, request, transaction, length;
};

static int ask(uint32_t type, const char *body, uint32_t length, char *answer, size_t room) {
  char buffer[sizeof(struct message) + 4096];
  struct message m = {type, 1, 0, length};
  if (length > 4096) return -1;
  memcpy(buffer, &m, sizeof m);
  memcpy(buffer + sizeof m, body, length);
  if (write(store, buffer, sizeof m + length) != (ssize_t)(sizeof m + length)) return -1;
  for (size_t got = 0; got < sizeof m;) {
    ssize_t n = read(store, (char *)&m + got, sizeof m - got);
    if (n <= 0) return -1;
    got += n;
  }
  for (size_t got = 0; got < m.length;) {
    ssize_t n = read(store, buffer + got, m.length - got);
    if (n <= 0) return -1;
    got += n;
  }
  if (m.type == XS_ERROR) return -1;
  if (answer) {
    size_t n = m.length < room - 1 ? m.length : room - 1;
    memcpy(answer, buffer, n);
    answer[n] = 0;
  }
  return 0;
}

static int read_key(const char *directory, const char *key, char *value, size_t room) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, key);
  return ask(XS_READ, path, strlen(path) + 1, value, room);
}

static int write_bytes(const char *key, const char *value, size_t length) {
  char body[4096];
  int n = snprintf(body, sizeof body, "%s/%s", front, key) + 1;
  if (n + length > sizeof body) return -1;
  memcpy(body + n, value, length);
  return ask(XS_WRITE, body, n + length, 0, 0);
}

static int write_key(const char *key, const char *value) { return write_bytes(key, value, strlen(value)); }

static void write_number(const char *key, unsigned value) {
  char text[16];
  snprintf(text, sizeof text, "%u", value);
  write_key(key, text);
}

static void remove_key(const char *key) {
  char path[256];
  int n = snprintf(path, sizeof path, "%s/%s", front, key) + 1;
  ask(XS_RM, path, n, 0, 0);
}

static int backend_state(void) {
  char value[16];
  return read_key(back, "state", value, sizeof value) ? 0 : atoi(value);
}

/* Waits until the backend is in a state of the mask. */
static int await_state(unsigned mask) {
  double end = now() + patience;
  int state;
  while (!(mask >> (state = backend_state()) & 1))
    if (now() > end) return -state - 1;
    else nap(20);
  return state;
}

/* Pages that the backend may reach, and channels to it. --------------------------------------------- */

struct page {
  void *memory;
  uint32_t gref;
  uint64_t index;
};

static struct page grant_page(int writable) {
  struct ioctl_gntalloc_alloc_gref request = {.domid = 0, .flags = writable ? GNTALLOC_FLAG_WRITABLE : 0, .count = 1};
  struct page page;
  if (ioctl(grants, IOCTL_GNTALLOC_ALLOC_GREF, &request)) die("gntalloc");
  page.gref = request.gref_ids[0];
  page.index = request.index;
  page.memory = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, grants, request.index);
  if (page.memory == MAP_FAILED) die("mmap of a granted page");
  memset(page.memory, 0, PAGE);
  return page;
}

static void take_back(struct page *page) {
  struct ioctl_gntalloc_dealloc_gref request = {.index = page->index, .count = 1};
  if (!page->memory) return;
  munmap(page->memory, PAGE);
  ioctl(grants, IOCTL_GNTALLOC_DEALLOC_GREF, &request);
  page->memory = 0;
}

static int new_channel(void) {
  struct ioctl_evtchn_bind_unbound_port request = {0};
  int port = ioctl(events, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &request);
  if (port < 0) die("evtchn");
  return port;
}

static void kick(int port) {
  struct ioctl_evtchn_notify request = {port};
  ioctl(events, IOCTL_EVTCHN_NOTIFY, &request);
}

/* One connection. ------------------------------------------------------------------------------------ */

static struct page tx_page, rx_page, data[DATA_PAGES];
static int tx_port, rx_port;
static uint32_t tx_prod, rx_prod, rsp_seen;

#define TX ((struct ring_head *)tx_page.memory)
#define RX ((struct ring_head *)rx_page.memory)
#define TX_SLOT(i) ((struct tx_slot *)((char *)tx_page.memory + 64) + ((i) % SLOTS))
#define RX_SLOT(i) ((struct rx_slot *)((char *)rx_page.memory + 64) + ((i) % SLOTS))

static void open_rings(void) {
  tx_page = grant_page(1);
  rx_page = grant_page(1);
  for (int i = 0; i < DATA_PAGES; i++) data[i] = grant_page(1);
  tx_port = new_channel();
  rx_port = new_channel();
  tx_prod = rx_prod = rsp_seen = 0;
  TX->req_event = TX->rsp_event = RX->req_event = RX->rsp_event = 1;
}

static void write_keys(void) {
  remove_key("multi-queue-num-queues");
  remove_key("queue-0");
  remove_key("queue-1");
  remove_key("event-channel");
  write_number("tx-ring-ref", tx_page.gref);
  write_number("rx-ring-ref", rx_page.gref);
  write_number("event-channel-tx", tx_port);
  write_number("event-channel-rx", rx_port);
  write_key("request-rx-copy", "1");
  write_key("feature-rx-notify", "1");
  write_key("feature-sg", "1");
  write_key("feature-gso-tcpv4", "1");
}

/* From whatever the device is in to InitWait, as a driver that is loaded again would do it. */
static int begin(void) {
  int state = backend_state();
  if (state != 2) {
    if (state == 4) {
      write_key("state", "5");
      await_state(1u << 5 | 1u << 6);
    }
    write_key("state", "6");
    await_state(1u << 6 | 1u << 2);
  }
  write_key("state", "1");
  state = await_state(1u << 2);
  if (state < 0) {
    snprintf(seen, sizeof seen, "no InitWait, but state %d", -state - 1);
    return -1;
  }
  open_rings();
  write_keys();
  return 0;
}

static int connect_now(void) {
  write_key("state", "4");
  int state = await_state(1u << 4 | 1u << 5 | 1u << 6);
  if (state != 4) {
    snprintf(seen, sizeof seen, "not connected, but state %d", state < 0 ? -state - 1 : state);
    return -1;
  }
  return 0;
}

static void end(void) {
  int state = backend_state();
  if (state == 4 || state == 2) write_key("state", "5"), await_state(1u << 5 | 1u << 6 | 1u << 2);
  write_key("state", "6");
  await_state(1u << 6);
  take_back(&tx_page);
  take_back(&rx_page);
  for (int i = 0; i < DATA_PAGES; i++) take_back(&data[i]);
  struct ioctl_evtchn_unbind a = {tx_port}, b = {rx_port};
  ioctl(events, IOCTL_EVTCHN_UNBIND, &a);
  ioctl(events, IOCTL_EVTCHN_UNBIND, &b);
}

/* A frame for nobody: a group address of no protocol, the source one of its own. */
static void frame(int page, int offset, int length) {
  static const uint8_t head[14] = {0x03, 0, 0, 0, 0, 0x99, 0x00, 0x16, 0x3e, 0x66, 0x66, 0x66, 0x88, 0xb5};
  memset((char *)data[page].memory + offset, 0x5a, length);
  memcpy((char *)data[page].memory + offset, head, length < 14 ? length : 14);
}

static void put(uint32_t gref, int offset, int flags, int size) {
  struct tx_slot *slot = TX_SLOT(tx_prod);
  slot->gref = gref;
  slot->offset = offset;
  slot->flags = flags;
  slot->id = tx_prod % SLOTS;
  slot->size = size;
  tx_prod++;
}

static void put_extra(int type, int flags, int gso_size, int gso_type) {
  struct extra_slot extra = {.type = type, .flags = flags, .size = gso_size, .gso_type = gso_type};
  memset(TX_SLOT(tx_prod), 0, sizeof(struct tx_slot));
  memcpy(TX_SLOT(tx_prod), &extra, sizeof extra);
  tx_prod++;
}

static void publish(void) {
  __sync_synchronize();
  TX->req_prod = tx_prod;
  __sync_synchronize();
  kick(tx_port);
}

/* How many of the responses since the last look have a status; waits until all slots are answered. */
static int answered(int status) {
  double end = now() + patience;
  while (*(volatile uint32_t *)&TX->rsp_prod != tx_prod) {
    if (now() > end) {
      snprintf(seen, sizeof seen, "rsp_prod %u after req_prod %u, state %d", TX->rsp_prod, tx_prod, backend_state());
      return -1;
    }
    nap(10);
  }
  int count = 0;
  for (uint32_t i = rsp_seen; i != tx_prod; i++)
    if (((struct tx_response *)TX_SLOT(i))->status == status) count++;
  int n = snprintf(seen, sizeof seen, "%u responses, statuses", tx_prod - rsp_seen);
  for (uint32_t i = rsp_seen; i != tx_prod && n < 400; i++)
    n += snprintf(seen + n, sizeof seen - n, " %d", ((struct tx_response *)TX_SLOT(i))->status);
  rsp_seen = tx_prod;
  return count;
}

/* Every response is of this status, but those of extras. */
static int all(int status, int extras) {
  uint32_t slots = tx_prod - rsp_seen;
  int count = answered(status);
  if (count < 0 || count != (int)slots - extras) return 0;
  if (backend_state() == 4) return 1;
  snprintf(seen, sizeof seen, "answered, but state %d", backend_state());
  return 0;
}

/* An ordinary frame still passes. */
static int alive(void) {
  frame(0, 0, 60);
  put(data[0].gref, 0, 0, 60);
  publish();
  return all(OKAY, 0);
}

static int closed(void) {
  int state = await_state(1u << 5 | 1u << 6);
  if (state > 0) return 1;
  snprintf(seen, sizeof seen, "still in state %d", -state - 1);
  return 0;
}

/* The cases. ----------------------------------------------------------------------------------------- */

static int honest(void) { return !begin() && !connect_now() && alive() && alive(); }

static int jump(uint32_t by) {
  if (begin() || connect_now() || !alive()) return 0;
  tx_prod += by;
  publish();
  return closed();
}
static int tx_ahead(void) { return jump(SLOTS + 1); }
static int tx_half_way_round(void) { return jump(1u << 31); }
static int tx_backwards(void) { return jump(-1u); }

static int rx_jump(uint32_t to) {
  if (begin() || connect_now() || !alive()) return 0;
  RX->req_prod = to;
  __sync_synchronize();
  kick(rx_port);
  return closed();
}
static int rx_ahead(void) { return rx_jump(SLOTS + 1); }
static int rx_half_way_round(void) { return rx_jump(1u << 31); }

static int started(uint32_t rsp_prod, uint32_t req_prod) {
  if (begin()) return -1;
  TX->rsp_prod = rsp_prod;
  TX->req_prod = req_prod;
  rsp_seen = tx_prod = req_prod;
  return connect_now();
}
static int garbage_before_connect(void) {
  return started(0x12345678, 0) ? closed() : (publish(), closed());
}
static int begins_near_wrap(void) {
  return !started(0xfffffff0u, 0xfffffff0u) && alive() && alive();
}

static int one(int offset, int flags, int size) {
  if (begin() || connect_now() || !alive()) return -1;
  frame(1, 0, PAGE);
  put(data[1].gref, offset, flags, size);
  publish();
  return 0;
}
static int crosses_page(void) { return !one(4090, 0, 60) && closed(); }
static int offset_65535(void) { return !one(65535, 0, 60) && closed(); }
static int one_slot_of_65535(void) { return !one(0, 0, 65535) && closed(); }
static int empty_packet(void) { return !one(0, 0, 0) && all(RSP_ERROR, 0) && alive(); }
static int runt(void) { return !one(0, 0, 13) && all(RSP_ERROR, 0) && alive(); }
static int smallest(void) { return !one(0, 0, 14) && all(OKAY, 0) && alive(); }
static int announces_data(void) { return !one(0, MORE_DATA, 200) && closed(); }
static int announces_extra(void) { return !one(0, EXTRA_INFO, 200) && closed(); }
static int unknown_flags(void) { return !one(0, 0xfff0, 60) && all(OKAY, 0) && alive(); }
/* Says that the sum is to be completed, where there is nothing to complete. */
static int blank_sum_of_nothing(void) { return !one(0, CSUM_BLANK | DATA_VALIDATED, 60) && answered(OKAY) >= 0 && alive(); }

static int bad_ref(uint32_t gref) {
  if (begin() || connect_now() || !alive()) return 0;
  put(gref, 0, 0, 60);
  publish();
  return all(RSP_ERROR, 0) && alive();
}
static int no_such_ref(void) { return bad_ref(0x00ffffff); }
/* The toolstack has granted it to dom0, for the console: what it holds may be sent, or refused. */
static int ref_zero(void) {
  if (begin() || connect_now() || !alive()) return 0;
  put(0, 0, 0, 60);
  publish();
  return answered(OKAY) >= 0 && alive();
}

static int revoked_ref(void) {
  if (begin() || connect_now() || !alive()) return 0;
  uint32_t gref = data[5].gref;
  take_back(&data[5]);
  put(gref, 0, 0, 60);
  publish();
  return all(RSP_ERROR, 0) && alive();
}

/* One bad reference among good ones: that packet alone is refused. */
static int good_bad_good(void) {
  if (begin() || connect_now() || !alive()) return 0;
  for (int i = 0; i < 3; i++) frame(i, 0, 60);
  put(data[0].gref, 0, 0, 60);
  put(0x00fffffe, 0, 0, 60);
  put(data[2].gref, 0, 0, 60);
  publish();
  return answered(OKAY) == 2 && alive();
}

/* A packet of n slots of data; the first is of 100 octets, the others of 8. */
static int many(int n) {
  if (begin() || connect_now() || !alive()) return -1;
  frame(0, 0, 100);
  for (int i = 0; i < n; i++)
    put(data[i % DATA_PAGES].gref, i * 8 % 2048, i < n - 1 ? MORE_DATA : 0, i ? 8 : 100 + 8 * (n - 1));
  publish();
  return 0;
}
static int slots_18(void) { return !many(18) && all(OKAY, 0) && alive(); }
static int slots_20(void) { return !many(20) && all(RSP_ERROR, 0) && alive(); }
static int slots_22(void) { return !many(22) && closed(); }
static int slots_200(void) { return !many(200) && closed(); }

/* Follow-on slots that are longer together than the packet. */
static int longer_than_packet(void) {
  if (begin() || connect_now() || !alive()) return 0;
  put(data[0].gref, 0, MORE_DATA, 100);
  put(data[1].gref, 0, MORE_DATA, 90);
  put(data[2].gref, 0, 0, 90);
  publish();
  return all(RSP_ERROR, 0) && alive();
}
static int no_octets_in_between(void) {
  if (begin() || connect_now() || !alive()) return 0;
  frame(0, 0, 60);
  put(data[0].gref, 0, MORE_DATA, 68);
  put(data[1].gref, 0, MORE_DATA, 0);
  put(data[2].gref, 0, MORE_DATA, 8);
  put(data[3].gref, 4096, 0, 0);
  publish();
  return all(OKAY, 0) && alive();
}
/* A header in pieces: 14 octets, then one at a time. */
static int crumbs(void) {
  if (begin() || connect_now() || !alive()) return 0;
  frame(0, 0, 60);
  put(data[0].gref, 0, MORE_DATA, 14 + 17);
  for (int i = 0; i < 17; i++) put(data[1].gref, i, i < 16 ? MORE_DATA : 0, 1);
  publish();
  return all(OKAY, 0) && alive();
}

static int with_extra(int type, int flags, int gso_size, int gso_type) {
  if (begin() || connect_now() || !alive()) return -1;
  frame(0, 0, 200);
  put(data[0].gref, 0, EXTRA_INFO | CSUM_BLANK | DATA_VALIDATED, 200);
  put_extra(type, flags, gso_size, gso_type);
  publish();
  return 0;
}
static int extra_0(void) { return !with_extra(0, 0, 0, 0) && closed(); }
static int extra_9(void) { return !with_extra(9, 0, 0, 0) && closed(); }
static int extra_without_end(void) { return !with_extra(4, 1, 0, 0) && closed(); }
static int segments_of_0(void) { return !with_extra(1, 0, 0, 1) && closed(); }
static int segments_of_no_protocol(void) { return !with_extra(1, 0, 1000, 7) && closed(); }
static int segments_of_no_tcp(void) { return !with_extra(1, 0, 1000, 1) && answered(OKAY) >= 0 && alive(); }
/* Multicast: a request of no octets, not to be taken for a bad packet. Refused where it is not offered. */
static int multicast(int type) {
  if (begin() || connect_now() || !alive()) return 0;
  put(0, 0, EXTRA_INFO, 0);
  put_extra(type, 0, 0x0001, 0x5e);
  publish();
  return answered(NULL_RESPONSE) == 1 && backend_state() == 4 && alive();
}
static int multicast_add(void) { return multicast(2); }
static int multicast_remove(void) { return multicast(3); }

/* A TCP frame of 60000 octets to be cut into segments of one octet, for everybody. */
static int segments_of_1(void) {
  if (begin() || connect_now() || !alive()) return 0;
  static const uint8_t head[54] = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x16, 0x3e, 0x66, 0x66, 0x66, 8, 0, 0x45, 0, 0xea, 0x52, 0, 1, 0, 0,
      64, 6, 0, 0, 10, 66, 0, 1, 10, 66, 0, 2, 0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0};
  memcpy(data[0].memory, head, sizeof head);
  put(data[0].gref, 0, EXTRA_INFO | CSUM_BLANK | DATA_VALIDATED | MORE_DATA, 60000);
  put_extra(1, 0, 1, 1);
  int left = 60000 - 4096;
  for (int i = 1; left > 0; i++, left -= PAGE)
    put(data[i].gref, 0, left > PAGE ? MORE_DATA : 0, left > PAGE ? PAGE : left);
  publish();
  return answered(OKAY) >= 0 && alive();
}

/* Random slots, often enough plausible; whatever they do, the backend ends up connected with every slot
 * answered, or has closed the device. */
static int random_slots(void) {
  srand(20051122);
  for (int rounds = 0; rounds < 12; rounds++) {
    if (begin() || connect_now()) return 0;
    for (int lot = 0; lot < 40 && backend_state() == 4; lot++) {
      int n = 1 + rand() % 60;
      for (int i = 0; i < n; i++) {
        if (rand() % 8 == 0) put_extra(rand() % 6, rand() % 2, rand(), rand() % 4);
        else
          put(rand() % 10 ? data[rand() % DATA_PAGES].gref : (uint32_t)rand(), rand() % (rand() % 2 ? 64 : 5000),
              rand() % 3 ? 0 : rand() & 15, rand() % 4 ? 14 + rand() % 1600 : rand());
      }
      uint8_t *page = data[rand() % DATA_PAGES].memory;
      for (int i = 0; i < 200; i++) page[rand() % PAGE] = rand();
      publish();
      double limit = now() + patience;
      while (*(volatile uint32_t *)&TX->rsp_prod != tx_prod) {
        if (backend_state() != 4) break;
        if (now() > limit) {
          snprintf(seen, sizeof seen, "round %d: rsp_prod %u, req_prod %u", rounds, TX->rsp_prod, tx_prod);
          return 0;
        }
        nap(5);
      }
    }
    end();
  }
  return honest();
}

/* Buffers to receive into that are not there, or not writable; dom0 sends to everybody meanwhile. */
static int bad_buffers(void) {
  if (begin() || connect_now() || !alive()) return 0;
  struct page readable = grant_page(0);
  for (rx_prod = 0; rx_prod < SLOTS; rx_prod++) {
    RX_SLOT(rx_prod)->id = 7;
    RX_SLOT(rx_prod)->gref = rx_prod % 2 ? readable.gref : 0x00fffff0;
  }
  __sync_synchronize();
  RX->req_prod = rx_prod;
  __sync_synchronize();
  kick(rx_port);
  for (double until = now() + 4; now() < until;) nap(100);
  snprintf(seen, sizeof seen, "state %d", backend_state());
  int good = backend_state() == 4 && alive();
  take_back(&readable);
  return good;
}

static int no_buffers(void) {
  if (begin() || connect_now() || !alive()) return 0;
  nap(4000);
  snprintf(seen, sizeof seen, "state %d", backend_state());
  return backend_state() == 4 && alive();
}

/* Notifies without work, as fast as it can. */
static int storm(void) {
  if (begin() || connect_now() || !alive()) return 0;
  for (double until = now() + 10; now() < until;)
    for (int i = 0; i < 50; i++) kick(i % 2 ? tx_port : rx_port);
  return alive();
}

/* Wants to be notified of everything, and of nothing. */
static int rsp_event_games(void) {
  if (begin() || connect_now()) return 0;
  for (int i = 0; i < 100; i++) {
    TX->rsp_event = i % 2 ? tx_prod + 1 : tx_prod + (1u << 31);
    if (!alive()) return 0;
  }
  return 1;
}

/* Takes its rings' pages back while they are mapped. */
static int rings_taken_back(void) {
  if (begin() || connect_now() || !alive()) return 0;
  take_back(&tx_page);
  take_back(&rx_page);
  kick(tx_port);
  kick(rx_port);
  nap(500);
  tx_page = grant_page(1); /* for those that follow to write into */
  rx_page = grant_page(1);
  return 1;
}

static int channels_closed(void) {
  if (begin() || connect_now() || !alive()) return 0;
  struct ioctl_evtchn_unbind a = {tx_port}, b = {rx_port};
  ioctl(events, IOCTL_EVTCHN_UNBIND, &a);
  ioctl(events, IOCTL_EVTCHN_UNBIND, &b);
  nap(300);
  return backend_state() == 4 || closed();
}

/* Keys that are wrong: refused, never connected; the next try with good keys works. */
static int wrong(const char *key, const char *value) {
  if (begin()) return 0;
  write_key(key, value);
  write_key("state", "4");
  if (!closed()) return 0;
  end();
  return honest();
}
static int ring_ref_negative(void) { return wrong("tx-ring-ref", "-1"); }
static int ring_ref_word(void) { return wrong("tx-ring-ref", "one"); }
static int ring_ref_empty(void) { return wrong("rx-ring-ref", ""); }
static int ring_ref_unknown(void) { return wrong("rx-ring-ref", "16777215"); }
static int channel_0(void) { return wrong("event-channel-tx", "0"); }
static int channel_unknown(void) { return wrong("event-channel-rx", "4000"); }
static int channel_huge(void) { return wrong("event-channel-rx", "99999999999999999999"); }
static int no_queues(void) { return wrong("multi-queue-num-queues", "0"); }
static int too_many_queues(void) { return wrong("multi-queue-num-queues", "4096"); }
static int half_a_number(void) { return wrong("multi-queue-num-queues", "1x"); }
static int ring_ref_long(void) {
  char digits[1500]; /* xenstored itself refuses nodes over 2048 octets */
  memset(digits, '9', sizeof digits - 1);
  digits[sizeof digits - 1] = 0;
  return wrong("tx-ring-ref", digits);
}
static int nul_in_key(void) {
  if (begin()) return 0;
  char value[16];
  int n = snprintf(value, sizeof value, "%u", tx_page.gref);
  value[n] = 0;
  value[n + 1] = '7';
  write_bytes("tx-ring-ref", value, n + 2);
  write_key("state", "4");
  /* Either reading of it is sound. */
  int state = await_state(1u << 4 | 1u << 5 | 1u << 6);
  snprintf(seen, sizeof seen, "state %d", state);
  return state > 0;
}
static int one_ref_for_both(void) {
  if (begin()) return 0;
  write_number("rx-ring-ref", tx_page.gref);
  write_key("state", "4");
  if (!closed()) return 0;
  end();
  return honest();
}
static int no_keys(void) {
  if (begin()) return 0;
  remove_key("tx-ring-ref");
  write_key("state", "4");
  if (!closed()) return 0;
  end();
  return honest();
}
static int queue_missing(void) {
  if (begin()) return 0;
  write_key("multi-queue-num-queues", "2");
  write_number("queue-0/tx-ring-ref", tx_page.gref);
  write_number("queue-0/rx-ring-ref", rx_page.gref);
  write_number("queue-0/event-channel-tx", tx_port);
  write_number("queue-0/event-channel-rx", rx_port);
  write_key("state", "4");
  if (!closed()) return 0;
  end();
  return honest();
}
/* Both queues with the same rings and channels. */
static int queues_alike(void) {
  if (begin()) return 0;
  write_key("multi-queue-num-queues", "2");
  for (int q = 0; q < 2; q++) {
    char key[64];
    snprintf(key, sizeof key, "queue-%d/tx-ring-ref", q), write_number(key, tx_page.gref);
    snprintf(key, sizeof key, "queue-%d/rx-ring-ref", q), write_number(key, rx_page.gref);
    snprintf(key, sizeof key, "queue-%d/event-channel-tx", q), write_number(key, tx_port);
    snprintf(key, sizeof key, "queue-%d/event-channel-rx", q), write_number(key, rx_port);
  }
  write_key("state", "4");
  if (!closed()) return 0;
  end();
  return honest();
}

/* States in no order, faster than anybody can follow. */
static int states(void) {
  static const char *values[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "-1", "", "x", "00000000000000000004", "4294967300"};
  if (begin()) return 0;
  for (int i = 0; i < 400; i++) write_key("state", values[i * 7919 % 14]);
  /* To a state from which a driver would come back. */
  write_key("state", "5");
  nap(500);
  write_key("state", "6");
  if (await_state(1u << 6) < 0) {
    snprintf(seen, sizeof seen, "state %d", backend_state());
    return 0;
  }
  end();
  return honest();
}
static int state_removed(void) {
  if (begin() || connect_now() || !alive()) return 0;
  remove_key("state");
  nap(2000);
  write_key("state", "6");
  if (await_state(1u << 6) < 0) {
    snprintf(seen, sizeof seen, "state %d", backend_state());
    return 0;
  }
  end();
  return honest();
}
/* Connected to Initialising at once: a guest that crashed and whose driver begins anew. */
static int begins_anew(void) {
  if (begin() || connect_now() || !alive()) return 0;
  write_key("state", "1");
  int state = await_state(1u << 2 | 1u << 5 | 1u << 6);
  snprintf(seen, sizeof seen, "state %d", state);
  return state > 0;
}
static int fast_reconnects(void) {
  for (int i = 0; i < 15; i++) {
    if (begin() || connect_now()) return 0;
    end();
  }
  return honest();
}

/* The control ring: requests of 16 octets, responses with the id first and the status at 4. */
struct ctrl_slot {
  uint16_t id, type;
  uint32_t data[3];
};
static struct page ctrl_page;
static int ctrl_port;
static uint32_t ctrl_prod;
#define CONTROL ((struct ring_head *)ctrl_page.memory)
#define CTRL_SLOT(i) ((struct ctrl_slot *)((char *)ctrl_page.memory + 64) + ((i) % 128))

static int with_ctrl(void) {
  char offered[8];
  if (begin()) return -1;
  if (read_key(back, "feature-ctrl-ring", offered, sizeof offered) || strcmp(offered, "1")) {
    snprintf(seen, sizeof seen, "no control ring is offered");
    return -1;
  }
  ctrl_page = grant_page(1);
  ctrl_port = new_channel();
  ctrl_prod = 0;
  CONTROL->req_event = CONTROL->rsp_event = 1;
  write_number("ctrl-ring-ref", ctrl_page.gref);
  write_number("event-channel-ctrl", ctrl_port);
  return connect_now();
}
static int without_ctrl(int verdict) {
  struct ioctl_evtchn_unbind channel = {ctrl_port};
  remove_key("ctrl-ring-ref");
  remove_key("event-channel-ctrl");
  end();
  take_back(&ctrl_page);
  ioctl(events, IOCTL_EVTCHN_UNBIND, &channel);
  return verdict;
}
static void ctrl_put(int type, uint32_t a, uint32_t b, uint32_t c) {
  struct ctrl_slot slot = {.id = ctrl_prod, .type = type, .data = {a, b, c}};
  *CTRL_SLOT(ctrl_prod) = slot;
  ctrl_prod++;
}
static void ctrl_publish(void) {
  __sync_synchronize();
  CONTROL->req_prod = ctrl_prod;
  __sync_synchronize();
  kick(ctrl_port);
}
/* The status of one request; -1 without an answer. */
static int ctrl_ask(int type, uint32_t a, uint32_t b, uint32_t c) {
  double limit = now() + patience;
  ctrl_put(type, a, b, c);
  ctrl_publish();
  while (*(volatile uint32_t *)&CONTROL->rsp_prod != ctrl_prod)
    if (now() > limit) return -1;
    else nap(5);
  int status = CTRL_SLOT(ctrl_prod - 1)->data[0];
  snprintf(seen, sizeof seen, "type %d of %x %x %x: status %d", type, a, b, c, status);
  return status;
}
static int ctrl_jump(uint32_t to) {
  if (with_ctrl()) return 0;
  ctrl_prod = to;
  ctrl_publish();
  return without_ctrl(closed());
}
static int ctrl_ahead(void) { return ctrl_jump(129); }
static int ctrl_half_way_round(void) { return ctrl_jump(1u << 31); }
/* XSA-270 and its kin: offsets that wrap, lists that are too long, references that are not there. */
static int ctrl_lies(void) {
  if (with_ctrl()) return 0;
  uint32_t good = data[9].gref, none = 0x00fffffd;
  int sound = ctrl_ask(7, 1, 0, 0) == 0 && ctrl_ask(7, 77, 0, 0) != 0 && ctrl_ask(2, 0xffffffff, 0, 0) != 0 &&
              ctrl_ask(3, none, 40, 0) != 0 && ctrl_ask(3, good, 41, 0) != 0 && ctrl_ask(3, good, 0xffffffff, 0) != 0 &&
              ctrl_ask(5, 128, 0, 0) == 0 && ctrl_ask(5, 129, 0, 0) != 0 && ctrl_ask(5, 0xffffffff, 0, 0) != 0 &&
              ctrl_ask(6, none, 128, 0) != 0 && ctrl_ask(6, good, 2, 0xffffffff) != 0 &&
              ctrl_ask(6, good, 1, 128) != 0 && ctrl_ask(6, good, 0xffffffff, 1) != 0 &&
              ctrl_ask(9, 0, none, 1) != 0 && ctrl_ask(9, 0, good, 513) != 0 && ctrl_ask(9, 99, good, 1) != 0 &&
              ctrl_ask(10, 0, none, 1) != 0 && ctrl_ask(10, 99, good, 1) != 0 && ctrl_ask(0, 0, 0, 0) != 0 &&
              ctrl_ask(4711, 1, 2, 3) != 0;
  return without_ctrl(sound && alive());
}
static int ctrl_random(void) {
  if (with_ctrl()) return 0;
  srand(4711);
  for (int lot = 0; lot < 12; lot++) {
    for (int i = 0; i < 100; i++)
      ctrl_put(rand() % 12, rand() % 2 ? data[rand() % DATA_PAGES].gref : (uint32_t)rand(), rand() % 3 ? rand() % 600 : rand(), rand() % 2 ? 0 : rand());
    ctrl_publish();
    double limit = now() + patience;
    while (*(volatile uint32_t *)&CONTROL->rsp_prod != ctrl_prod) {
      if (now() > limit || backend_state() != 4) {
        snprintf(seen, sizeof seen, "rsp_prod %u, req_prod %u, state %d", CONTROL->rsp_prod, ctrl_prod, backend_state());
        return without_ctrl(0);
      }
      nap(5);
    }
  }
  return without_ctrl(alive());
}
/* A page that is mapped for good is taken back, and still sent from. */
static int mapped_page_taken_back(void) {
  if (with_ctrl()) return 0;
  struct {
    uint32_t gref;
    uint16_t flags, status;
  } *list = data[9].memory;
  list->gref = data[10].gref;
  list->flags = list->status = 0;
  if (ctrl_ask(9, 0, data[9].gref, 1)) return without_ctrl(0);
  frame(10, 0, 60);
  uint32_t gref = data[10].gref;
  take_back(&data[10]);
  put(gref, 0, 0, 60);
  publish();
  return without_ctrl(answered(OKAY) >= 0 && backend_state() == 4 && alive());
}
static int ctrl_ref_is_ring_ref(void) {
  if (begin()) return 0;
  write_number("ctrl-ring-ref", tx_page.gref);
  write_number("event-channel-ctrl", rx_port);
  write_key("state", "4");
  if (!closed()) return 0;
  return without_ctrl(1) && honest();
}
static int ctrl_without_channel(void) {
  if (begin()) return 0;
  write_number("ctrl-ring-ref", data[3].gref);
  write_key("state", "4");
  if (!closed()) return 0;
  return without_ctrl(1) && honest();
}

static const struct {
  const char *name;
  int (*run)(void);
} cases[] = {
#define CASE(name) {#name, name}
    CASE(honest), CASE(tx_ahead), CASE(tx_half_way_round), CASE(tx_backwards), CASE(rx_ahead),
    CASE(rx_half_way_round), CASE(garbage_before_connect), CASE(begins_near_wrap), CASE(crosses_page),
    CASE(offset_65535), CASE(one_slot_of_65535), CASE(empty_packet), CASE(runt), CASE(smallest),
    CASE(announces_data), CASE(announces_extra), CASE(unknown_flags), CASE(blank_sum_of_nothing),
    CASE(no_such_ref), CASE(ref_zero), CASE(revoked_ref), CASE(good_bad_good), CASE(slots_18), CASE(slots_20),
    CASE(slots_22), CASE(slots_200), CASE(longer_than_packet), CASE(no_octets_in_between), CASE(crumbs),
    CASE(extra_0), CASE(extra_9), CASE(extra_without_end), CASE(segments_of_0), CASE(segments_of_no_protocol),
    CASE(segments_of_no_tcp), CASE(multicast_add), CASE(multicast_remove), CASE(segments_of_1),
    CASE(random_slots), CASE(bad_buffers), CASE(no_buffers), CASE(storm), CASE(rsp_event_games),
    CASE(rings_taken_back), CASE(channels_closed), CASE(ring_ref_negative), CASE(ring_ref_word),
    CASE(ring_ref_empty), CASE(ring_ref_unknown), CASE(ring_ref_long), CASE(nul_in_key), CASE(one_ref_for_both),
    CASE(no_keys), CASE(channel_0), CASE(channel_unknown), CASE(channel_huge), CASE(no_queues),
    CASE(too_many_queues), CASE(half_a_number), CASE(queue_missing), CASE(queues_alike), CASE(states),
    CASE(state_removed), CASE(begins_anew), CASE(fast_reconnects), CASE(ctrl_ahead), CASE(ctrl_half_way_round), CASE(ctrl_lies),
    CASE(ctrl_random), CASE(mapped_page_taken_back), CASE(ctrl_ref_is_ring_ref), CASE(ctrl_without_channel),
};

int main(int count, char **arguments) {
  int bad = 0, ran = 0;
  setvbuf(stdout, 0, _IOLBF, 0);
  if (count < 2) {
    fprintf(stderr, "usage: hostile HANDLE [list | CASE...]\n");
    return 2;
  }
  if (count > 2 && !strcmp(arguments[2], "list")) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) puts(cases[i].name);
    return 0;
  }
  if ((store = open("/dev/xen/xenbus", O_RDWR)) < 0) die("/dev/xen/xenbus");
  if ((grants = open("/dev/xen/gntalloc", O_RDWR)) < 0) die("/dev/xen/gntalloc");
  if ((events = open("/dev/xen/evtchn", O_RDWR)) < 0) die("/dev/xen/evtchn");
  snprintf(front, sizeof front, "device/vif/%d", atoi(arguments[1]));
  if (read_key(front, "backend", back, sizeof back)) die("no such vif");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int wanted = count == 2;
    for (int a = 2; a < count; a++) wanted |= !strcmp(arguments[a], cases[i].name);
    if (!wanted) continue;
    double start = now();
    snprintf(seen, sizeof seen, "?");
    ran++;
    if (cases[i].run()) {
      printf("ok %s (%.1f s)\n", cases[i].name, now() - start);
    } else {
      printf("BAD %s: %s (%.1f s)\n", cases[i].name, seen, now() - start);
      bad++;
    }
    end();
  }
  printf("%d cases, %d bad\n", ran, bad);
  return bad || !ran;
}
