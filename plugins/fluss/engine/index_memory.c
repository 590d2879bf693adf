#include "engine/heap.h"
#include "engine/index.h"

#include <string.h>

#define CELLS_MIN 64u
#define EMPTY UINT32_MAX
#define PAGE_BYTES 8192u

// Open addressing with linear probing, at most half full.
struct cell {
    uint64_t word;
    uint32_t slot;
    uint32_t zero;
};

struct index_memory {
    struct index base;
    const struct store_memory *memory;
    const struct row_layout *layout;
    int is_integer;
    struct cell *cells;
    uint32_t cell_count; // a power of two
    uint32_t shift;      // 64 - log2(cell_count)
    uint32_t used;
    uint8_t **pages; // of slots
    uint32_t page_count;
    uint32_t page_capacity;
    uint32_t page_shift; // slots of a page, as a power of two
    uint32_t slot_count; // ever used
    uint32_t free_slot;  // the first of a list through the slots' first bytes
    uint32_t free_count;
    struct heap heap;
};

uint64_t index_hash(const uint8_t *bytes, uint32_t byte_count)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ byte_count, word;
    while (byte_count > 0) {
        uint32_t n = byte_count < 8 ? byte_count : 8;
        word = 0;
        memcpy(&word, bytes, n);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        bytes += n;
        byte_count -= n;
    }
    return hash;
}

static inline uint32_t home(const struct index_memory *index, uint64_t word)
{
    word *= 0x9e3779b97f4a7c15u;
    return (uint32_t)((word ^ word << 29) >> index->shift);
}

static inline uint8_t *slot_row(const struct index_memory *index, uint32_t slot)
{
    uint32_t mask = (1u << index->page_shift) - 1;
    return index->pages[slot >> index->page_shift] +
           (uint64_t)(slot & mask) * index->layout->row_bytes;
}

static uint64_t page_bytes(const struct index_memory *index)
{
    return (uint64_t)index->layout->row_bytes << index->page_shift;
}

// --- Cells ---

static int is_key(const struct index_memory *index, uint32_t slot, const uint8_t *bytes,
                  uint32_t length)
{
    if (index->is_integer) {
        return 1;
    }
    const struct row_text *key =
        (const struct row_text *)(slot_row(index, slot) + index->layout->key_offset);
    return key->length == length && memcmp(row_text_bytes(key), bytes, length) == 0;
}

// The cell of a key, or the empty one where it would be.
static uint32_t find_cell(const struct index_memory *index, uint64_t word, const uint8_t *bytes,
                          uint32_t length)
{
    uint32_t mask = index->cell_count - 1, at = home(index, word);
    while (
        index->cells[at].slot != EMPTY &&
        !(index->cells[at].word == word && is_key(index, index->cells[at].slot, bytes, length))) {
        at = (at + 1) & mask;
    }
    return at;
}

static int make_cells(struct index_memory *index, uint32_t cell_count)
{
    struct cell *cells =
        index->memory->allocate(index->memory, (uint64_t)cell_count * sizeof *cells);
    if (cells == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < cell_count; i++) {
        cells[i] = (struct cell){0, EMPTY, 0};
    }
    struct cell *old = index->cells;
    uint32_t old_count = index->cell_count;
    index->cells = cells;
    index->cell_count = cell_count;
    index->shift = 64 - (uint32_t)__builtin_ctz(cell_count);
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i].slot != EMPTY) {
            uint32_t at = home(index, old[i].word);
            while (cells[at].slot != EMPTY) {
                at = (at + 1) & (cell_count - 1);
            }
            cells[at] = old[i];
        }
    }
    if (old != NULL) {
        index->memory->release(index->memory, old, (uint64_t)old_count * sizeof *old);
    }
    return 1;
}

// Room for so many keys more.
static int reserve_cells(struct index_memory *index, uint32_t more)
{
    uint64_t cell_count = index->cell_count;
    while (((uint64_t)index->used + more) * 2 > cell_count) {
        cell_count *= 2;
    }
    if (cell_count > 1u << 31) {
        return 0;
    }
    return cell_count == index->cell_count || make_cells(index, (uint32_t)cell_count);
}

