// A long list of constants behind `in`: a hash table made once, open addressing, at most half full.
#include "expr/value_set.h"

#define EMPTY UINT32_MAX

struct value_set {
    struct weir_type type;
    uint32_t mask; // of slots
    uint32_t count;
    int has_null;
    uint32_t *slots; // indexes of values, or EMPTY
    union value *values;
};

static uint64_t mix(uint64_t bits)
{
    bits *= 0x9e3779b97f4a7c15u;
    return bits ^ bits >> 32;
}

static uint64_t hash_text(struct slice text)
{
    uint64_t hash = text.length;
    for (uint32_t i = 0; i < text.length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text.at + i, text.length - i < 8 ? text.length - i : 8);
        hash = mix(hash ^ word);
    }
    return hash;
}

// -0.0 is 0.0, and one NaN stands for all.
static uint64_t float_bits(double number)
{
    uint64_t bits;
    number = number == 0 ? 0 : number;
    memcpy(&bits, &number, sizeof bits);
    return number != number ? UINT64_MAX : bits;
}

// Equal values of a fixed-width type have equal bits.
static inline uint64_t bits_of(enum layout layout, const void *values, uint32_t row)
{
    switch (layout) {
    case LAYOUT_INT8:
        return ((const uint8_t *)values)[row];
    case LAYOUT_INT16:
        return ((const uint16_t *)values)[row];
    case LAYOUT_INT32:
        return ((const uint32_t *)values)[row];
    case LAYOUT_FLOAT32:
        return float_bits((double)((const float *)values)[row]);
    case LAYOUT_FLOAT64:
        return float_bits(((const double *)values)[row]);
    default:
        return ((const uint64_t *)values)[row];
    }
}

int value_set_takes(struct weir_type type)
{
    enum layout layout = layout_of(type);
    return layout != LAYOUT_BIT && layout != LAYOUT_TIMESTAMP && layout != LAYOUT_DECIMAL;
}

struct value_set *value_set_create(struct arena *arena, struct weir_type type, uint32_t count)
{
    uint32_t slot_count = 16;
    while (slot_count < count * 2) {
        slot_count *= 2;
    }
    struct value_set *set = arena_allocate(arena, sizeof *set);
    uint32_t *slots = arena_allocate(arena, slot_count * sizeof *slots);
    union value *values = arena_allocate(arena, (count + 1) * sizeof *values);
    if (set == NULL || slots == NULL || values == NULL) {
        return NULL;
    }
    memset(slots, 0xff, slot_count * sizeof *slots);
    *set = (struct value_set){type, slot_count - 1, 0, 0, slots, values};
    return set;
}

static inline uint32_t find_bits(const struct value_set *set, enum layout layout, uint64_t bits)
{
    uint32_t slot = (uint32_t)mix(bits) & set->mask;
    while (set->slots[slot] != EMPTY &&
           bits_of(layout, &set->values[set->slots[slot]], 0) != bits) {
        slot = (slot + 1) & set->mask;
    }
    return slot;
}

static inline uint32_t find_text(const struct value_set *set, struct slice text)
{
    uint32_t slot = (uint32_t)hash_text(text) & set->mask;
    while (set->slots[slot] != EMPTY &&
           slice_compare(set->values[set->slots[slot]].text, text) != 0) {
        slot = (slot + 1) & set->mask;
    }
    return slot;
}

void value_set_add(struct value_set *set, const union value *value, int is_null)
{
    if (is_null) {
        set->has_null = 1;
        return;
    }
    enum layout layout = layout_of(set->type);
    uint32_t slot = layout == LAYOUT_TEXT ? find_text(set, value->text)
                                          : find_bits(set, layout, bits_of(layout, value, 0));
    if (set->slots[slot] == EMPTY) {
        set->values[set->count] = *value;
        set->slots[slot] = set->count++;
    }
}

static inline void find_rows(struct call *call, const struct value_set *set, enum layout layout)
{
    const struct vector *vector = call->arguments[0];
    memset(call->values, 0, weir_bit_bytes(call->row_count));
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (!call_is_valid(call, row)) {
            continue;
        }
        uint32_t slot = layout == LAYOUT_TEXT
                            ? find_text(set, vector_text(vector, row))
                            : find_bits(set, layout, bits_of(layout, vector->values, row));
        if (set->slots[slot] != EMPTY) {
            weir_bit_set(call->values, row, 1);
        } else if (set->has_null) {
            call_set_null(call, row);
        }
    }
}

void kernel_in(struct call *call)
{
    const struct value_set *set = call_set(call);
    switch (layout_of(set->type)) {
    case LAYOUT_TEXT:
        find_rows(call, set, LAYOUT_TEXT);
        break;
    case LAYOUT_INT8:
        find_rows(call, set, LAYOUT_INT8);
        break;
    case LAYOUT_INT16:
        find_rows(call, set, LAYOUT_INT16);
        break;
    case LAYOUT_INT32:
        find_rows(call, set, LAYOUT_INT32);
        break;
    case LAYOUT_FLOAT32:
        find_rows(call, set, LAYOUT_FLOAT32);
        break;
    case LAYOUT_FLOAT64:
        find_rows(call, set, LAYOUT_FLOAT64);
        break;
    default:
        find_rows(call, set, LAYOUT_INT64);
    }
}
