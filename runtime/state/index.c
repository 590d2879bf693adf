#include "state/index.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define AHEAD 24u // rows between the prefetch of a bucket and its use

_Alignas(64) static const
    struct index_narrow empty_narrow = {.slots = {SLOT_NONE, SLOT_NONE, SLOT_NONE, SLOT_NONE,
                                                  SLOT_NONE, SLOT_NONE, SLOT_NONE, SLOT_NONE}};
_Alignas(64) static const
    struct index_wide empty_wide = {.slots = {SLOT_NONE, SLOT_NONE, SLOT_NONE, SLOT_NONE, SLOT_NONE,
                                              SLOT_NONE, SLOT_NONE, SLOT_NONE}};

static uint32_t bucket_count(const struct index *index)
{
    return (uint32_t)((uint64_t)1 << (32 - index->shift));
}

static uint64_t bucket_bytes(int is_wide)
{
    return is_wide ? sizeof(struct index_wide) : sizeof(struct index_narrow);
}

static int is_shared(const struct index *index)
{
    return index->buckets == &empty_narrow || index->buckets == &empty_wide;
}

void index_init(struct index *index, int is_wide)
{
    index->buckets = is_wide ? (void *)(uintptr_t)&empty_wide : (void *)(uintptr_t)&empty_narrow;
    index->shift = 32;
    index->count = 0;
}

uint64_t index_bytes(const struct index *index, int is_wide)
{
    return is_shared(index) ? 0 : bucket_count(index) * bucket_bytes(is_wide);
}

static uint32_t *bucket_slots(const struct index *index, int is_wide, uint32_t bucket)
{
    return is_wide ? ((struct index_wide *)index->buckets)[bucket].slots
                   : ((struct index_narrow *)index->buckets)[bucket].slots;
}

static uint64_t entry_key(const struct index *index, int is_wide, uint32_t bucket, uint32_t i)
{
    return is_wide ? ((struct index_wide *)index->buckets)[bucket].keys[i]
                   : ((struct index_narrow *)index->buckets)[bucket].keys[i];
}

static void entry_set(struct index *index, int is_wide, uint32_t bucket, uint32_t i, uint64_t key,
                      uint32_t slot)
{
    if (is_wide) {
        ((struct index_wide *)index->buckets)[bucket].keys[i] = key;
    } else {
        ((struct index_narrow *)index->buckets)[bucket].keys[i] = (uint32_t)key;
    }
    bucket_slots(index, is_wide, bucket)[i] = slot;
}

static uint32_t home(const struct index *index, int is_wide, uint64_t key)
{
    return is_wide ? index_home_wide(index, key) : index_home_narrow(index, (uint32_t)key);
}

static uint32_t used(const uint32_t *slots)
{
    uint32_t i = 0;
    while (i < INDEX_ENTRIES && slots[i] != SLOT_NONE) {
        i++;
    }
    return i;
}

int index_reserve(struct index *index, int is_wide, void *(*allocate)(void *owner, uint64_t),
                  void (*release)(void *owner, void *memory, uint64_t), void *owner)
{
    uint64_t entries = (uint64_t)bucket_count(index) * INDEX_ENTRIES;
    if (!is_shared(index) && index->count < entries - entries * 5 / 16) {
        return 0;
    }
    struct index old = *index, grown = {NULL, is_shared(index) ? 32 : index->shift - 1, 0};
    uint64_t byte_count = bucket_count(&grown) * bucket_bytes(is_wide);
    grown.buckets = allocate(owner, byte_count);
    if (grown.buckets == NULL) {
        return -ENOMEM;
    }
    for (uint32_t b = 0; b < bucket_count(&grown); b++) {
        memcpy((uint8_t *)grown.buckets + b * bucket_bytes(is_wide),
               is_wide ? (const void *)&empty_wide : (const void *)&empty_narrow,
               bucket_bytes(is_wide));
    }
    for (uint32_t b = 0; b < bucket_count(&old); b++) {
        const uint32_t *slots = bucket_slots(&old, is_wide, b);
        for (uint32_t i = 0; i < INDEX_ENTRIES && slots[i] != SLOT_NONE; i++) {
            index_insert(&grown, is_wide, entry_key(&old, is_wide, b, i), slots[i]);
        }
    }
    if (!is_shared(&old)) {
        release(owner, old.buckets, index_bytes(&old, is_wide));
    }
    *index = grown;
    return 0;
}