// Cells behind the one that becomes empty move up, so that no search ends early.
static void remove_cell(struct index_memory *index, uint32_t at)
{
    uint32_t mask = index->cell_count - 1, next = at;
    for (;;) {
        next = (next + 1) & mask;
        if (index->cells[next].slot == EMPTY) {
            break;
        }
        uint32_t distance = (next - home(index, index->cells[next].word)) & mask;
        if (distance >= ((next - at) & mask)) {
            index->cells[at] = index->cells[next];
            at = next;
        }
    }
    index->cells[at].slot = EMPTY;
    index->used--;
}

// --- Slots ---

static int grow_pages(struct index_memory *index)
{
    uint32_t capacity = index->page_capacity == 0 ? 16 : index->page_capacity * 2;
    uint8_t **pages = index->memory->allocate(index->memory, capacity * sizeof *pages);
    if (pages == NULL) {
        return 0;
    }
    if (index->page_count > 0) {
        memcpy(pages, index->pages, index->page_count * sizeof *pages);
    }
    if (index->pages != NULL) {
        index->memory->release(index->memory, index->pages, index->page_capacity * sizeof *pages);
    }
    index->pages = pages;
    index->page_capacity = capacity;
    return 1;
}

// Room for so many slots more.
static int reserve_slots(struct index_memory *index, uint32_t more)
{
    uint64_t need = more > index->free_count ? more - index->free_count : 0;
    while (((uint64_t)index->page_count << index->page_shift) < index->slot_count + need) {
        if (index->page_count == index->page_capacity && !grow_pages(index)) {
            return 0;
        }
        uint8_t *page = index->memory->allocate(index->memory, page_bytes(index));
        if (page == NULL) {
            return 0;
        }
        index->pages[index->page_count++] = page;
    }
    return 1;
}

static uint32_t take_slot(struct index_memory *index)
{
    uint32_t slot = index->free_slot;
    if (slot == EMPTY) {
        return index->slot_count++;
    }
    memcpy(&index->free_slot, slot_row(index, slot), sizeof index->free_slot);
    index->free_count--;
    return slot;
}

static void give_slot(struct index_memory *index, uint32_t slot)
{
    memcpy(slot_row(index, slot), &index->free_slot, sizeof index->free_slot);
    index->free_slot = slot;
    index->free_count++;
}

// --- Text ---

static struct row_text *text_at(const uint8_t *row, uint32_t offset)
{
    return (struct row_text *)(uintptr_t)(row + offset);
}

// Whether both cells refer to the same long text.
static int is_shared(const struct row_text *a, const struct row_text *b)
{
    return a->length > ROW_TEXT_INLINE && a->length == b->length &&
           row_text_bytes(a) == row_text_bytes(b);
}

// Gives the long text of a row back, but for what `other` (or NULL) has too; the first `count`
// text columns.
static void give_text(struct index_memory *index, const uint8_t *row, const uint8_t *other,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct row_text *text = text_at(row, index->layout->texts[i]);
        if (text->length > ROW_TEXT_INLINE &&
            (other == NULL || !is_shared(text, text_at(other, index->layout->texts[i])))) {
            heap_give(&index->heap, row_text_bytes(text), text->length);
        }
    }
}

// Copies the long text of a new row to the heap. On failure gives back what it took.
static int keep_text(struct index_memory *index, uint8_t *row, const uint8_t *old)
{
    for (uint32_t i = 0; i < index->layout->text_count; i++) {
        uint32_t offset = index->layout->texts[i];
        struct row_text *text = text_at(row, offset);
        if (text->length <= ROW_TEXT_INLINE ||
            (old != NULL && is_shared(text, text_at(old, offset)))) {
            continue;
        }
        char *bytes = heap_take(&index->heap, text->length);
        if (bytes == NULL) {
            give_text(index, row, old, i);
            return 0;
        }
        memcpy(bytes, row_text_bytes(text), text->length);
        row_set_text(row + offset, bytes, text->length);
    }
    return 1;
}

// --- The table ---

static void memory_destroy(struct index *base)
{
    struct index_memory *index = (struct index_memory *)base;
    const struct store_memory *memory = index->memory;
    for (uint32_t i = 0; index->layout->text_count > 0 && i < index->cell_count; i++) {
        if (index->cells[i].slot != EMPTY) {
            give_text(index, slot_row(index, index->cells[i].slot), NULL,
                      index->layout->text_count);
        }
    }
    heap_finish(&index->heap);
    for (uint32_t i = 0; i < index->page_count; i++) {
        memory->release(memory, index->pages[i], page_bytes(index));
    }
    if (index->pages != NULL) {
        memory->release(memory, index->pages, index->page_capacity * sizeof *index->pages);
    }
    if (index->cells != NULL) {
        memory->release(memory, index->cells, (uint64_t)index->cell_count * sizeof(struct cell));
    }
    memory->release(memory, index, sizeof *index);
}

