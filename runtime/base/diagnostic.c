#include "base/diagnostic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EXCERPT_MAX 160

// Without memory for a message there is nobody left to tell.
static void *or_abort(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    return text;
}

static void append(struct diagnostics *diagnostics, struct diagnostic *diagnostic)
{
    if (diagnostics->last != NULL) {
        diagnostics->last->next = diagnostic;
    } else {
        diagnostics->first = diagnostic;
    }
    diagnostics->last = diagnostic;
    *(diagnostic->is_warning ? &diagnostics->warning_count : &diagnostics->error_count) += 1;
}

static struct diagnostic *add(struct diagnostics *diagnostics, int is_warning, const char *code,
                              const struct place *place, const char *message, va_list arguments)
{
    struct diagnostic *diagnostic = or_abort(calloc(1, sizeof *diagnostic));
    snprintf(diagnostic->code, sizeof diagnostic->code, "%s", code);
    diagnostic->is_warning = is_warning;
    diagnostic->message = format_text(message, arguments);
    if (place != NULL) {
        diagnostic->place = *place;
        diagnostic->place.file = place->file == NULL ? NULL : or_abort(strdup(place->file));
    }
    append(diagnostics, diagnostic);
    return diagnostic;
}

struct diagnostic *diagnostic_add(struct diagnostics *diagnostics, const char *code,
                                  const struct place *place, const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    struct diagnostic *diagnostic = add(diagnostics, 0, code, place, message, arguments);
    va_end(arguments);
    return diagnostic;
}

struct diagnostic *diagnostic_add_warning(struct diagnostics *diagnostics, const char *code,
                                          const struct place *place, const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    struct diagnostic *diagnostic = add(diagnostics, 1, code, place, message, arguments);
    va_end(arguments);
    return diagnostic;
}

void diagnostic_set(char **member, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    free(*member);
    *member = text;
}

void diagnostic_note(struct diagnostic *diagnostic, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *line = format_text(format, arguments);
    va_end(arguments);
    if (diagnostic->notes == NULL) {
        diagnostic->notes = line;
        return;
    }
    diagnostic_set(&diagnostic->notes, "%s\n%s", diagnostic->notes, line);
    free(line);
}