void index_insert(struct index *index, int is_wide, uint64_t key, uint32_t slot)
{
    uint32_t mask = bucket_count(index) - 1, bucket = home(index, is_wide, key), i;
    while ((i = used(bucket_slots(index, is_wide, bucket))) == INDEX_ENTRIES) {
        bucket = (bucket + 1) & mask;
    }
    entry_set(index, is_wide, bucket, i, key, slot);
    index->count++;
}

// Fills the hole at the end of `bucket`, which was full, from the buckets it went on in.
static void pull_back(struct index *index, int is_wide, uint32_t bucket)
{
    uint32_t mask = bucket_count(index) - 1;
    for (uint32_t next = (bucket + 1) & mask; next != bucket; next = (next + 1) & mask) {
        uint32_t *slots = bucket_slots(index, is_wide, next), count = used(slots);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t key = entry_key(index, is_wide, next, i);
            uint32_t distance = (next - home(index, is_wide, key)) & mask;
            if (distance < ((next - bucket) & mask)) {
                continue; // its search begins after the hole
            }
            entry_set(index, is_wide, bucket, INDEX_ENTRIES - 1, key, slots[i]);
            entry_set(index, is_wide, next, i, entry_key(index, is_wide, next, count - 1),
                      slots[count - 1]);
            slots[count - 1] = SLOT_NONE;
            bucket = next;
            break;
        }
        if (count < INDEX_ENTRIES) {
            return; // no search goes beyond
        }
    }
}

void index_erase(struct index *index, int is_wide, uint64_t key, uint32_t slot)
{
    uint32_t mask = bucket_count(index) - 1, bucket = home(index, is_wide, key);
    for (;; bucket = (bucket + 1) & mask) {
        uint32_t *slots = bucket_slots(index, is_wide, bucket), count = used(slots);
        for (uint32_t i = 0; i < count; i++) {
            if (slots[i] == slot) {
                entry_set(index, is_wide, bucket, i, entry_key(index, is_wide, bucket, count - 1),
                          slots[count - 1]);
                slots[count - 1] = SLOT_NONE;
                index->count--;
                if (count == INDEX_ENTRIES) {
                    pull_back(index, is_wide, bucket);
                }
                return;
            }
        }
        if (count < INDEX_ENTRIES) {
            return;
        }
    }
}

uint32_t index_find_narrow(const struct index *index, uint32_t key)
{
    uint64_t position = 0;
    return index_next(index, key, &position);
}

uint32_t index_find_wide(const struct index *index, uint64_t key)
{
    const struct index_wide *buckets = index->buckets;
    uint32_t mask = bucket_count(index) - 1, bucket = index_home_wide(index, key);
    for (;; bucket = (bucket + 1) & mask) {
        for (uint32_t i = 0; i < INDEX_ENTRIES; i++) {
            if (buckets[bucket].slots[i] == SLOT_NONE) {
                return SLOT_NONE;
            }
            if (buckets[bucket].keys[i] == key) {
                return buckets[bucket].slots[i];
            }
        }
    }
}

uint32_t index_next(const struct index *index, uint32_t key, uint64_t *position)
{
    const struct index_narrow *buckets = index->buckets;
    uint32_t mask = bucket_count(index) - 1, start = index_home_narrow(index, key);
    for (;; ++*position) {
        const struct index_narrow *bucket =
            &buckets[(start + (uint32_t)(*position / INDEX_ENTRIES)) & mask];
        uint32_t i = *position % INDEX_ENTRIES;
        if (bucket->slots[i] == SLOT_NONE) {
            return SLOT_NONE;
        }
        if (bucket->keys[i] == key) {
            ++*position;
            return bucket->slots[i];
        }
    }
}

static uint32_t narrow_all_portable(const struct index *index, const uint32_t *keys, uint32_t count,
                                    uint32_t *slots)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = index_find_narrow(index, keys[i]);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

static uint32_t narrow_each_portable(const struct index *const *indexes, const uint32_t *keys,
                                     uint32_t count, uint32_t *slots)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = index_find_narrow(indexes[i], keys[i]);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

static uint32_t wide_each_portable(const struct index *const *indexes, const uint64_t *keys,
                                   uint32_t count, uint32_t *slots)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = index_find_wide(indexes[i], keys[i]);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

#ifdef __x86_64__

