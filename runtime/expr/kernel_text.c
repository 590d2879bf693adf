// Functions of text. Positions and lengths count UTF-8 characters; a byte that begins none counts
// as one. Case changes touch ASCII letters only.
#include "expr/kernels.h"
#include "expr/number.h"

static struct slice text_of(const struct call *call, uint32_t argument, uint32_t row)
{
    return vector_text(call->arguments[argument], row);
}

// Bytes of the character that begins at at.
static inline uint32_t character_bytes(const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at;
    uint32_t length = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return length <= (uint32_t)(end - at) ? length : 1;
}

static uint64_t character_count(struct slice text)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        count += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    }
    return count;
}

// Bytes of the first `count` characters.
static uint32_t prefix_bytes(struct slice text, uint64_t count)
{
    const char *at = text.at, *end = text.at + text.length;
    while (count > 0 && at < end) {
        at += character_bytes(at, end);
        count--;
    }
    return (uint32_t)(at - text.at);
}

// Calls fill(call, row) for rows that are not null; it gives the slice of the result.
#define DEFINE_TEXT(name)                                            \
    static struct slice name##_row(struct call *call, uint32_t row); \
    void kernel_##name(struct call *call)                            \
    {                                                                \
        struct slice *slices = call->values;                         \
        for (uint32_t row = 0; row < call->row_count; row++) {       \
            if (call_is_valid(call, row)) {                          \
                slices[row] = name##_row(call, row);                 \
            }                                                        \
        }                                                            \
    }                                                                \
    static inline struct slice name##_row(struct call *call, uint32_t row)

#define DEFINE_COUNT(name)                                      \
    static int64_t name##_row(struct call *call, uint32_t row); \
    void kernel_##name(struct call *call)                       \
    {                                                           \
        int64_t *counts = call->values;                         \
        for (uint32_t row = 0; row < call->row_count; row++) {  \
            counts[row] = 0;                                    \
            if (call_is_valid(call, row)) {                     \
                counts[row] = name##_row(call, row);            \
            }                                                   \
        }                                                       \
    }                                                           \
    static inline int64_t name##_row(struct call *call, uint32_t row)

#define DEFINE_TEST(name)                                            \
    static int name##_row(struct call *call, uint32_t row);          \
    void kernel_##name(struct call *call)                            \
    {                                                                \
        memset(call->values, 0, weir_bit_bytes(call->row_count));    \
        for (uint32_t row = 0; row < call->row_count; row++) {       \
            if (call_is_valid(call, row) && name##_row(call, row)) { \
                weir_bit_set(call->values, row, 1);                  \
            }                                                        \
        }                                                            \
    }                                                                \
    static inline int name##_row(struct call *call, uint32_t row)

DEFINE_TEXT(concat)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        length += text_of(call, i, row).length;
    }
    char *at = call_text(call, row, length), *start = at;
    for (uint32_t i = 0; at != NULL && i < call->argument_count; i++) {
        struct slice part = text_of(call, i, row);
        if (part.length > 0) {
            memcpy(at, part.at, part.length);
            at += part.length;
        }
    }
    return (struct slice){start, (uint32_t)length};
}

static struct slice change_case(struct call *call, uint32_t row, char first, char last)
{
    struct slice text = text_of(call, 0, row);
    char *at = call_text(call, row, text.length);
    for (uint32_t i = 0; at != NULL && i < text.length; i++) {
        char c = text.at[i];
        at[i] = c >= first && c <= last ? (char)(c ^ 0x20) : c;
    }
    return (struct slice){at, text.length};
}

DEFINE_TEXT(lower)
{
    return change_case(call, row, 'A', 'Z');
}

DEFINE_TEXT(upper)
{
    return change_case(call, row, 'a', 'z');
}

DEFINE_TEXT(initcap)
{
    struct slice text = text_of(call, 0, row);
    char *at = call_text(call, row, text.length);
    int is_inside = 0;
    for (uint32_t i = 0; at != NULL && i < text.length; i++) {
        char c = text.at[i];
        int is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';
        at[i] = (is_inside && is_upper) || (!is_inside && is_lower) ? (char)(c ^ 0x20) : c;
        is_inside = is_upper || is_lower || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
    }
    return (struct slice){at, text.length};
}

DEFINE_COUNT(length)
{
    struct slice text = text_of(call, 0, row);
    return call->arguments[0]->type.id == WEIR_TYPE_BYTES ? text.length
                                                          : (int64_t)character_count(text);
}

DEFINE_COUNT(octet_length)
{
    return text_of(call, 0, row).length;
}

