#include "lua/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diagnostic_json.h"
#include "lua/lexer.h"

#define NESTING_MAX 24
#define NAME_BYTES_MAX 256

static int read_all(int fd, char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = read(fd, text, length);
        if (n <= 0) {
            return -1;
        }
        text += n;
        length -= (size_t)n;
    }
    return 0;
}

static struct source *read_source(int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(error, -EINVAL, "it is not a regular file");
        return NULL;
    }
    if (status.st_size > SOURCE_BYTES_MAX) {
        error_set(error, -EFBIG, "it is larger than 1 MiB");
        return NULL;
    }
    size_t length = (size_t)status.st_size;
    char *text = malloc(length + 1);
    struct source *source = NULL;
    if (text == NULL || read_all(fd, text, length) != 0) {
        error_set(error, -EIO, "it cannot be read");
    } else {
        source = source_make(path, text, length);
    }
    free(text);
    return source;
}

struct source *source_open(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_set(error, -errno, "%s", strerror(errno));
        return NULL;
    }
    struct source *source = read_source(fd, path, error);
    close(fd);
    return source;
}

struct source *source_make(const char *path, const char *text, size_t length)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return NULL;
    }
    source->path = strdup(path);
    source->text = malloc(length + 1);
    source->length = length;
    if (source->path == NULL || source->text == NULL) {
        source_close(source);
        return NULL;
    }
    memcpy(source->text, text, length);
    source->text[length] = '\0';
    source->tokens = lexer_run(source->text, length, &source->token_count);
    if (source->tokens == NULL) {
        source_close(source);
        return NULL;
    }
    return source;
}

void source_close(struct source *source)
{
    if (source != NULL) {
        free(source->path);
        free(source->text);
        free(source->tokens);
        free(source);
    }
}

static int is_text(const struct source *source, size_t i, char kind, const char *text)
{
    const struct token *token = &source->tokens[i];
    size_t length = strlen(text);
    return token->kind == kind && token->end - token->start == length &&
           memcmp(source->text + token->start, text, length) == 0;
}

static int is_kind(const struct source *source, size_t i, char kind)
{
    return i < source->token_count && source->tokens[i].kind == kind;
}