static uint32_t find_key(const struct index_memory *index, const struct index_keys *keys,
                         uint32_t k)
{
    return find_cell(index, keys->words[k], keys->bytes + keys->offsets[k],
                     keys->offsets[k + 1] - keys->offsets[k]);
}

static int32_t memory_get(struct index *base, const struct index_keys *keys, struct arena *arena,
                          const uint8_t **rows, struct failure *failure)
{
    struct index_memory *index = (struct index_memory *)base;
    (void)arena;
    (void)failure;
    for (uint32_t k = 0; k < keys->count; k++) {
        __builtin_prefetch(&index->cells[home(index, keys->words[k])]);
    }
    for (uint32_t k = 0; k < keys->count; k++) {
        uint32_t slot = index->cells[find_key(index, keys, k)].slot;
        rows[k] = slot == EMPTY ? NULL : slot_row(index, slot);
        __builtin_prefetch(rows[k]);
    }
    return WEIR_OK;
}

static void memory_abandon(struct index *base, const struct index_change *changes, uint32_t count)
{
    struct index_memory *index = (struct index_memory *)base;
    for (uint32_t i = 0; i < count; i++) {
        if (changes[i].row != NULL) {
            give_text(index, changes[i].row, changes[i].old, index->layout->text_count);
        }
    }
}

static int32_t memory_prepare(struct index *base, const struct index_keys *keys,
                              struct index_change *changes, uint32_t count, struct failure *failure)
{
    struct index_memory *index = (struct index_memory *)base;
    (void)keys;
    uint32_t new_count = 0, done = 0;
    for (uint32_t i = 0; i < count; i++) {
        new_count += changes[i].row != NULL && changes[i].old == NULL;
    }
    if (reserve_cells(index, new_count) && reserve_slots(index, new_count)) {
        while (done < count && (changes[done].row == NULL ||
                                keep_text(index, changes[done].row, changes[done].old))) {
            done++;
        }
        if (done == count) {
            return WEIR_OK;
        }
        memory_abandon(base, changes, done);
    }
    return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %u new keys of the index",
                       new_count);
}

static void insert_row(struct index_memory *index, uint32_t at, uint64_t word, const uint8_t *row)
{
    uint32_t slot = take_slot(index);
    memcpy(slot_row(index, slot), row, index->layout->row_bytes);
    index->cells[at] = (struct cell){word, slot, 0};
    index->used++;
}

static void memory_apply(struct index *base, const struct index_keys *keys,
                         const struct index_change *changes, uint32_t count,
                         const struct index_mark *mark)
{
    struct index_memory *index = (struct index_memory *)base;
    (void)mark;
    for (uint32_t i = 0; i < count; i++) {
        const struct index_change *change = &changes[i];
        uint8_t *old = (uint8_t *)(uintptr_t)change->old;
        if (old != NULL && change->row != NULL) {
            give_text(index, old, change->row, index->layout->text_count);
            memcpy(old, change->row, index->layout->row_bytes);
        } else if (change->row != NULL) {
            insert_row(index, find_key(index, keys, change->key), keys->words[change->key],
                       change->row);
        } else if (old != NULL) {
            uint32_t at = find_key(index, keys, change->key);
            give_text(index, old, NULL, index->layout->text_count);
            give_slot(index, index->cells[at].slot);
            remove_cell(index, at);
        }
    }
}

static int32_t memory_visit(struct index *base, struct index_walk *walk,
                            int32_t (*each)(void *owner, const uint8_t *row), void *owner,
                            struct failure *failure)
{
    struct index_memory *index = (struct index_memory *)base;
    (void)failure;
    for (; walk->cursor < index->cell_count; walk->cursor++) {
        uint32_t slot = index->cells[walk->cursor].slot;
        if (slot != EMPTY) {
            int32_t code = each(owner, slot_row(index, slot));
            if (code != 0) {
                return code;
            }
        }
    }
    return 0;
}

static uint64_t memory_row_count(const struct index *base)
{
    return ((const struct index_memory *)base)->used;
}

