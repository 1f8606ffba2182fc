/* Guests of the embedded ground: a process of its own, as the kernel of a guest would be, with memory in
 * a memfd and event channels on eventfds, over which the backend has nothing to say.
 *
 * What a frontend writes into its directory goes to standard output, a line "DOMID KEY VALUE" each, and
 * then "ready": the benchmark writes it to the store. Once the devices are connected it says on standard
 * input, a line each, "map" or "run SECONDS"; the answer is a line. At the end of input the process
 * ends, and its domains with it. */
#define _GNU_SOURCE
#include "rings.h"
#include <endian.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  GROUND_VERSION = 3, /* of GroundMessage */
  BACKEND = 0,
  GRANT_FRAMES = 8,
  FIRST_GREF = 8,
  PAGES = 4 + MOST_QUEUES * 2 * (1 + SLOTS),
  PERMIT_ACCESS = 1,
  READ_ONLY = 4,
  ADD_GREF_MAPPING = 9,
};

struct grant { uint16_t flags, domid; uint32_t frame; };
struct gref_entry { uint32_t gref; uint16_t flags, status; };
struct ctrl_request { uint16_t id, type; uint32_t data[3]; };
struct ctrl_response { uint16_t id, type; uint32_t status, data; };
struct ctrl_ring { struct indices at; union { struct ctrl_request req; struct ctrl_response rsp; } slot[128]; };

struct domain {
  int socket, domid;
  uint8_t *memory;
  uint32_t frames, grefs; /* used so far */
  struct ctrl_ring *ctrl;
  int ctrl_bell;
  uint32_t list;          /* reference of the page after the control ring's */
};

struct message { uint8_t octets[4096]; size_t length; int fds[4], fd_count; };

static struct domain domains[MOST_GUESTS];
static struct guests *guests;

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* Big-endian, as all of the ground's messages. */
static void put(struct message *m, uint64_t value, int octets) {
  for (int i = octets - 1; i >= 0; i--) m->octets[m->length++] = value >> 8 * i;
}

static void put_text(struct message *m, const char *text) {
  put(m, strlen(text), 2);
  memcpy(m->octets + m->length, text, strlen(text));
  m->length += strlen(text);
}

static uint32_t u32(const struct message *m, size_t at) {
  uint32_t value;
  memcpy(&value, m->octets + at, sizeof value);
  return be32toh(value);
}

/* Sends a request; the answer takes its place. Its kind is at 4, its fields are from 5 on. */
static void ask(struct domain *d, struct message *m, int kind, int descriptors) {
  ok(send(d->socket, m->octets, m->length, 0), "send to the ground");
  union { char octets[CMSG_SPACE(sizeof m->fds)]; struct cmsghdr align; } control;
  struct iovec into = {m->octets, sizeof m->octets};
  struct msghdr header = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t length = ok(recvmsg(d->socket, &header, MSG_CMSG_CLOEXEC), "the ground's answer");
  struct cmsghdr *c = CMSG_FIRSTHDR(&header);
  int count = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
  if (length < 9 || m->octets[4] != kind || count != descriptors) {
    fprintf(stderr, "the ground answers with message %d and %d descriptors\n", length < 5 ? 0 : m->octets[4], count);
    exit(1);
  }
  memcpy(m->fds, CMSG_DATA(c), count * sizeof(int));
}

static void put_key(struct message *m, const char *name, const char *value) {
  put_text(m, name);
  put_text(m, value);
}