// The line of the file, without its end; NULL if there is none. Freed by the caller.
static char *read_line(const struct place *place)
{
    FILE *file = place->file == NULL || place->line == 0 ? NULL : fopen(place->file, "re");
    if (file == NULL) {
        return NULL;
    }
    char *line = NULL;
    size_t size = 0;
    ssize_t length = 0;
    for (uint32_t i = 0; i < place->line && length >= 0; i++) {
        length = getline(&line, &size, file);
    }
    fclose(file);
    if (length < 0 || line == NULL) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static int is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void print_excerpt(const char *line, size_t length, FILE *file)
{
    for (size_t i = 0; i < length; i++) {
        int is_control = (unsigned char)line[i] < ' ' && line[i] != '\t';
        fputc(is_control || line[i] == 0x7f ? '?' : line[i], file);
    }
    fputc('\n', file);
}

// Tabs stay tabs, so that the carets stand under the text at any tab width.
static void print_carets(const char *line, size_t from, size_t to, FILE *file)
{
    for (size_t i = 0; i < to; i++) {
        if (i < from && line[i] == '\t') {
            fputc('\t', file);
        } else if (!is_continuation(line[i]) || line[i] == '\0') {
            fputc(i < from ? ' ' : '^', file);
        }
    }
    fputc('\n', file);
}

// Of a very long line only the part around the place is shown.
static void print_source(const struct place *place, const char *line, int width, FILE *file)
{
    size_t length = strlen(line), from = place->column == 0 ? 0 : place->column - 1, start = 0;
    if (from > length) {
        from = length;
    }
    if (from > EXCERPT_MAX / 2 && length > EXCERPT_MAX) {
        start = from - EXCERPT_MAX / 2;
        while (start < from && is_continuation(line[start])) {
            start++;
        }
    }
    size_t shown = length - start > EXCERPT_MAX ? EXCERPT_MAX : length - start;
    fprintf(file, "%*s |\n%*u | ", width, "", width, place->line);
    print_excerpt(line + start, shown, file);
    if (place->column == 0) {
        return;
    }
    size_t to = place->end > place->column ? place->end - 1 - start : from - start + 1;
    if (to > shown) {
        to = from - start + 1 > shown ? from - start + 1 : shown;
    }
    fprintf(file, "%*s | ", width, "");
    print_carets(line + start, from - start, to, file);
}

static void print_place(const struct diagnostic *diagnostic, int width, FILE *file)
{
    const struct place *place = &diagnostic->place;
    if (place->file != NULL || diagnostic->stage != NULL || diagnostic->option != NULL) {
        fprintf(file, "%*s--> ", width, "");
    }
    if (place->file != NULL) {
        fputs(place->file, file);
        if (place->line != 0) {
            fprintf(file, ":%u", place->line);
        }
        if (place->line != 0 && place->column != 0) {
            fprintf(file, ":%u", place->column);
        }
    }
    const char *before = place->file != NULL ? " (" : "";
    if (diagnostic->stage != NULL) {
        fprintf(file, "%sstage `%s`", before, diagnostic->stage);
        before = ", ";
    }
    if (diagnostic->option != NULL) {
        fprintf(file, "%soption `%s`", before, diagnostic->option);
    }
    if (place->file != NULL && (diagnostic->stage != NULL || diagnostic->option != NULL)) {
        fputc(')', file);
    }
    if (place->file != NULL || diagnostic->stage != NULL || diagnostic->option != NULL) {
        fputc('\n', file);
    }
}

static void print_remark(const char *name, const char *text, int width, FILE *file)
{
    if (text != NULL) {
        fprintf(file, "%*s = %s: %s\n", width, "", name, text);
    }
}

static void print_notes(const char *notes, int width, FILE *file)
{
    while (notes != NULL && *notes != '\0') {
        int length = (int)strcspn(notes, "\n");
        fprintf(file, "%*s = note: %.*s\n", width, "", length, notes);
        notes += length + (notes[length] == '\n');
    }
}

static void print_one(const struct diagnostic *diagnostic, FILE *file)
{
    fprintf(file, "%s[%s]: %s\n", diagnostic->is_warning ? "warning" : "error", diagnostic->code,
            diagnostic->message);
    char *line = read_line(&diagnostic->place);
    int width = snprintf(NULL, 0, "%u", diagnostic->place.line);
    print_place(diagnostic, width, file);
    if (line != NULL) {
        print_source(&diagnostic->place, line, width, file);
    }
    print_remark("available", diagnostic->available, width, file);
    print_remark("help", diagnostic->help, width, file);
    print_notes(diagnostic->notes, width, file);
    free(line);
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *file)
{
    uint32_t shown = 0, count = diagnostics->error_count + diagnostics->warning_count;
    for (int is_warning = 0; is_warning <= 1; is_warning++) {
        for (const struct diagnostic *at = diagnostics->first; at != NULL; at = at->next) {
            if (at->is_warning == is_warning && shown < DIAGNOSTICS_SHOWN) {
                fputs(shown == 0 ? "" : "\n", file);
                print_one(at, file);
                shown++;
            }
        }
    }
    if (count > shown) {
        fprintf(file, "\nand %u more\n", count - shown);
    }
}

void diagnostics_move(struct diagnostics *diagnostics, struct diagnostics *from)
{
    for (struct diagnostic *at = from->first, *next; at != NULL; at = next) {
        next = at->next;
        at->next = NULL;
        append(diagnostics, at);
    }
    *from = (struct diagnostics){0};
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
    const struct diagnostic *one = *(const struct diagnostic *const *)a;
    const struct diagnostic *other = *(const struct diagnostic *const *)b;
    int orders[] = {
        compare_texts(one->place.file, other->place.file),
        compare_numbers(one->place.line, other->place.line),
        compare_numbers(one->place.column, other->place.column),
        compare_texts(one->stage, other->stage),
        compare_texts(one->option, other->option),
        compare_texts(one->message, other->message),
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (orders[i] != 0) {
            return orders[i];
        }
    }
    return 0;
}

void diagnostics_sort(struct diagnostics *diagnostics)
{
    size_t count = diagnostics->error_count + diagnostics->warning_count, filled = 0;
    struct diagnostic **all = or_abort(calloc(count + 1, sizeof(struct diagnostic *)));
    for (struct diagnostic *at = diagnostics->first; at != NULL; at = at->next) {
        all[filled++] = at;
    }
    qsort(all, count, sizeof(struct diagnostic *), compare);
    *diagnostics = (struct diagnostics){0};
    for (size_t i = 0; i < count; i++) {
        all[i]->next = NULL;
        append(diagnostics, all[i]);
    }
    free(all);
}

void diagnostics_finish(struct diagnostics *diagnostics)
{
    for (struct diagnostic *at = diagnostics->first, *next; at != NULL; at = next) {
        next = at->next;
        free(at->place.file);
        free(at->message);
        free(at->stage);
        free(at->option);
        free(at->available);
        free(at->help);
        free(at->notes);
        free(at);
    }
    *diagnostics = (struct diagnostics){0};
}
