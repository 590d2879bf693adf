#include "expr/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

int token_is(const struct token *token, const char *word)
{
    return (token->kind == TOKEN_NAME || token->kind == TOKEN_SIGN) &&
           strcasecmp(token->text, word) == 0;
}

static int keep_text(struct compilation *compilation, struct token *token)
{
    token->length = token->end - token->start;
    token->text = arena_copy(compilation->arena, compilation->text + token->start, token->length);
    return token->text == NULL ? compilation_no_memory(compilation) : 0;
}

// The end of the quoted text that begins at start, behind its closing quote; 0 if there is none.
static uint32_t quoted_end(const struct compilation *compilation, uint32_t start)
{
    const char *text = compilation->text;
    for (uint32_t at = start + 1; at < compilation->length; at++) {
        if (text[at] == text[start]) {
            if (text[at + 1] != text[start]) {
                return at + 1;
            }
            at++;
        }
    }
    return 0;
}

// 'it''s' and "two words": a doubled quote stands for one.
static int read_quoted(struct compilation *compilation, struct token *token)
{
    const char *text = compilation->text;
    char quote = text[token->start];
    token->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
    token->end = quoted_end(compilation, token->start);
    if (token->end == 0) {
        return compilation_fail(compilation, EXPR_UNTERMINATED, token->start, compilation->length,
                                "the %s that begins here has no closing %s",
                                quote == '\'' ? "string" : "quoted name",
                                quote == '\'' ? "'" : "\"");
    }
    token->text = arena_allocate(compilation->arena, token->end - token->start);
    if (token->text == NULL) {
        return compilation_no_memory(compilation);
    }
    for (uint32_t at = token->start + 1; at + 1 < token->end; at++) {
        token->text[token->length++] = text[at];
        at += text[at] == quote;
    }
    return 0;
}

static int read_unit(struct compilation *compilation, struct token *token, uint32_t at)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint32_t end = at;
    while (is_letter(compilation->text[end]) || is_digit(compilation->text[end])) {
        end++;
    }
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (token->kind == TOKEN_INTEGER && strlen(units[i].name) == end - at &&
            memcmp(units[i].name, compilation->text + at, end - at) == 0) {
            token->kind = TOKEN_DURATION;
            token->end = end;
            return __builtin_mul_overflow(token->integer, units[i].ms, &token->integer) ||
                           token->integer > INT64_MAX
                       ? compilation_fail(compilation, EXPR_NUMBER, token->start, end,
                                          "the duration is longer than int64 milliseconds hold")
                       : 0;
        }
    }
    return compilation_fail(compilation, EXPR_NUMBER, token->start, end,
                            "`%.*s` is neither a number nor a duration (units: ms, s, m, h, d)",
                            (int)(end - token->start), compilation->text + token->start);
}

static uint32_t skip_digits(const char *text, uint32_t at)
{
    while (is_digit(text[at])) {
        at++;
    }
    return at;
}

static int read_integer(struct compilation *compilation, struct token *token)
{
    token->kind = TOKEN_INTEGER;
    for (uint32_t i = token->start; i < token->end; i++) {
        if (__builtin_mul_overflow(token->integer, 10, &token->integer) ||
            __builtin_add_overflow(token->integer, (uint64_t)(compilation->text[i] - '0'),
                                   &token->integer) ||
            token->integer > (uint64_t)INT64_MAX + 1) {
            return compilation_fail(
                compilation, EXPR_NUMBER, token->start, token->end,
                "%.*s does not fit int64; for a larger number cast a string, "
                "as in '%.*s'::decimal(38)",
                (int)(token->end - token->start), compilation->text + token->start,
                (int)(token->end - token->start), compilation->text + token->start);
        }
    }
    return 0;
}

static int read_number(struct compilation *compilation, struct token *token)
{
    const char *text = compilation->text;
    uint32_t at = skip_digits(text, token->start);
    int is_float = text[at] == '.';
    if (is_float) {
        at = skip_digits(text, at + 1);
    }
    if ((text[at] == 'e' || text[at] == 'E') &&
        (is_digit(text[at + 1]) ||
         ((text[at + 1] == '+' || text[at + 1] == '-') && is_digit(text[at + 2])))) {
        is_float = 1;
        at = skip_digits(text, at + 2);
    }
    token->end = at;
    if (is_float) {
        token->kind = TOKEN_FLOAT;
        token->number = strtod(text + token->start, NULL);
        if (token->number > __DBL_MAX__) {
            return compilation_fail(compilation, EXPR_NUMBER, token->start, at,
                                    "the number is larger than float64 holds");
        }
    } else {
        int rc = read_integer(compilation, token);
        if (rc != 0) {
            return rc;
        }
    }
    return is_letter(text[at]) ? read_unit(compilation, token, at) : 0;
}

static int read_sign(struct compilation *compilation, struct token *token)
{
    static const char *const pairs[] = {"==", "!=", "<>", "<=", ">=", "::", "||"};
    const char *at = compilation->text + token->start;
    token->kind = TOKEN_SIGN;
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strncmp(at, pairs[i], 2) == 0) {
            token->end = token->start + 2;
            return keep_text(compilation, token);
        }
    }
    token->end = token->start + 1;
    if (strchr("+-*/%=<>(),", *at) == NULL) {
        return compilation_fail(compilation, EXPR_CHARACTER, token->start, token->end,
                                *at >= ' ' && *at < 127
                                    ? "`%c` means nothing in an expression"
                                    : "byte 0x%02x means nothing in an expression",
                                *at);
    }
    return keep_text(compilation, token);
}

int lexer_next(struct compilation *compilation, uint32_t offset, struct token *token)
{
    const char *text = compilation->text;
    while (offset < compilation->length && strchr(" \t\r\n", text[offset]) != NULL) {
        offset++;
    }
    *token = (struct token){.kind = TOKEN_END, .start = offset, .end = offset};
    char c = text[offset];
    if (c == '\0') {
        return 0;
    }
    if (c == '\'' || c == '"') {
        return read_quoted(compilation, token);
    }
    if (is_digit(c) || (c == '.' && is_digit(text[offset + 1]))) {
        return read_number(compilation, token);
    }
    if (is_letter(c)) {
        token->kind = TOKEN_NAME;
        while (is_letter(text[token->end]) || is_digit(text[token->end])) {
            token->end++;
        }
        return keep_text(compilation, token);
    }
    return read_sign(compilation, token);
}