// Characters from `first` (from 1) to before `end`, where they exist.
static struct slice cut(struct slice text, int64_t first, int64_t end)
{
    first = first < 1 ? 1 : first;
    if (end <= first) {
        return (struct slice){text.at, 0};
    }
    uint32_t start = prefix_bytes(text, (uint64_t)first - 1);
    struct slice rest = {text.at + start, text.length - start};
    return (struct slice){rest.at, prefix_bytes(rest, (uint64_t)(end - first))};
}

// substr(text, start [, length]): start counts from 1; a negative length fails.
DEFINE_TEXT(substr)
{
    int64_t start = vector_int64(call->arguments[1], row), end = INT64_MAX;
    if (call->argument_count == 3) {
        int64_t length = vector_int64(call->arguments[2], row);
        if (length < 0) {
            call_fail(call, row, FAILURE_ARGUMENT);
            return (struct slice){0};
        }
        if (__builtin_add_overflow(start, length, &end)) {
            end = INT64_MAX;
        }
    }
    return cut(text_of(call, 0, row), start, end);
}

// left(text, n) and right(text, n): a negative n leaves out as many at the other end.
DEFINE_TEXT(left)
{
    struct slice text = text_of(call, 0, row);
    int64_t count = vector_int64(call->arguments[1], row);
    if (count < 0) {
        count += (int64_t)character_count(text);
    }
    return (struct slice){text.at, count <= 0 ? 0 : prefix_bytes(text, (uint64_t)count)};
}

DEFINE_TEXT(right)
{
    struct slice text = text_of(call, 0, row);
    int64_t count = vector_int64(call->arguments[1], row);
    int64_t skip = count < 0 ? (count == INT64_MIN ? INT64_MAX : -count)
                             : (int64_t)character_count(text) - count;
    uint32_t start = skip <= 0 ? 0 : prefix_bytes(text, (uint64_t)skip);
    return (struct slice){text.at + start, text.length - start};
}

// Whether the character at `at` is one of set.
static int is_one_of(const char *at, uint32_t length, struct slice set)
{
    for (const char *c = set.at, *end = set.at + set.length; c < end;) {
        uint32_t size = character_bytes(c, end);
        if (size == length && memcmp(c, at, size) == 0) {
            return 1;
        }
        c += size;
    }
    return 0;
}

static struct slice trim(struct call *call, uint32_t row, int at_start, int at_end)
{
    struct slice text = text_of(call, 0, row);
    struct slice set = call->argument_count > 1 ? text_of(call, 1, row) : (struct slice){" ", 1};
    while (at_start && text.length > 0) {
        uint32_t size = character_bytes(text.at, text.at + text.length);
        if (!is_one_of(text.at, size, set)) {
            break;
        }
        text.at += size;
        text.length -= size;
    }
    while (at_end && text.length > 0) {
        uint32_t size = 1;
        while (size < text.length && ((unsigned char)text.at[text.length - size] & 0xc0) == 0x80) {
            size++;
        }
        if (!is_one_of(text.at + text.length - size, size, set)) {
            break;
        }
        text.length -= size;
    }
    return text;
}

DEFINE_TEXT(trim)
{
    return trim(call, row, 1, 1);
}

DEFINE_TEXT(ltrim)
{
    return trim(call, row, 1, 0);
}

DEFINE_TEXT(rtrim)
{
    return trim(call, row, 0, 1);
}

// The first place of part at or after from; NULL if there is none or part is empty.
static const char *find(struct slice text, const char *from, struct slice part)
{
    size_t left = (size_t)(text.at + text.length - from);
    return part.length == 0 ? NULL : memmem(from, left, part.at, part.length);
}

static uint64_t count_parts(struct slice text, struct slice part)
{
    uint64_t count = 0;
    for (const char *at = text.at; (at = find(text, at, part)) != NULL; at += part.length) {
        count++;
    }
    return count;
}

DEFINE_TEXT(replace)
{
    struct slice text = text_of(call, 0, row), part = text_of(call, 1, row),
                 by = text_of(call, 2, row);
    uint64_t count = count_parts(text, part);
    if (count == 0) {
        return text;
    }
    uint64_t length = text.length - count * part.length + count * by.length;
    char *at = call_text(call, row, length), *start = at;
    const char *from = text.at;
    for (const char *next; at != NULL && (next = find(text, from, part)) != NULL;
         from = next + part.length) {
        memcpy(at, from, (size_t)(next - from));
        at += next - from;
        if (by.length > 0) {
            memcpy(at, by.at, by.length);
            at += by.length;
        }
    }
    if (at != NULL) {
        memcpy(at, from, (size_t)(text.at + text.length - from));
    }
    return (struct slice){start, (uint32_t)length};
}

