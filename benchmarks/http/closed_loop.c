/* Clients in a closed loop, for benchmarks/http: each parks, and gives back what it was told, on a kept connection.

       closed_loop PORT CONNECTIONS SECONDS

   After SECONDS every client that has a space gives it back, uncounted. Prints one JSON object: replies and those
   of 200 in that time, clients that lost their connection, the shares of that time in which the process ran and waited
   for its core (the kernel's schedstat) and in which it was not waiting for replies, and latencies in microseconds.

   Through io_uring: one system call sends what many clients ask, and takes what many have been told; with one for each
   request and one for each reply, this would be busier than the fastest servers. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 4096, MOST_BODY = 128, LATENCIES = 1 << 22 };

static const char LENGTH[] = "\r\ncontent-length:";
static const char PARK[] = "{\"vehicle\":\"small\"}";

struct client {
    int fd;
    int parks;              /* whether the request that is out parks */
    int has;                /* whether it has a space */
    size_t got;             /* bytes of the reply */
    uint64_t sent_ns;
    char request[512];      /* what gives the space back */
    size_t length;
    char reply[BUFFER + 1];
};

static char park[512];
static size_t park_length;
static uint32_t *latencies;
static uint64_t replies, good, measured;
static int lost, busy, counting = 1;
static struct io_uring ring;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t compose(char *out, const char *path, const char *body, size_t length, size_t announced) {
    int head = sprintf(out, "POST %s HTTP/1.1\r\nHost: garage\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, announced);
    memcpy(out + head, body, length);
    return (size_t)head + length;
}

static void end(struct client *c) {
    close(c->fd);
    c->fd = -1;
    lost++;
    busy--;
}

/* Make the request that gives back what the body says. What stands before the body depends on its length only. */
static void remember(struct client *c, const char *body, size_t length) {
    static char heads[MOST_BODY][256];
    static size_t lengths[MOST_BODY];
    if (length >= MOST_BODY) return;
    if (!lengths[length]) lengths[length] = compose(heads[length], "/unpark", "", 0, length);
    memcpy(c->request, heads[length], lengths[length]);
    memcpy(c->request + lengths[length], body, length);
    c->length = lengths[length] + length;
}

static void receive(struct client *c) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    io_uring_prep_recv(entry, c->fd, c->reply + c->got, BUFFER - c->got, 0);
    io_uring_sqe_set_data(entry, c);
}

