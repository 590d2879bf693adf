// Sorted pairs in RocksDB, through its C API. A shared object of its own, so that nothing else
// needs RocksDB.
#include "engine/pairs.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_COUNT 32u // keys of one read: what RocksDB reads together
#define MEMORY_MIN (8ull << 20)
#define BLOOM_BITS 10
#define BLOCK_BYTES 4096u

struct pairs {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *family;
    rocksdb_cache_t *cache;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *reads;
    rocksdb_writeoptions_t *writes;
    char path[1024];
};

// Takes over the message.
static int32_t fail(const char *path, char *message, int32_t code, struct failure *failure)
{
    failure_set(failure, code, "the index on disk (%.300s): %.350s", path, message);
    rocksdb_free(message);
    return code;
}

// Three eighths of the budget are for blocks, filters and indexes of files, a quarter for what was
// written last, and the rest for what cannot be bounded: files being merged, the allocator.
static uint64_t cache_bytes(uint64_t memory_bytes)
{
    return (memory_bytes < MEMORY_MIN ? MEMORY_MIN : memory_bytes) / 8 * 3;
}

static uint64_t buffer_bytes(uint64_t memory_bytes)
{
    return (memory_bytes < MEMORY_MIN ? MEMORY_MIN : memory_bytes) / 8;
}

