#include "engine/overlay.h"

#include <string.h>

#define CELLS_MIN 64u

static uint32_t home(const struct overlay *overlay, uint64_t word)
{
    return (uint32_t)((word * 0x9e3779b97f4a7c15u) >> 32) & (overlay->cell_count - 1);
}

void overlay_init(struct overlay *overlay, const struct store_memory *memory)
{
    *overlay = (struct overlay){.memory = memory};
}

void overlay_finish(struct overlay *overlay)
{
    const struct store_memory *memory = overlay->memory;
    while (overlay->first != NULL) {
        struct overlay_block *block = overlay->first;
        overlay->first = block->next;
        memory->release(memory, block, block->byte_count);
    }
    if (overlay->cells != NULL) {
        memory->release(memory, overlay->cells, overlay->cell_count * sizeof *overlay->cells);
    }
}

static int resize(struct overlay *overlay, uint32_t cell_count)
{
    const struct store_memory *memory = overlay->memory;
    struct overlay_entry **old = overlay->cells;
    uint32_t old_count = overlay->cell_count;
    struct overlay_entry **cells = memory->allocate(memory, cell_count * sizeof *cells);
    if (cells == NULL) {
        return 0;
    }
    memset(cells, 0, cell_count * sizeof *cells);
    overlay->cells = cells;
    overlay->cell_count = cell_count;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i] != NULL) {
            uint32_t at = home(overlay, old[i]->word);
            while (cells[at] != NULL) {
                at = (at + 1) & (cell_count - 1);
            }
            cells[at] = old[i];
        }
    }
    if (old != NULL) {
        memory->release(memory, old, old_count * sizeof *old);
    }
    return 1;
}

int overlay_reserve(struct overlay *overlay, uint32_t more)
{
    uint64_t cell_count = overlay->cell_count == 0 ? CELLS_MIN : overlay->cell_count;
    while (((uint64_t)overlay->used + more) * 2 > cell_count) {
        cell_count *= 2;
    }
    return cell_count == overlay->cell_count ||
           (cell_count <= 1u << 31 && resize(overlay, (uint32_t)cell_count));
}

// The cell of a key, or the empty one where it would be.
static uint32_t find_cell(const struct overlay *overlay, uint64_t word, const uint8_t *key,
                          uint64_t key_bytes)
{
    uint32_t at = home(overlay, word);
    for (;; at = (at + 1) & (overlay->cell_count - 1)) {
        const struct overlay_entry *entry = overlay->cells[at];
        if (entry == NULL || (entry->word == word && entry->key_bytes == key_bytes &&
                              memcmp(entry->bytes, key, key_bytes) == 0)) {
            return at;
        }
    }
}

struct overlay_entry *overlay_find(const struct overlay *overlay, uint64_t word, const uint8_t *key,
                                   uint64_t key_bytes)
{
    return overlay->used == 0 ? NULL : overlay->cells[find_cell(overlay, word, key, key_bytes)];
}

void overlay_add(struct overlay *overlay, struct overlay_block *block)
{
    struct overlay_entry *entry = (struct overlay_entry *)block->entries;
    block->next = NULL;
    block->sequence = ++overlay->sequence;
    for (uint32_t i = 0; i < block->entry_count; i++, entry = overlay_next(entry)) {
        uint32_t at = find_cell(overlay, entry->word, entry->bytes, entry->key_bytes);
        if (overlay->cells[at] == NULL) {
            overlay->used++;
        } else {
            __atomic_store_n(&overlay->cells[at]->newer, block->sequence, __ATOMIC_RELAXED);
        }
        overlay->cells[at] = entry;
    }
    if (overlay->last == NULL) {
        overlay->first = block;
    } else {
        overlay->last->next = block;
    }
    overlay->last = block;
}

// Cells behind the one that becomes empty move up, so that no search ends early.
static void remove_cell(struct overlay *overlay, uint32_t at)
{
    uint32_t mask = overlay->cell_count - 1, next = at;
    for (;;) {
        next = (next + 1) & mask;
        if (overlay->cells[next] == NULL) {
            break;
        }
        uint32_t distance = (next - home(overlay, overlay->cells[next]->word)) & mask;
        if (distance >= ((next - at) & mask)) {
            overlay->cells[at] = overlay->cells[next];
            at = next;
        }
    }
    overlay->cells[at] = NULL;
    overlay->used--;
}

struct overlay_block *overlay_take(struct overlay *overlay, struct overlay_block *last)
{
    struct overlay_block *first = overlay->first;
    for (struct overlay_block *block = first; block != last->next; block = block->next) {
        struct overlay_entry *entry = (struct overlay_entry *)block->entries;
        for (uint32_t i = 0; i < block->entry_count; i++, entry = overlay_next(entry)) {
            if (entry->newer == 0) {
                remove_cell(overlay,
                            find_cell(overlay, entry->word, entry->bytes, entry->key_bytes));
            }
        }
    }
    overlay->first = last->next;
    if (overlay->first == NULL) {
        overlay->last = NULL;
    }
    last->next = NULL;
    return first;
}

uint64_t overlay_memory_bytes(const struct overlay *overlay)
{
    uint64_t bytes = overlay->cell_count * sizeof *overlay->cells;
    for (const struct overlay_block *block = overlay->first; block != NULL; block = block->next) {
        bytes += block->byte_count;
    }
    return bytes;
}