static uint64_t memory_memory_bytes(const struct index *base)
{
    const struct index_memory *index = (const struct index_memory *)base;
    return sizeof *index + (uint64_t)index->cell_count * sizeof(struct cell) +
           index->page_count * page_bytes(index) + index->page_capacity * sizeof(uint8_t *) +
           index->heap.memory_bytes;
}

static const struct index_table memory_table = {
    .destroy = memory_destroy,
    .get = memory_get,
    .prepare = memory_prepare,
    .apply = memory_apply,
    .abandon = memory_abandon,
    .visit = memory_visit,
    .row_count = memory_row_count,
    .memory_bytes = memory_memory_bytes,
};

int32_t index_memory_create(const struct store_memory *memory, const struct row_layout *layout,
                            int is_integer, struct index **out, struct failure *failure)
{
    struct index_memory *index = memory->allocate(memory, sizeof *index);
    if (index == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for an index");
    }
    *index = (struct index_memory){.base = {&memory_table},
                                   .memory = memory,
                                   .layout = layout,
                                   .is_integer = is_integer,
                                   .free_slot = EMPTY};
    while (((uint64_t)layout->row_bytes << (index->page_shift + 1)) <= PAGE_BYTES) {
        index->page_shift++;
    }
    heap_init(&index->heap, memory);
    if (!make_cells(index, CELLS_MIN)) {
        memory_destroy(&index->base);
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for an index");
    }
    *out = &index->base;
    return WEIR_OK;
}

// --- The hot path ---

static const uint8_t no_bytes[1]; // integer keys are told by their words

static inline uint64_t integer_word(const void *values, uint32_t width, uint32_t row)
{
    int32_t narrow;
    uint64_t wide;
    if (width == 4) {
        memcpy(&narrow, (const uint8_t *)values + (uint64_t)row * 4, 4);
        return (uint64_t)(int64_t)narrow;
    }
    memcpy(&wide, (const uint8_t *)values + (uint64_t)row * 8, 8);
    return wide;
}

// Makes a slot for a key that is not there. NULL: no memory.
static uint8_t *claim_new(struct index_memory *index, uint64_t word)
{
    if (!reserve_cells(index, 1) || !reserve_slots(index, 1)) {
        return NULL;
    }
    uint32_t at = find_cell(index, word, no_bytes, 0), slot = take_slot(index);
    index->cells[at] = (struct cell){word, slot, 0};
    index->used++;
    return memset(slot_row(index, slot), 0, index->layout->row_bytes);
}

static inline int64_t claim(struct index_memory *index, const void *values, uint32_t width,
                            const uint32_t *rows, uint32_t count, uint8_t **slots,
                            uint8_t *was_there, uint32_t *done)
{
    int64_t new_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&index->cells[home(index, integer_word(values, width, rows[i]))]);
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t word = integer_word(values, width, rows[i]);
        uint32_t at = home(index, word);
        while (index->cells[at].slot != EMPTY && index->cells[at].word != word) {
            at = (at + 1) & (index->cell_count - 1);
        }
        uint32_t slot = index->cells[at].slot;
        was_there[i] = slot != EMPTY;
        if (slot != EMPTY) {
            slots[i] = slot_row(index, slot);
            __builtin_prefetch(slots[i], 1);
            continue;
        }
        slots[i] = claim_new(index, word);
        *done = i;
        if (slots[i] == NULL) {
            return -1;
        }
        new_count++;
    }
    return new_count;
}

int64_t index_memory_claim(struct index *base, const void *values, uint32_t width,
                           const uint32_t *rows, uint32_t count, uint8_t **slots,
                           uint8_t *was_there)
{
    struct index_memory *index = (struct index_memory *)base;
    uint32_t done = 0;
    int64_t new_count = width == 4 ? claim(index, values, 4, rows, count, slots, was_there, &done)
                                   : claim(index, values, 8, rows, count, slots, was_there, &done);
    if (new_count < 0) {
        index_memory_unclaim(base, values, width, rows, done, was_there);
    }
    return new_count;
}

void index_memory_unclaim(struct index *base, const void *values, uint32_t width,
                          const uint32_t *rows, uint32_t count, const uint8_t *was_there)
{
    struct index_memory *index = (struct index_memory *)base;
    for (uint32_t i = 0; i < count; i++) {
        if (!was_there[i]) {
            uint32_t at = find_cell(index, integer_word(values, width, rows[i]), no_bytes, 0);
            give_slot(index, index->cells[at].slot);
            remove_cell(index, at);
        }
    }
}
