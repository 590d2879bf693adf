// Runs a fuzz harness without libFuzzer: every seed of a corpus folder, then mutations of the seeds
// from a fixed random sequence. A finding is a crash, which the test counter sees. Usage: fuzz_NAME
// CORPUS [MUTATIONS]
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SEED_COUNT_MAX 1024
#define SEED_BYTES_MAX (1u << 20)
#define MUTATION_COUNT 20000
#define MEMORY_BYTES_MAX (1024u << 20) // with what the sanitizers keep for themselves

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

struct seed {
    uint8_t *bytes;
    size_t byte_count;
};

static struct seed seeds[SEED_COUNT_MAX];
static size_t seed_count;
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int read_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    struct seed *seed = &seeds[seed_count];
    seed->bytes = malloc(SEED_BYTES_MAX);
    seed->byte_count = seed->bytes == NULL ? 0 : fread(seed->bytes, 1, SEED_BYTES_MAX, file);
    fclose(file);
    if (seed->bytes == NULL) {
        return -1;
    }
    seed_count++;
    return 0;
}

static int read_corpus(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        perror(folder);
        return -1;
    }
    int rc = 0;
    for (struct dirent *entry;
         rc == 0 && seed_count < SEED_COUNT_MAX && (entry = readdir(directory));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            rc = read_seed(path);
        }
    }
    closedir(directory);
    return rc;
}

// A copy on the heap of exactly its size, so that reading past the end is seen.
static void run_one(const uint8_t *bytes, size_t byte_count)
{
    uint8_t *copy = malloc(byte_count + (byte_count == 0));
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, byte_count);
    LLVMFuzzerTestOneInput(copy, byte_count);
    free(copy);
}

static size_t mutate(uint8_t *bytes, size_t byte_count)
{
    static const uint8_t telling[] = {0,    1,    0x7f, 0x80, 0xc4, 0xc6,
                                      0xdd, 0xff, '"',  '\n', '(',  ','};
    size_t at = byte_count == 0 ? 0 : next_random() % byte_count;
    switch (byte_count == 0 ? 4 : next_random() % 5) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << (next_random() % 8));
        return byte_count;
    case 1:
        bytes[at] = telling[next_random() % sizeof telling];
        return byte_count;
    case 2:
        return at;
    case 3: {
        size_t other = next_random() % byte_count;
        size_t room = byte_count - (at > other ? at : other);
        memmove(bytes + at, bytes + other, next_random() % (room + 1));
        return byte_count;
    }
    default:
        if (byte_count == SEED_BYTES_MAX) {
            return byte_count;
        }
        memmove(bytes + at + 1, bytes + at, byte_count - at);
        bytes[at] = (uint8_t)next_random();
        return byte_count + 1;
    }
}

static int memory_is_bounded(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024 <= MEMORY_BYTES_MAX;
}

// Ends early if memory grows: nothing may be kept from one input to the next.
static void run_mutations(long count)
{
    uint8_t *bytes = malloc(SEED_BYTES_MAX);
    if (bytes == NULL) {
        abort();
    }
    for (long i = 0; i < count && memory_is_bounded(); i++) {
        const struct seed *seed = &seeds[next_random() % seed_count];
        size_t byte_count = seed->byte_count;
        memcpy(bytes, seed->bytes, byte_count);
        for (uint64_t n = 1 + next_random() % 8; n > 0; n--) {
            byte_count = mutate(bytes, byte_count);
        }
        run_one(bytes, byte_count);
    }
    free(bytes);
}

int main(int count, char **arguments)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count < 2 || read_corpus(arguments[1]) != 0 || seed_count == 0) {
        fprintf(stderr, "usage: %s CORPUS [MUTATIONS], with at least one seed in the folder\n",
                arguments[0]);
        return 2;
    }
    printf("1..3\n");
    for (size_t i = 0; i < seed_count; i++) {
        run_one(seeds[i].bytes, seeds[i].byte_count);
    }
    printf("ok 1 - %zu seeds\n", seed_count);
    run_mutations(count > 2 ? atol(arguments[2]) : MUTATION_COUNT);
    int is_bounded = memory_is_bounded();
    printf("ok 2 - mutations\n");
    printf("%s 3 - memory stays bounded\n", is_bounded ? "ok" : "not ok");
    for (size_t i = 0; i < seed_count; i++) {
        free(seeds[i].bytes);
    }
    return is_bounded ? 0 : 1;
}