static void attach(struct domain *d, const char *run, int number) {
  struct sockaddr_un ground = {.sun_family = AF_UNIX};
  snprintf(ground.sun_path, sizeof ground.sun_path, "%s/ground.sock", run);
  d->socket = ok(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
  ok(connect(d->socket, (struct sockaddr *)&ground, sizeof ground), ground.sun_path);
  struct message m = {0};
  char text[32], mac[32];
  put(&m, 1, 4);
  put(&m, 2, 1); /* AttachGuest */
  put(&m, GROUND_VERSION, 4);
  snprintf(text, sizeof text, "guest%d", number);
  put_text(&m, text);
  put(&m, GRANT_FRAMES, 4);
  put(&m, PAGES, 4);
  snprintf(mac, sizeof mac, "00:16:3e:00:00:%02x", number + 1);
  put(&m, 1, 2); /* device, with the keys of VifSpec.device */
  put_text(&m, "vif");
  put(&m, 0, 4);
  put(&m, 5, 2); /* of the backend's directory */
  put_key(&m, "mac", mac);
  put_key(&m, "bridge", "bench");
  put_key(&m, "handle", "0");
  put_key(&m, "type", "vif");
  put_key(&m, "hotplug-status", "");
  put(&m, 3, 2); /* of the frontend's */
  put_key(&m, "handle", "0");
  put_key(&m, "mac", mac);
  put_key(&m, "trusted", "1");
  put(&m, 1, 2); /* of the frontend's, read only */
  put_key(&m, "mtu", "1500");
  ask(d, &m, 65, 1); /* Attached */
  d->domid = u32(&m, 5);
  d->memory = check(mmap(NULL, (size_t)(GRANT_FRAMES + PAGES) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, m.fds[0], 0), "mmap");
  close(m.fds[0]);
  d->frames = GRANT_FRAMES;
  d->grefs = FIRST_GREF;
}

/* Takes the next page, and grants it. */
static uint8_t *grant(struct domain *d, int read_only, uint32_t *gref) {
  struct grant *entry = (struct grant *)d->memory + d->grefs;
  *gref = d->grefs++;
  entry->frame = d->frames;
  entry->domid = BACKEND;
  atomic_thread_fence(memory_order_release);
  entry->flags = PERMIT_ACCESS | (read_only ? READ_ONLY : 0);
  return d->memory + (size_t)d->frames++ * PAGE;
}

static void key(const struct domain *d, const char *prefix, const char *name, uint32_t value) {
  printf("%d %s%s %u\n", d->domid, prefix, name, value);
}

/* Offers a port; what the backend writes wakes the guests. */
static int open_port(struct domain *d, const char *prefix, const char *name) {
  struct message m = {0};
  put(&m, 2, 4);
  put(&m, 3, 1); /* Allocate */
  put(&m, BACKEND, 4);
  ask(d, &m, 66, 2); /* PortOpened: inbox, outbox */
  guests_wait_for(guests, m.fds[0]);
  key(d, prefix, name, u32(&m, 5));
  return m.fds[1];
}

static void open_ring(struct domain *d, const char *prefix, const char *name, uint8_t *page, uint32_t gref) {
  struct indices *at = (struct indices *)page;
  at->req_event = at->rsp_event = 1;
  key(d, prefix, name, gref);
}

static void open_queue(struct domain *d, const char *prefix, struct tx *tx, struct rx *rx) {
  uint32_t gref;
  tx->ring = (void *)grant(d, 0, &gref);
  open_ring(d, prefix, "tx-ring-ref", (void *)tx->ring, gref);
  rx->ring = (void *)grant(d, 0, &gref);
  open_ring(d, prefix, "rx-ring-ref", (void *)rx->ring, gref);
  tx->bell = open_port(d, prefix, "event-channel-tx");
  rx->bell = open_port(d, prefix, "event-channel-rx");
  tx->pages = d->memory + (size_t)d->frames * PAGE;
  for (int i = 0; i < SLOTS; i++) grant(d, 1, &tx->grefs[i]);
  rx->pages = d->memory + (size_t)d->frames * PAGE;
  for (int i = 0; i < SLOTS; i++) grant(d, 0, &rx->grefs[i]);
}

static void open_ctrl(struct domain *d) {
  uint32_t gref;
  d->ctrl = (void *)grant(d, 0, &gref);
  open_ring(d, "", "ctrl-ring-ref", (void *)d->ctrl, gref);
  d->ctrl_bell = open_port(d, "", "event-channel-ctrl");
  grant(d, 0, &d->list);
}

/* Has all pages of a queue mapped for good. */
static void map(struct domain *d, int queue, const struct tx *tx, const struct rx *rx) {
  struct gref_entry *list = (void *)((uint8_t *)d->ctrl + PAGE);
  for (int i = 0; i < SLOTS; i++) {
    list[i] = (struct gref_entry){tx->grefs[i], 1, 0};
    list[SLOTS + i] = (struct gref_entry){rx->grefs[i], 0, 0};
  }
  uint32_t index = d->ctrl->at.req_prod;
  d->ctrl->slot[index % 128].req = (struct ctrl_request){index + 1, ADD_GREF_MAPPING, {queue, d->list, 2 * SLOTS}};
  atomic_store(&d->ctrl->at.req_prod, index + 1);
  notify(d->ctrl_bell);
  for (double end = now() + 10; d->ctrl->at.rsp_prod == index;)
    if (now() > end) die("no answer on the control ring");
  uint32_t status = d->ctrl->slot[index % 128].rsp.status;
  if (status) {
    fprintf(stderr, "pages of queue %d are not mapped: status %u\n", queue, status);
    exit(1);
  }
}

static const char *nothing(double frames) {
  (void)frames;
  return "";
}

void attach_guests(struct guests *g, const struct options *o, const char *run) {
  guests = g;
  guests_open(g, o);
  for (int n = 0; n <= o->receivers; n++) {
    struct domain *d = &domains[n];
    attach(d, run, n);
    if (o->queues > 1) key(d, "", "multi-queue-num-queues", o->queues);
    for (int q = 0; q < o->queues; q++) {
      char prefix[24] = "";
      if (o->queues > 1) snprintf(prefix, sizeof prefix, "queue-%d/", q);
      open_queue(d, prefix, &g->tx[n * o->queues + q], &g->rx[n * o->queues + q]);
    }
    open_ctrl(d);
  }
  puts("ready");
  fflush(stdout);
  pin(0);
  char line[64];
  for (int spread = 0; fgets(line, sizeof line, stdin);) {
    double seconds;
    if (!strcmp(line, "map\n")) {
      for (int i = 0; i < g->rings; i++) map(&domains[i / o->queues], i % o->queues, &g->tx[i], &g->rx[i]);
      puts("mapped");
      fflush(stdout);
    } else if (sscanf(line, "run %lf", &seconds) == 1 && seconds > 0 && seconds <= 60) {
      if (!spread++) guests_spread(g);
      guests_run(g, seconds, nothing);
    } else die("neither \"map\" nor \"run SECONDS\", at most 60");
  }
}