// The first token of the line or after it.
static size_t find_line(const struct source *source, uint32_t line)
{
    size_t low = 0, high = source->token_count - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (source->tokens[middle].line < line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int is_in_line(const struct source *source, size_t i, uint32_t line)
{
    return source->tokens[i].kind != TOKEN_END && source->tokens[i].line == line;
}

struct place source_line(const struct source *source, uint32_t line)
{
    return (struct place){.file = source->path, .line = line};
}

// From the first to before the last token, as far as they stand in one line.
static struct place place_of(const struct source *source, size_t first, size_t last)
{
    const struct token *token = &source->tokens[first];
    struct place place = source_line(source, token->line);
    place.column = token->column;
    for (size_t i = first; i < last && source->tokens[i].line == token->line; i++) {
        const struct token *next = &source->tokens[i];
        uint32_t quote = next->kind == TOKEN_STRING && last > first + 1;
        place.end = next->column + (next->end - next->start) + quote;
    }
    const char *line_end = memchr(source->text + token->start, '\n', source->length - token->start);
    size_t rest = line_end == NULL ? source->length - token->start
                                   : (size_t)(line_end - (source->text + token->start));
    if (place.end > token->column + rest) {
        place.end = token->column + (uint32_t)rest;
    }
    if (token->kind == TOKEN_STRING && last > first + 1) {
        place.column--;
    }
    return place;
}

struct place source_name(const struct source *source, uint32_t line, const char *name)
{
    struct place place = source_line(source, line);
    for (size_t i = find_line(source, line); is_in_line(source, i, line); i++) {
        if (is_text(source, i, TOKEN_NAME, name) || is_text(source, i, TOKEN_STRING, name)) {
            if (place.column != 0) {
                return source_line(source, line);
            }
            place = place_of(source, i, i + 1);
        }
    }
    return place;
}

struct place source_argument(const struct source *source, uint32_t line, const char *function,
                             const char *text)
{
    for (size_t i = find_line(source, line); is_in_line(source, i, line); i++) {
        size_t argument = i + 1 + (is_kind(source, i + 1, '(') || is_kind(source, i + 1, '='));
        if (is_text(source, i, TOKEN_NAME, function) && argument < source->token_count &&
            is_text(source, argument, TOKEN_STRING, text)) {
            return place_of(source, argument, argument + 1);
        }
    }
    return source_line(source, line);
}

static int is_word(const struct source *source, size_t i, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (is_text(source, i, TOKEN_NAME, *words)) {
            return 1;
        }
    }
    return 0;
}

static int depth_change(const struct source *source, size_t i)
{
    static const char *const openers[] = {"function", "do", "if", "repeat", NULL};
    static const char *const closers[] = {"end", "until", NULL};
    switch (source->tokens[i].kind) {
    case '(':
    case '{':
    case '[':
        return 1;
    case ')':
    case '}':
    case ']':
        return -1;
    case TOKEN_NAME:
        return is_word(source, i, openers) - is_word(source, i, closers);
    default:
        return 0;
    }
}

// The token after the bracket that closes the one at i.
static size_t skip_brackets(const struct source *source, size_t i)
{
    int depth = 0;
    do {
        depth += depth_change(source, i);
        i++;
    } while (depth > 0 && !is_kind(source, i, TOKEN_END));
    return i;
}

// The token that ends the expression at i: a comma, semicolon or closing bracket, or the end.
static size_t skip_expression(const struct source *source, size_t i)
{
    int depth = 0;
    for (;; i++) {
        char kind = source->tokens[i].kind;
        int change = depth_change(source, i);
        if (kind == TOKEN_END || depth + change < 0 ||
            (depth == 0 && (kind == ',' || kind == ';'))) {
            return i;
        }
        depth += change;
    }
}

// The opening brace at i or in parentheses there, else 0.
static size_t find_open(const struct source *source, size_t i)
{
    i += is_kind(source, i, '(');
    return is_kind(source, i, '{') ? i : 0;
}

// A name that is written as text, with its table: returns the token of the name, or 0.
static size_t find_written(const struct source *source, uint32_t line, const char *verb,
                           const char *name)
{
    size_t found = 0;
    for (size_t i = find_line(source, line); is_in_line(source, i, line); i++) {
        size_t before = i >= 2 && is_kind(source, i - 1, '(') ? i - 2 : i - 1;
        if (i == 0 || !is_text(source, i, TOKEN_STRING, name)) {
            continue;
        }
        if (is_text(source, before, TOKEN_NAME, verb)) {
            return i;
        }
        found = found == 0 && is_kind(source, before, TOKEN_NAME) ? i : found;
    }
    return found;
}

// The only `verb(...)` of the line: returns the token of the parenthesis, or 0.
static size_t find_computed(const struct source *source, uint32_t line, const char *verb)
{
    size_t found = 0;
    for (size_t i = find_line(source, line); is_in_line(source, i, line); i++) {
        if (is_text(source, i, TOKEN_NAME, verb) && is_kind(source, i + 1, '(')) {
            if (found != 0) {
                return 0;
            }
            found = i + 1;
        }
    }
    return found;
}

struct place source_declaration(const struct source *source, uint32_t line, const char *verb,
                                const char *name, size_t *open)
{
    *open = 0;
    size_t at = find_written(source, line, verb, name);
    if (at != 0) {
        *open = find_open(source, at + 1 + is_kind(source, at + 1, ')'));
        return place_of(source, at, at + 1);
    }
    at = find_computed(source, line, verb);
    if (at == 0) {
        return source_line(source, line);
    }
    size_t after = skip_brackets(source, at);
    *open = find_open(source, after);
    return after > at + 2 ? place_of(source, at + 1, after - 1) : source_line(source, line);
}

struct place source_verb(const struct source *source, uint32_t line, const char *verb,
                         const char *name)
{
    size_t after = find_written(source, line, verb, name);
    if (after != 0) {
        after -= is_kind(source, after - 1, '(');
    } else {
        after = find_computed(source, line, verb);
    }
    if (after == 0 || !is_text(source, after - 1, TOKEN_NAME, verb)) {
        return source_line(source, line);
    }
    size_t first = after - 1;
    while (first >= 4 && is_kind(source, first - 1, '.') && is_kind(source, first - 3, '.')) {
        first -= 2;
    }
    return place_of(source, first, after);
}

size_t source_table(const struct source *source, uint32_t line, const char *function)
{
    size_t found = 0;
    for (size_t i = find_line(source, line); is_in_line(source, i, line); i++) {
        if (is_text(source, i, TOKEN_NAME, function)) {
            if (found != 0) {
                return 0;
            }
            found = find_open(source, i + 1);
        }
    }
    return found;
}

struct walk {
    const struct source *source;
    json_t *places;
};

static void record(struct walk *walk, const char *name, size_t first, size_t last)
{
    if (last > first) {
        struct place place = place_of(walk->source, first, last);
        json_object_set_new(walk->places, name, place_to_json(&place));
    }
}

static void walk_table(struct walk *walk, size_t open, const char *prefix, int depth);

// { "name", value } as an item of a list is also the entry `name` of a map.
static void record_pair(struct walk *walk, size_t open, const char *prefix)
{
    const struct source *source = walk->source;
    const struct token *name = &source->tokens[open + 1];
    if (name->kind == TOKEN_STRING && is_kind(source, open + 2, ',')) {
        char path[NAME_BYTES_MAX];
        snprintf(path, sizeof path, "%s.%.*s", prefix, (int)(name->end - name->start),
                 source->text + name->start);
        record(walk, path, open + 3, skip_expression(source, open + 3));
    }
}

static void walk_value(struct walk *walk, const char *prefix, const char *key, size_t first,
                       size_t last, int depth)
{
    char path[NAME_BYTES_MAX];
    int is_outer_item = depth == 0 && isdigit((unsigned char)key[0]);
    snprintf(path, sizeof path, "%s%s%s", prefix, depth > 0 || is_outer_item ? "." : "", key);
    record(walk, path, first, last);
    if (depth == 0 && walk->source->tokens[first - 1].kind == '=' &&
        walk->source->tokens[first - 2].kind == TOKEN_NAME) {
        char name[NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "%s=", key);
        record(walk, name, first - 2, first - 1);
    }
    if (is_kind(walk->source, first, '{') && skip_brackets(walk->source, first) == last) {
        if (isdigit((unsigned char)key[0])) {
            record_pair(walk, first, prefix);
        }
        walk_table(walk, first, path, depth + 1);
    }
}

// The key of the entry at i (empty if it is computed); returns the first token of its value.
static size_t read_key(const struct source *source, size_t i, unsigned *position, char *key)
{
    const struct token *token = &source->tokens[i];
    if (token->kind == TOKEN_NAME && is_kind(source, i + 1, '=')) {
        snprintf(key, NAME_BYTES_MAX, "%.*s", (int)(token->end - token->start),
                 source->text + token->start);
        return i + 2;
    }
    if (token->kind != '[') {
        snprintf(key, NAME_BYTES_MAX, "%u", ++*position);
        return i;
    }
    size_t after = skip_brackets(source, i);
    key[0] = '\0';
    if (is_kind(source, i + 1, TOKEN_STRING) && after == i + 3) {
        snprintf(key, NAME_BYTES_MAX, "%.*s", (int)(token[1].end - token[1].start),
                 source->text + token[1].start);
    }
    return after + is_kind(source, after, '=');
}

static void walk_table(struct walk *walk, size_t open, const char *prefix, int depth)
{
    const struct source *source = walk->source;
    unsigned position = 0;
    size_t i = open + 1;
    while (depth < NESTING_MAX && !is_kind(source, i, '}') && !is_kind(source, i, TOKEN_END)) {
        char key[NAME_BYTES_MAX];
        size_t first = read_key(source, i, &position, key);
        size_t last = skip_expression(source, first);
        if (key[0] != '\0') {
            walk_value(walk, prefix, key, first, last, depth);
        }
        if (!is_kind(source, last, ',') && !is_kind(source, last, ';')) {
            return;
        }
        i = last + 1;
    }
}

json_t *source_places(const struct source *source, size_t open)
{
    struct walk walk = {source, json_object()};
    walk_table(&walk, open, "", 0);
    return walk.places;
}