// An unused entry has key 0 and SLOT_NONE and stands behind the used ones, so the first match is
// the entry if there is one, and says so if there is none.
__attribute__((target("avx2,bmi"), always_inline)) static inline uint32_t
narrow_probe(const struct index_narrow *bucket, uint32_t key, const struct index *index)
{
    __m256i keys = _mm256_load_si256((const __m256i *)(const void *)bucket->keys);
    __m256i equal = _mm256_cmpeq_epi32(keys, _mm256_set1_epi32((int32_t)key));
    uint32_t match = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(equal));
    if (__builtin_expect(match == 0, 0)) {
        return index_find_narrow(index, key);
    }
    return bucket->slots[__builtin_ctz(match)];
}

__attribute__((target("avx2,bmi"))) static uint32_t
narrow_all_avx2(const struct index *index, const uint32_t *keys, uint32_t count, uint32_t *slots)
{
    const struct index_narrow *buckets = index->buckets;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = narrow_probe(&buckets[index_home_narrow(index, keys[i])], keys[i], index);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

__attribute__((target("avx2,bmi"))) static uint32_t
narrow_each_avx2(const struct index *const *indexes, const uint32_t *keys, uint32_t count,
                 uint32_t *slots)
{
    const struct index_narrow *ring[AHEAD];
    uint32_t missing = 0, ahead = 0, place = 0;
    for (; ahead < AHEAD && ahead < count; ahead++) {
        ring[ahead] = (const struct index_narrow *)indexes[ahead]->buckets +
                      index_home_narrow(indexes[ahead], keys[ahead]);
        __builtin_prefetch(ring[ahead]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct index_narrow *bucket = ring[place];
        if (ahead < count) {
            ring[place] = (const struct index_narrow *)indexes[ahead]->buckets +
                          index_home_narrow(indexes[ahead], keys[ahead]);
            __builtin_prefetch(ring[place]);
            ahead++;
        }
        place = place + 1 == AHEAD ? 0 : place + 1;
        slots[i] = narrow_probe(bucket, keys[i], indexes[i]);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

__attribute__((target("avx2,bmi"), always_inline)) static inline uint32_t
wide_probe(const struct index_wide *bucket, uint64_t key, const struct index *index)
{
    const __m256i *keys = (const __m256i *)(const void *)bucket->keys;
    __m256i wanted = _mm256_set1_epi64x((int64_t)key);
    __m256i low = _mm256_cmpeq_epi64(_mm256_loadu_si256(keys), wanted);
    __m256i high = _mm256_cmpeq_epi64(_mm256_loadu_si256(keys + 1), wanted);
    uint32_t match = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
                     (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;
    if (__builtin_expect(match == 0, 0)) {
        return index_find_wide(index, key);
    }
    return bucket->slots[__builtin_ctz(match)];
}

INLINE void prefetch_wide(const struct index *index, uint64_t key)
{
    const struct index_wide *bucket =
        (const struct index_wide *)index->buckets + index_home_wide(index, key);
    __builtin_prefetch(bucket);
    __builtin_prefetch(bucket->slots);
}

__attribute__((target("avx2,bmi"))) static uint32_t
wide_each_avx2(const struct index *const *indexes, const uint64_t *keys, uint32_t count,
               uint32_t *slots)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct index *index = indexes[i];
        if (i + AHEAD < count) {
            prefetch_wide(indexes[i + AHEAD], keys[i + AHEAD]);
        }
        const struct index_wide *bucket =
            (const struct index_wide *)index->buckets + index_home_wide(index, keys[i]);
        slots[i] = wide_probe(bucket, keys[i], index);
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

#endif

#ifdef __x86_64__
#define BY_PROCESSOR(name, arguments) \
    (__builtin_cpu_supports("avx2") ? name##_avx2 arguments : name##_portable arguments)
#else
#define BY_PROCESSOR(name, arguments) name##_portable arguments
#endif

uint32_t index_find_narrow_all(const struct index *index, const uint32_t *keys, uint32_t count,
                               uint32_t *slots)
{
    return BY_PROCESSOR(narrow_all, (index, keys, count, slots));
}

uint32_t index_find_narrow_each(const struct index *const *indexes, const uint32_t *keys,
                                uint32_t count, uint32_t *slots)
{
    return BY_PROCESSOR(narrow_each, (indexes, keys, count, slots));
}

uint32_t index_find_wide_each(const struct index *const *indexes, const uint64_t *keys,
                              uint32_t count, uint32_t *slots)
{
    return BY_PROCESSOR(wide_each, (indexes, keys, count, slots));
}
