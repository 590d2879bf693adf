// How fast can one core upsert sensor rows into 128 buckets and write the full changelog?
//
// Batches of 65,536 rows, 100,000 random keys. Per row: hash, bucket, probe, old row out as -U, new
// row out as +U, by column; CRC32C per bucket batch. Usage: upsert memory|direct FILE. Prints
// million upserts per second.
#define _GNU_SOURCE
#include <fcntl.h>
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 128, KEYS = 100000, ROWS = 65536, INPUTS = 16, BATCHES = 400, TABLE = 2048 };
enum { FLUSH = 16 << 20, PIECE = 4 << 20 };

struct row {
    int32_t id, type;
    double value[4];
    int32_t status, unused;
    int64_t time;
} __attribute__((aligned(64)));

struct bucket {
    int32_t key[TABLE];
    uint32_t slot[TABLE];
    uint32_t used;
    struct row *rows;
};

static struct bucket buckets[BUCKETS];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252ULL;
    state ^= state << 7;
    state ^= state >> 9;
    return state;
}

static uint32_t hash(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352dU;
    x = (x ^ (x >> 15)) * 0x846ca68bU;
    return x ^ (x >> 16);
}

static uint32_t crc32c(const char *bytes, size_t size)
{
    uint64_t crc = ~0U;
    for (size_t i = 0; i < size; i += 8) {
        crc = _mm_crc32_u64(crc, *(const uint64_t *)(bytes + i));
    }
    return ~(uint32_t)crc;
}

static void *column(char **at, size_t size)
{
    void *start = *at;
    *at += (size + 63) & ~(size_t)63;
    return start;
}

int main(int count, char **args)
{
    int fd = -1;
    if (count == 3 && strcmp(args[1], "direct") == 0) {
        fd = open(args[2], O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT, 0644);
        if (fd < 0) {
            perror(args[2]);
            return 1;
        }
    }
    for (int b = 0; b < BUCKETS; b++) {
        memset(buckets[b].key, 0xff, sizeof buckets[b].key);
        buckets[b].rows = aligned_alloc(64, TABLE * sizeof(struct row));
    }
    long total = (long)ROWS * INPUTS;
    struct row *input = aligned_alloc(64, (size_t)total * sizeof *input);
    for (long i = 0; i < total; i++) {
        struct row *r = &input[i];
        *r = (struct row){
            .id = (int32_t)(next_random() % KEYS), .status = 1, .time = 1700000000000 + i};
        for (int c = 0; c < 4; c++) {
            r->value[c] = (double)(next_random() >> 11) * 1e-10;
        }
    }
    char *out;
    if (posix_memalign((void **)&out, 4096, 4 * (size_t)FLUSH) != 0) {
        return 1;
    }
    static uint32_t order[ROWS], hashes[ROWS];
    size_t used = 0;
    double start = now();
    for (int n = 0; n < BATCHES; n++) {
        const struct row *in = &input[(long)(n % INPUTS) * ROWS];
        uint32_t end[BUCKETS + 1] = {0}, next[BUCKETS];
        for (uint32_t i = 0; i < ROWS; i++) {
            hashes[i] = hash((uint32_t)in[i].id);
            end[(hashes[i] >> 25) + 1]++;
        }
        for (int b = 0; b < BUCKETS; b++) {
            end[b + 1] += end[b];
        }
        memcpy(next, end, sizeof next);
        for (uint32_t i = 0; i < ROWS; i++) {
            order[next[hashes[i] >> 25]++] = i;
        }
        for (int b = 0; b < BUCKETS; b++) {
            struct bucket *k = &buckets[b];
            size_t rows = 2 * (size_t)(end[b + 1] - end[b]), m = 0;
            char *base = out + used, *at = base + 64;
            uint8_t *kind = column(&at, rows);
            int32_t *id = column(&at, 4 * rows), *type = column(&at, 4 * rows),
                    *status = column(&at, 4 * rows);
            int64_t *time = column(&at, 8 * rows);
            double *value[4];
            for (int c = 0; c < 4; c++) {
                value[c] = column(&at, 8 * rows);
            }
            for (uint32_t x = end[b]; x < end[b + 1]; x++) {
                const struct row *r = &in[order[x]];
                uint32_t h = hashes[order[x]] % TABLE;
                while (k->key[h] != r->id && k->key[h] != -1) {
                    h = (h + 1) % TABLE;
                }
                int is_new = k->key[h] == -1;
                if (is_new) {
                    k->key[h] = r->id;
                    k->slot[h] = k->used++;
                }
                struct row *stored = &k->rows[k->slot[h]];
                for (int pass = is_new; pass < 2; pass++, m++) {
                    const struct row *s = pass == 0 ? stored : r;
                    kind[m] = (uint8_t)(is_new ? 0 : 1 + pass);
                    id[m] = s->id;
                    type[m] = s->type;
                    status[m] = s->status;
                    time[m] = s->time;
                    for (int c = 0; c < 4; c++) {
                        value[c][m] = s->value[c];
                    }
                }
                *stored = *r;
            }
            *(uint32_t *)base = crc32c(base + 64, (size_t)(at - base) - 64);
            used += (size_t)(at - base);
        }
        if (used >= FLUSH) {
            for (size_t done = 0; fd >= 0 && done < used; done += PIECE) {
                if (write(fd, out + done, PIECE) != PIECE) {
                    perror("write");
                    return 1;
                }
            }
            if (fd >= 0 && lseek(fd, 0, SEEK_CUR) > (4L << 30)) {
                lseek(fd, 0, SEEK_SET);
            }
            used = 0;
        }
    }
    if (fd >= 0) {
        fdatasync(fd);
        unlink(args[2]);
    }
    printf("%.2f\n", (double)ROWS * BATCHES / (now() - start) / 1e6);
    return 0;
}