/* Send, and only then receive; where all is sent, nothing is told of it. */
static void ask(struct client *c, uint64_t now) {
    const char *data = c->has ? c->request : park;
    size_t length = c->has ? c->length : park_length;
    c->parks = !c->has;
    c->got = 0;
    c->sent_ns = now;
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    io_uring_prep_send(entry, c->fd, data, length, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_flags(entry, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data(entry, NULL);
    receive(c);
}

/* Return the length of the body of a whole reply, and where it is; -1 while more must come. */
static long find_body(struct client *c, char **body) {
    static size_t place; /* of the length in the last reply: mostly that in this one, too */
    char *stop = memmem(c->reply, c->got, "\r\n\r\n", 4);
    if (!stop) return -1;
    *body = stop + 4;
    c->reply[c->got] = 0;
    if (strncasecmp(c->reply + place, LENGTH, sizeof LENGTH - 1))
        for (place = 0; c->reply + place < stop; place++)
            if (!strncasecmp(c->reply + place, LENGTH, sizeof LENGTH - 1)) break;
    if (c->reply + place >= stop) { place = 0; return -1; }
    long length = strtol(c->reply + place + sizeof LENGTH - 1, NULL, 10);
    return *body + length <= c->reply + c->got ? length : -1;
}

static void answer(struct client *c, int n, uint64_t end_ns) {
    char *body;
    if (n <= 0) { end(c); return; }
    c->got += (size_t)n;
    long length = find_body(c, &body);
    if (length < 0) {
        if (c->got == BUFFER) end(c);
        else receive(c);
        return;
    }
    uint64_t now = now_ns();
    int ok = !strncmp(c->reply + 9, "200", 3);
    if (now >= end_ns) counting = 0;
    if (counting) {
        replies++;
        good += (uint64_t)ok;
        if (measured < LATENCIES) latencies[measured++] = (uint32_t)(now - c->sent_ns);
    }
    if (ok && c->parks) remember(c, body, (size_t)length);
    c->has = ok && c->parks;
    if (counting || c->has) ask(c, now);
    else busy--;
}

static void read_schedstat(uint64_t *cpu_ns, uint64_t *wait_ns) {
    FILE *file = fopen("/proc/self/schedstat", "r");
    unsigned long long cpu = 0, wait = 0;
    if (file && fscanf(file, "%llu %llu", &cpu, &wait) != 2) cpu = wait = 0;
    if (file) fclose(file);
    *cpu_ns = cpu;
    *wait_ns = wait;
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double share) {
    if (!measured) return 0;
    uint64_t index = (uint64_t)(share * (double)(measured - 1) + 0.5);
    return latencies[index] / 1000.0;
}

int main(int count, char **arguments) {
    if (count != 4) { fprintf(stderr, "closed_loop PORT CONNECTIONS SECONDS\n"); return 2; }
    int clients = atoi(arguments[2]);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct client *all = calloc((size_t)clients, sizeof *all);
    latencies = malloc(LATENCIES * sizeof *latencies);
    memset(latencies, 0, LATENCIES * sizeof *latencies);
    park_length = compose(park, "/park", PARK, sizeof PARK - 1, sizeof PARK - 1);
    int one = 1, made = io_uring_queue_init(4 * (unsigned)clients, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (made < 0) { fprintf(stderr, "io_uring: %s\n", strerror(-made)); return 1; }
    for (int i = 0; i < clients; i++) {
        all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(all[i].fd, (struct sockaddr *)&address, sizeof address)) { perror("connect"); return 1; }
        setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    uint64_t idle_ns = 0, cpu_ns, wait_ns, cpu_end_ns = 0, wait_end_ns = 0, begin = now_ns(), stop = 0;
    uint64_t end_ns = begin + (uint64_t)(atof(arguments[3]) * 1e9);
    read_schedstat(&cpu_ns, &wait_ns);
    busy = clients;
    for (int i = 0; i < clients; i++) ask(&all[i], now_ns());
    while (busy > 0) {
        io_uring_submit(&ring);
        uint64_t before = now_ns();
        struct io_uring_cqe *reply = NULL;
        struct __kernel_timespec patience = { .tv_sec = 1 };
        /* For half of the clients at once: to be woken for each reply costs more than to read it, and the requests of
           the other half keep the server busy meanwhile. */
        io_uring_wait_cqes(&ring, &reply, (unsigned)(busy + 1) / 2, &patience, NULL);
        if (!stop) idle_ns += now_ns() - before;
        unsigned place, taken = 0;
        io_uring_for_each_cqe(&ring, place, reply) {
            struct client *c = io_uring_cqe_get_data(reply);
            if (c && c->fd >= 0) answer(c, reply->res, end_ns);
            taken++;
        }
        io_uring_cq_advance(&ring, taken);
        if (!taken && now_ns() > end_ns + 5000000000u) break; /* a server that answers no more */
        if (!counting && !stop) {
            stop = now_ns();
            read_schedstat(&cpu_end_ns, &wait_end_ns);
        }
    }
    if (!stop) { stop = now_ns(); read_schedstat(&cpu_end_ns, &wait_end_ns); }
    double seconds = (double)(stop - begin) / 1e9;
    qsort(latencies, measured, sizeof *latencies, by_size);
    printf("{\"seconds\": %.6f, \"replies\": %llu, \"good\": %llu, \"lost\": %d, \"cpu_share\": %.4f, \"wait_share\": %.4f, \"busy_share\": %.4f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
           seconds, (unsigned long long)replies, (unsigned long long)good, lost,
           (double)(cpu_end_ns - cpu_ns) / 1e9 / seconds, (double)(wait_end_ns - wait_ns) / 1e9 / seconds,
           1 - (double)idle_ns / 1e9 / seconds,
           percentile_us(0.5), percentile_us(0.99), percentile_us(1));
    return 0;
}