DEFINE_TEXT(repeat)
{
    struct slice text = text_of(call, 0, row);
    int64_t count = vector_int64(call->arguments[1], row);
    uint64_t length;
    if (count <= 0 || text.length == 0) {
        return (struct slice){text.at, 0};
    }
    if (__builtin_mul_overflow((uint64_t)count, text.length, &length)) {
        length = UINT64_MAX / 2;
    }
    char *at = call_text(call, row, length);
    for (int64_t i = 0; at != NULL && i < count; i++) {
        memcpy(at + i * text.length, text.at, text.length);
    }
    return (struct slice){at, (uint32_t)length};
}

DEFINE_TEXT(reverse)
{
    struct slice text = text_of(call, 0, row);
    char *at = call_text(call, row, text.length);
    const char *end = text.at + text.length;
    uint32_t left = text.length;
    for (const char *c = text.at; at != NULL && c < end;) {
        uint32_t size = character_bytes(c, end);
        left -= size;
        memcpy(at + left, c, size);
        c += size;
    }
    return (struct slice){at, text.length};
}

// lpad(text, length [, fill]): cut to length characters if it is longer.
static struct slice pad(struct call *call, uint32_t row, int at_start)
{
    struct slice text = text_of(call, 0, row);
    struct slice fill = call->argument_count > 2 ? text_of(call, 2, row) : (struct slice){" ", 1};
    int64_t wanted = vector_int64(call->arguments[1], row);
    int64_t have = (int64_t)character_count(text);
    uint64_t missing = wanted > have ? (uint64_t)(wanted - have) : 0;
    uint64_t fill_characters = character_count(fill);
    if (missing == 0 || fill_characters == 0) {
        return (struct slice){text.at, wanted <= 0 ? 0 : prefix_bytes(text, (uint64_t)wanted)};
    }
    uint64_t whole = missing / fill_characters;
    uint32_t part = prefix_bytes(fill, missing % fill_characters);
    uint64_t length;
    if (__builtin_mul_overflow(whole, fill.length, &length) ||
        __builtin_add_overflow(length, (uint64_t)part + text.length, &length)) {
        length = UINT64_MAX / 2;
    }
    char *at = call_text(call, row, length), *start = at;
    if (at == NULL) {
        return (struct slice){0};
    }
    if (!at_start && text.length > 0) {
        memcpy(at, text.at, text.length);
        at += text.length;
    }
    for (uint64_t i = 0; i < whole; i++, at += fill.length) {
        memcpy(at, fill.at, fill.length);
    }
    memcpy(at, fill.at, part);
    if (at_start && text.length > 0) {
        memcpy(at + part, text.at, text.length);
    }
    return (struct slice){start, (uint32_t)length};
}

DEFINE_TEXT(lpad)
{
    return pad(call, row, 1);
}

DEFINE_TEXT(rpad)
{
    return pad(call, row, 0);
}

// split_part(text, separator, n): the n-th part from 1, from the end if n is negative.
DEFINE_TEXT(split_part)
{
    struct slice text = text_of(call, 0, row), separator = text_of(call, 1, row);
    int64_t wanted = vector_int64(call->arguments[2], row);
    if (wanted == 0) {
        call_fail(call, row, FAILURE_ARGUMENT);
        return (struct slice){0};
    }
    if (wanted < 0) {
        wanted += (int64_t)count_parts(text, separator) + 2;
    }
    const char *from = text.at;
    for (int64_t part = 1; wanted >= part; part++) {
        const char *next = find(text, from, separator);
        if (part == wanted) {
            return (struct slice){from,
                                  (uint32_t)((next == NULL ? text.at + text.length : next) - from)};
        }
        if (next == NULL) {
            break;
        }
        from = next + separator.length;
    }
    return (struct slice){text.at, 0};
}

DEFINE_TEST(starts_with)
{
    struct slice text = text_of(call, 0, row), part = text_of(call, 1, row);
    return part.length == 0 ||
           (part.length <= text.length && memcmp(text.at, part.at, part.length) == 0);
}

DEFINE_TEST(ends_with)
{
    struct slice text = text_of(call, 0, row), part = text_of(call, 1, row);
    return part.length == 0 ||
           (part.length <= text.length &&
            memcmp(text.at + text.length - part.length, part.at, part.length) == 0);
}

DEFINE_TEST(contains)
{
    struct slice text = text_of(call, 0, row), part = text_of(call, 1, row);
    return part.length == 0 || find(text, text.at, part) != NULL;
}

// position(part, text): from 1; 0 if it is not there.
DEFINE_COUNT(position)
{
    struct slice part = text_of(call, 0, row), text = text_of(call, 1, row);
    const char *at = part.length == 0 ? text.at : find(text, text.at, part);
    return at == NULL
               ? 0
               : (int64_t)character_count((struct slice){text.at, (uint32_t)(at - text.at)}) + 1;
}