static void set_tables(struct pairs *pairs)
{
    rocksdb_block_based_table_options_t *tables = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(tables, pairs->cache);
    rocksdb_block_based_options_set_block_size(tables, BLOCK_BYTES);
    rocksdb_block_based_options_set_format_version(tables, 5);
    rocksdb_block_based_options_set_filter_policy(tables,
                                                  rocksdb_filterpolicy_create_bloom(BLOOM_BITS));
    // Filters and indexes in pieces of a block: whole ones would be read again for every lookup
    // when the cache is small.
    rocksdb_block_based_options_set_index_type(
        tables, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(tables, 1);
    rocksdb_block_based_options_set_metadata_block_size(tables, BLOCK_BYTES);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(tables, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(tables, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(tables, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(tables, 1);
    rocksdb_options_set_block_based_table_factory(pairs->options, tables);
    rocksdb_block_based_options_destroy(tables);
}

// Closing does not flush: who wants it asks for it. The C API has this option only as text.
static void set_close(struct pairs *pairs)
{
    char *message = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_get_options_from_string(pairs->options, "avoid_flush_during_shutdown=true", options,
                                    &message);
    if (message == NULL) {
        rocksdb_options_destroy(pairs->options);
        pairs->options = options;
        return;
    }
    rocksdb_options_destroy(options);
    rocksdb_free(message);
}

static void set_options(struct pairs *pairs, uint64_t memory_bytes)
{
    rocksdb_options_t *options = pairs->options;
    uint64_t buffer = buffer_bytes(memory_bytes);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_db_write_buffer_size(options, 2 * buffer);
    rocksdb_options_set_write_buffer_size(options, buffer);
    rocksdb_options_set_max_write_buffer_number(options, 2);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    rocksdb_options_set_target_file_size_base(options, 32u << 20);
    rocksdb_options_set_max_bytes_for_level_base(options, 4 * buffer);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_bytes_per_sync(options, 1u << 20);
    rocksdb_options_set_max_log_file_size(options, 1u << 20);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    set_tables(pairs);
    set_close(pairs);
}

static void rocks_close(struct pairs *pairs)
{
    if (pairs == NULL) {
        return;
    }
    if (pairs->family != NULL) {
        rocksdb_column_family_handle_destroy(pairs->family);
    }
    if (pairs->db != NULL) {
        rocksdb_close(pairs->db);
    }
    rocksdb_readoptions_destroy(pairs->reads);
    rocksdb_writeoptions_destroy(pairs->writes);
    rocksdb_options_destroy(pairs->options);
    rocksdb_cache_destroy(pairs->cache);
    free(pairs);
}

static rocksdb_t *open_family(struct pairs *pairs, int is_read_only, char **message)
{
    static const char *const names[] = {"default"};
    const rocksdb_options_t *options[] = {pairs->options};
    return is_read_only
               ? rocksdb_open_for_read_only_column_families(pairs->options, pairs->path, 1, names,
                                                            options, &pairs->family, 0, message)
               : rocksdb_open_column_families(pairs->options, pairs->path, 1, names, options,
                                              &pairs->family, message);
}

static int32_t rocks_open(const char *path, uint64_t memory_bytes, int is_read_only,
                          struct pairs **out, struct failure *failure)
{
    struct pairs *pairs = calloc(1, sizeof *pairs);
    char *message = NULL;
    if (pairs == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for the index on disk");
    }
    snprintf(pairs->path, sizeof pairs->path, "%s", path);
    pairs->cache = rocksdb_cache_create_lru(cache_bytes(memory_bytes));
    pairs->options = rocksdb_options_create();
    pairs->reads = rocksdb_readoptions_create();
    pairs->writes = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(pairs->writes, 1);
    set_options(pairs, memory_bytes);
    pairs->db = open_family(pairs, is_read_only, &message);
    if (message != NULL) {
        int32_t code = fail(path, message, WEIR_ERROR_FATAL, failure);
        pairs->db = NULL;
        rocks_close(pairs);
        return code;
    }
    *out = pairs;
    return WEIR_OK;
}

// --- Reading ---

static int32_t hand_over(const struct pairs_bytes *keys, uint32_t first, uint32_t count,
                         rocksdb_pinnableslice_t **values, pairs_each *found, void *owner)
{
    int32_t code = WEIR_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] != NULL && found != NULL && code == 0) {
            size_t length;
            const char *bytes = rocksdb_pinnableslice_value(values[i], &length);
            struct pairs_bytes value = {(const uint8_t *)bytes, length};
            code = found(owner, first + i, &keys[first + i], &value);
        }
        rocksdb_pinnableslice_destroy(values[i]);
    }
    return code;
}

static int32_t rocks_get(struct pairs *pairs, const struct pairs_bytes *keys, uint32_t count,
                         pairs_each *found, void *owner, struct failure *failure)
{
    const char *bytes[GET_COUNT];
    size_t lengths[GET_COUNT];
    rocksdb_pinnableslice_t *values[GET_COUNT];
    char *messages[GET_COUNT];
    int32_t code = WEIR_OK;
    for (uint32_t first = 0; first < count && code == WEIR_OK; first += GET_COUNT) {
        uint32_t n = count - first < GET_COUNT ? count - first : GET_COUNT;
        for (uint32_t i = 0; i < n; i++) {
            bytes[i] = (const char *)keys[first + i].bytes;
            lengths[i] = keys[first + i].count;
        }
        memset(values, 0, sizeof values);
        memset(messages, 0, sizeof messages);
        rocksdb_batched_multi_get_cf(pairs->db, pairs->reads, pairs->family, n, bytes, lengths,
                                     values, messages, 0);
        for (uint32_t i = 0; i < n; i++) {
            if (messages[i] != NULL) {
                code = fail(pairs->path, messages[i], WEIR_ERROR_FATAL, failure);
            }
        }
        int32_t handed = hand_over(keys, first, n, values, code == WEIR_OK ? found : NULL, owner);
        code = code == WEIR_OK ? handed : code;
    }
    return code;
}

static int32_t walk(rocksdb_iterator_t *at, const struct pairs_bytes *from,
                    const struct pairs_bytes *prefix, pairs_each *each, void *owner)
{
    uint32_t i = 0;
    for (rocksdb_iter_seek(at, (const char *)from->bytes, from->count); rocksdb_iter_valid(at);
         rocksdb_iter_next(at)) {
        struct pairs_bytes key, value;
        key.bytes = (const uint8_t *)rocksdb_iter_key(at, &key.count);
        value.bytes = (const uint8_t *)rocksdb_iter_value(at, &value.count);
        if (key.count < prefix->count || memcmp(key.bytes, prefix->bytes, prefix->count) != 0) {
            break;
        }
        int32_t code = each(owner, i++, &key, &value);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

// The first bytes behind all that begin with prefix; its last byte is not 255.
static void end_of(const struct pairs_bytes *prefix, char *end)
{
    memcpy(end, prefix->bytes, prefix->count);
    for (uint64_t i = prefix->count; i-- > 0 && ++end[i] == 0;) {
    }
}

static int32_t rocks_visit(struct pairs *pairs, const struct pairs_bytes *from,
                           const struct pairs_bytes *prefix, pairs_each *each, void *owner,
                           struct failure *failure)
{
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(pairs->db, pairs->reads);
    char *message = NULL;
    int32_t code = walk(iterator, from, prefix, each, owner);
    rocksdb_iter_get_error(iterator, &message);
    rocksdb_iter_destroy(iterator);
    return message == NULL ? code : fail(pairs->path, message, WEIR_ERROR_FATAL, failure);
}

// --- Writing ---

static int32_t commit(struct pairs *pairs, rocksdb_writebatch_t *batch, struct failure *failure)
{
    char *message = NULL;
    rocksdb_write(pairs->db, pairs->writes, batch, &message);
    rocksdb_writebatch_destroy(batch);
    return message == NULL ? WEIR_OK : fail(pairs->path, message, WEIR_ERROR_RETRY, failure);
}

static int32_t rocks_write(struct pairs *pairs, const struct pairs_change *changes, uint64_t count,
                           struct failure *failure)
{
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (uint64_t i = 0; i < count; i++) {
        const struct pairs_change *change = &changes[i];
        const char *key = (const char *)change->key.bytes;
        if (change->value.bytes == NULL) {
            rocksdb_writebatch_delete(batch, key, change->key.count);
        } else {
            rocksdb_writebatch_put(batch, key, change->key.count, (const char *)change->value.bytes,
                                   change->value.count);
        }
    }
    return commit(pairs, batch, failure);
}

static int32_t rocks_remove(struct pairs *pairs, const struct pairs_bytes *prefix,
                            struct failure *failure)
{
    char end[64];
    if (prefix->count > sizeof end) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED, "a prefix of %llu bytes",
                           (unsigned long long)prefix->count);
    }
    end_of(prefix, end);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range(batch, (const char *)prefix->bytes, prefix->count, end,
                                    prefix->count);
    return commit(pairs, batch, failure);
}

static int32_t rocks_flush(struct pairs *pairs, struct failure *failure)
{
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 1);
    rocksdb_flush(pairs->db, options, &message);
    rocksdb_flushoptions_destroy(options);
    return message == NULL ? WEIR_OK : fail(pairs->path, message, WEIR_ERROR_RETRY, failure);
}

static void rocks_set_memory(struct pairs *pairs, uint64_t memory_bytes)
{
    char size[32];
    char *message = NULL;
    const char *name = "write_buffer_size", *value = size;
    rocksdb_cache_set_capacity(pairs->cache, cache_bytes(memory_bytes));
    snprintf(size, sizeof size, "%llu", (unsigned long long)buffer_bytes(memory_bytes));
    rocksdb_set_options(pairs->db, 1, &name, &value, &message);
    rocksdb_free(message); // as it was before, then
}

__attribute__((visibility("default"))) const struct pairs_table *fluss_pairs(void);

const struct pairs_table *fluss_pairs(void)
{
    static const struct pairs_table table = {
        .version = PAIRS_VERSION,
        .open = rocks_open,
        .close = rocks_close,
        .get = rocks_get,
        .visit = rocks_visit,
        .write = rocks_write,
        .remove = rocks_remove,
        .flush = rocks_flush,
        .set_memory = rocks_set_memory,
    };
    return &table;
}
