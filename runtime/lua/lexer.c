#include "lua/lexer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
    const char *text;
    size_t length;
    size_t at;
    size_t line_start;
    uint32_t line;
    struct token *tokens;
    size_t count;
    size_t capacity;
};

static char peek(const struct lexer *lexer, size_t ahead)
{
    return lexer->at + ahead < lexer->length ? lexer->text[lexer->at + ahead] : '\0';
}

static void advance(struct lexer *lexer, size_t count)
{
    for (; count > 0 && lexer->at < lexer->length; count--) {
        if (lexer->text[lexer->at++] == '\n') {
            lexer->line++;
            lexer->line_start = lexer->at;
        }
    }
}

// Begins a token here; its end is set when it is known.
static struct token *begin(struct lexer *lexer, char kind)
{
    if (lexer->count == lexer->capacity) {
        size_t capacity = lexer->capacity * 2 + 64;
        struct token *tokens = realloc(lexer->tokens, capacity * sizeof *tokens);
        if (tokens == NULL) {
            return NULL;
        }
        lexer->tokens = tokens;
        lexer->capacity = capacity;
    }
    struct token *token = &lexer->tokens[lexer->count++];
    *token = (struct token){
        .start = (uint32_t)lexer->at,
        .end = (uint32_t)lexer->at,
        .line = lexer->line,
        .column = (uint32_t)(lexer->at - lexer->line_start) + 1,
        .kind = kind,
    };
    return token;
}

// The number of equals signs of "[==[" here, or -1.
static int long_bracket(const struct lexer *lexer)
{
    int level = 0;
    while (peek(lexer, (size_t)level + 1) == '=') {
        level++;
    }
    return peek(lexer, 0) == '[' && peek(lexer, (size_t)level + 1) == '[' ? level : -1;
}

static int closes(const struct lexer *lexer, int level)
{
    if (peek(lexer, 0) != ']' || peek(lexer, (size_t)level + 1) != ']') {
        return 0;
    }
    for (int i = 1; i <= level; i++) {
        if (peek(lexer, (size_t)i) != '=') {
            return 0;
        }
    }
    return 1;
}

static void skip_long(struct lexer *lexer, int level)
{
    while (lexer->at < lexer->length && !closes(lexer, level)) {
        advance(lexer, 1);
    }
}

static int read_long_string(struct lexer *lexer, int level)
{
    advance(lexer, (size_t)level + 2);
    advance(lexer, peek(lexer, 0) == '\r' ? 1 : 0);
    advance(lexer, peek(lexer, 0) == '\n' ? 1 : 0);
    struct token *token = begin(lexer, TOKEN_STRING);
    if (token == NULL) {
        return -1;
    }
    skip_long(lexer, level);
    token->end = (uint32_t)lexer->at;
    advance(lexer, (size_t)level + 2);
    return 0;
}

static int read_string(struct lexer *lexer)
{
    char quote = peek(lexer, 0);
    advance(lexer, 1);
    struct token *token = begin(lexer, TOKEN_STRING);
    if (token == NULL) {
        return -1;
    }
    while (lexer->at < lexer->length && peek(lexer, 0) != quote && peek(lexer, 0) != '\n') {
        advance(lexer, peek(lexer, 0) == '\\' ? 2 : 1);
    }
    token->end = (uint32_t)lexer->at;
    advance(lexer, peek(lexer, 0) == quote ? 1 : 0);
    return 0;
}

static void skip_comment(struct lexer *lexer)
{
    advance(lexer, 2);
    int level = long_bracket(lexer);
    if (level >= 0) {
        skip_long(lexer, level);
        advance(lexer, (size_t)level + 2);
        return;
    }
    while (lexer->at < lexer->length && peek(lexer, 0) != '\n') {
        advance(lexer, 1);
    }
}

static int is_name(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_';
}

static int read_word(struct lexer *lexer)
{
    int is_number = isdigit((unsigned char)peek(lexer, 0));
    struct token *token = begin(lexer, is_number ? TOKEN_NUMBER : TOKEN_NAME);
    if (token == NULL) {
        return -1;
    }
    while (is_name(peek(lexer, 0)) || (is_number && peek(lexer, 0) == '.')) {
        advance(lexer, 1);
    }
    token->end = (uint32_t)lexer->at;
    return 0;
}

static int read_sign(struct lexer *lexer)
{
    char first = peek(lexer, 0);
    int is_pair = strchr("=~<>", first) != NULL && first != '\0' && peek(lexer, 1) == '=';
    int is_plain = !is_pair && ispunct((unsigned char)first);
    struct token *token = begin(lexer, is_plain ? first : TOKEN_OTHER);
    if (token == NULL) {
        return -1;
    }
    advance(lexer, is_pair ? 2 : 1);
    token->end = (uint32_t)lexer->at;
    return 0;
}

static int read_token(struct lexer *lexer)
{
    char first = peek(lexer, 0);
    if (first == '-' && peek(lexer, 1) == '-') {
        skip_comment(lexer);
        return 0;
    }
    if (first == '"' || first == '\'') {
        return read_string(lexer);
    }
    if (first == '[' && long_bracket(lexer) >= 0) {
        return read_long_string(lexer, long_bracket(lexer));
    }
    if (is_name(first)) {
        return read_word(lexer);
    }
    if (isspace((unsigned char)first)) {
        advance(lexer, 1);
        return 0;
    }
    return read_sign(lexer);
}

struct token *lexer_run(const char *text, size_t length, size_t *count)
{
    struct lexer lexer = {.text = text, .length = length, .line = 1};
    while (lexer.at < lexer.length) {
        if (read_token(&lexer) != 0) {
            free(lexer.tokens);
            return NULL;
        }
    }
    if (begin(&lexer, TOKEN_END) == NULL) {
        free(lexer.tokens);
        return NULL;
    }
    *count = lexer.count;
    return lexer.tokens;
}