DEFINE_COUNT(ascii)
{
    struct slice text = text_of(call, 0, row);
    return text.length == 0 ? 0 : (unsigned char)text.at[0];
}

DEFINE_TEXT(chr)
{
    int64_t code = vector_int64(call->arguments[0], row);
    if (code < 1 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        call_fail(call, row, FAILURE_ARGUMENT);
        return (struct slice){0};
    }
    uint32_t c = (uint32_t)code, length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    char *at = call_text(call, row, length);
    for (uint32_t i = length; at != NULL && i > 1; i--, c >>= 6) {
        at[i - 1] = (char)(0x80 | (c & 0x3f));
    }
    if (at != NULL) {
        at[0] = (char)(heads[length] | c);
    }
    return (struct slice){at, length};
}

DEFINE_TEXT(hex)
{
    struct slice bytes = text_of(call, 0, row);
    char *at = call_text(call, row, 2 * (uint64_t)bytes.length);
    for (size_t i = 0; at != NULL && i < bytes.length; i++) {
        unsigned char c = (unsigned char)bytes.at[i];
        at[2 * i] = "0123456789abcdef"[c >> 4];
        at[2 * i + 1] = "0123456789abcdef"[c & 15];
    }
    return (struct slice){at, 2 * bytes.length};
}

// Matches greedily: on failure only the last % is tried further along, so the work is bounded by
// the product of both lengths. escape is empty if there is none.
static int matches(struct slice text, struct slice pattern, struct slice escape)
{
    const char *t = text.at, *t_end = t + text.length, *p = pattern.at, *p_end = p + pattern.length;
    const char *again_p = NULL, *again_t = NULL;
    while (t < t_end || p < p_end) {
        int is_escape = p < p_end && escape.length > 0 && (uint32_t)(p_end - p) > escape.length &&
                        memcmp(p, escape.at, escape.length) == 0;
        const char *literal = is_escape ? p + escape.length : p;
        if (p < p_end && *p == '%' && !is_escape) {
            again_p = ++p;
            again_t = t;
        } else if (p < p_end && t < t_end && *p == '_' && !is_escape) {
            p++;
            t += character_bytes(t, t_end);
        } else if (p < p_end && t < t_end && *literal == *t) {
            p = literal + 1;
            t++;
        } else if (again_p != NULL && again_t < t_end) {
            again_t += character_bytes(again_t, t_end);
            t = again_t;
            p = again_p;
        } else {
            return 0;
        }
    }
    return 1;
}

static int like_row(struct call *call, uint32_t row)
{
    struct slice escape = call->argument_count > 2 ? text_of(call, 2, row) : (struct slice){0};
    if (escape.length > 0 && character_count(escape) != 1) {
        call_fail(call, row, FAILURE_ARGUMENT);
        return 0;
    }
    return matches(text_of(call, 0, row), text_of(call, 1, row), escape);
}

// A pattern of one part without `_` that may stand behind or before `%`.
struct plain_pattern {
    struct slice part;
    int is_open_before;
    int is_open_behind;
};

static int read_plain(struct slice pattern, struct plain_pattern *plain)
{
    *plain = (struct plain_pattern){.part = pattern};
    while (plain->part.length > 0 && plain->part.at[0] == '%') {
        plain->is_open_before = 1;
        plain->part.at++;
        plain->part.length--;
    }
    while (plain->part.length > 0 && plain->part.at[plain->part.length - 1] == '%') {
        plain->is_open_behind = 1;
        plain->part.length--;
    }
    return plain->part.length > 0 && memchr(plain->part.at, '%', plain->part.length) == NULL &&
           memchr(plain->part.at, '_', plain->part.length) == NULL;
}

static inline int matches_plain(struct slice text, const struct plain_pattern *plain)
{
    struct slice part = plain->part;
    if (text.length < part.length) {
        return 0;
    }
    if (plain->is_open_before) {
        return plain->is_open_behind
                   ? memmem(text.at, text.length, part.at, part.length) != NULL
                   : memcmp(text.at + text.length - part.length, part.at, part.length) == 0;
    }
    return (plain->is_open_behind || text.length == part.length) &&
           memcmp(text.at, part.at, part.length) == 0;
}

void kernel_like(struct call *call)
{
    const struct vector *pattern = call->arguments[1];
    struct plain_pattern plain;
    int is_plain = call->argument_count == 2 && vector_is_constant(pattern) &&
                   vector_is_valid(pattern, 0) && read_plain(vector_text(pattern, 0), &plain);
    memset(call->values, 0, weir_bit_bytes(call->row_count));
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row) &&
            (is_plain ? matches_plain(text_of(call, 0, row), &plain) : like_row(call, row))) {
            weir_bit_set(call->values, row, 1);
        }
    }
}
