// A Pratt parser: every operator has a strength, and an operand belongs to the stronger one.
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "data/schema.h"
#include "expr/lexer.h"
#include "expr/node.h"

#define DEPTH_MAX 500u
#define ARGUMENTS_MAX 4096u

enum strength {
    STRENGTH_NONE,
    STRENGTH_OR,
    STRENGTH_AND,
    STRENGTH_NOT,
    STRENGTH_COMPARE,
    STRENGTH_SUM,
    STRENGTH_PRODUCT,
    STRENGTH_SIGN,
    STRENGTH_CAST,
};

struct parser {
    struct compilation *compilation;
    struct token token; // the next one
    uint32_t last_end;  // of the token before
    uint32_t depth;
};

struct list {
    struct node **nodes;
    uint32_t count;
    uint32_t capacity;
};

static struct node *parse_expression(struct parser *parser, enum strength least);

struct node *node_create(struct compilation *compilation, enum node_kind kind, uint32_t start,
                         uint32_t end)
{
    struct node *node = arena_allocate(compilation->arena, sizeof *node);
    if (node == NULL) {
        compilation_no_memory(compilation);
        return NULL;
    }
    node->kind = kind;
    node->start = start;
    node->end = end;
    node->depth = 1;
    return node;
}

struct node *node_call(struct compilation *compilation, const char *name, uint32_t start,
                       uint32_t end, uint32_t argument_count, struct node *const *arguments)
{
    struct node *node = node_create(compilation, NODE_CALL, start, end);
    if (node == NULL) {
        return NULL;
    }
    node->name = name;
    node->argument_count = argument_count;
    node->arguments =
        arena_allocate(compilation->arena, (argument_count + 1) * sizeof *node->arguments);
    if (node->arguments == NULL) {
        compilation_no_memory(compilation);
        return NULL;
    }
    for (uint32_t i = 0; i < argument_count; i++) {
        node->arguments[i] = arguments[i];
        node->depth = arguments[i]->depth >= node->depth ? arguments[i]->depth + 1 : node->depth;
    }
    if (node->depth > DEPTH_MAX) {
        compilation_fail(compilation, EXPR_TOO_LARGE, start, end,
                         "the expression is nested deeper than %u levels; compute a part of it in "
                         "a stage before",
                         DEPTH_MAX);
        return NULL;
    }
    return node;
}

static int advance(struct parser *parser)
{
    parser->last_end = parser->token.end;
    return lexer_next(parser->compilation, parser->token.end, &parser->token);
}

static struct node *unexpected(struct parser *parser, const char *wanted)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END) {
        compilation_fail(parser->compilation, EXPR_SYNTAX, token->start, token->end,
                         "expected %s, but the expression ends here", wanted);
    } else {
        compilation_fail(parser->compilation, EXPR_SYNTAX, token->start, token->end,
                         "expected %s, found `%.*s`", wanted, (int)(token->end - token->start),
                         parser->compilation->text + token->start);
    }
    return NULL;
}

// Takes the next token if it is this word.
static int accept(struct parser *parser, const char *word, int *rc)
{
    if (!token_is(&parser->token, word)) {
        return 0;
    }
    *rc = advance(parser);
    return 1;
}

static int expect(struct parser *parser, const char *word, const char *wanted)
{
    int rc = 0;
    if (!accept(parser, word, &rc)) {
        unexpected(parser, wanted);
        return -EINVAL;
    }
    return rc;
}

static int list_add(struct parser *parser, struct list *list, struct node *node)
{
    if (node == NULL) {
        return -EINVAL;
    }
    if (list->count == ARGUMENTS_MAX) {
        return compilation_fail(parser->compilation, EXPR_TOO_LARGE, node->start, node->end,
                                "a list has at most %u members", ARGUMENTS_MAX);
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct node **nodes =
            arena_allocate(parser->compilation->arena, capacity * sizeof(struct node *));
        if (nodes == NULL) {
            return compilation_no_memory(parser->compilation);
        }
        if (list->count > 0) {
            memcpy(nodes, list->nodes, list->count * sizeof(struct node *));
        }
        list->nodes = nodes;
        list->capacity = capacity;
    }
    list->nodes[list->count++] = node;
    return 0;
}

// Expressions separated by commas, up to the closing bracket, which is taken.
static int parse_list(struct parser *parser, struct list *list)
{
    int rc = 0;
    if (accept(parser, ")", &rc)) {
        return rc;
    }
    do {
        if (rc != 0 ||
            (rc = list_add(parser, list, parse_expression(parser, STRENGTH_NONE))) != 0) {
            return rc;
        }
    } while (accept(parser, ",", &rc));
    return rc != 0 ? rc : expect(parser, ")", "`,` or `)`");
}

static struct node *parse_literal(struct parser *parser)
{
    struct token token = parser->token;
    if (advance(parser) != 0) {
        return NULL;
    }
    struct node *node = node_create(parser->compilation, NODE_LITERAL, token.start, token.end);
    if (node == NULL) {
        return NULL;
    }
    switch (token.kind) {
    case TOKEN_STRING:
        node->type = weir_type_of(WEIR_TYPE_STRING);
        node->value.text = (struct slice){token.text, token.length};
        break;
    case TOKEN_FLOAT:
        node->type = weir_type_of(WEIR_TYPE_FLOAT64);
        node->value.number = token.number;
        break;
    case TOKEN_INTEGER:
    case TOKEN_DURATION:
        if (token.integer > INT64_MAX) {
            compilation_fail(parser->compilation, EXPR_NUMBER, token.start, token.end,
                             "%llu does not fit int64", (unsigned long long)token.integer);
            return NULL;
        }
        node->type = weir_type_of(WEIR_TYPE_INT64);
        node->is_duration = token.kind == TOKEN_DURATION;
        node->value.integer = (int64_t)token.integer;
        break;
    default:
        node->is_null = strcasecmp(token.text, "null") == 0;
        node->type = weir_type_of(node->is_null ? 0 : WEIR_TYPE_BOOL);
        node->value.integer = strcasecmp(token.text, "true") == 0;
    }
    return node;
}

// A minus before a number belongs to the number, so that the smallest int64 can be written.
static struct node *parse_minus(struct parser *parser, uint32_t start)
{
    struct token token = parser->token;
    if (token.kind == TOKEN_INTEGER || token.kind == TOKEN_DURATION || token.kind == TOKEN_FLOAT) {
        uint64_t magnitude = token.integer;
        parser->token.integer = 0;
        struct node *node = parse_literal(parser);
        if (node == NULL) {
            return NULL;
        }
        node->start = start;
        if (token.kind == TOKEN_FLOAT) {
            node->value.number = -token.number;
        } else {
            node->value.integer = (int64_t)(0 - magnitude);
        }
        return node;
    }
    struct node *operand = parse_expression(parser, STRENGTH_SIGN);
    return operand == NULL ? NULL
                           : node_call(parser->compilation, "-", start, operand->end, 1, &operand);
}

static struct node *parse_type(struct parser *parser, struct node *operand, uint32_t start,
                               int is_try)
{
    struct token token = parser->token;
    if (token.kind != TOKEN_NAME) {
        return unexpected(parser, "a type such as int64 or string");
    }
    int rc = advance(parser);
    uint32_t end = token.end;
    if (rc == 0 && accept(parser, "(", &rc)) {
        while (rc == 0 && (parser->token.kind == TOKEN_INTEGER || token_is(&parser->token, ","))) {
            rc = advance(parser);
        }
        if (rc == 0) {
            rc = expect(parser, ")", "`)` behind the arguments of the type");
        }
        end = parser->last_end;
    }
    if (rc != 0) {
        return NULL;
    }
    char *name = arena_copy(parser->compilation->arena, parser->compilation->text + token.start,
                            end - token.start);
    struct node *node = node_call(parser->compilation, "cast", start, end, 1, &operand);
    if (name == NULL || node == NULL) {
        return NULL;
    }
    struct error error;
    if (type_parse(name, &node->type, &error) != 0) {
        compilation_fail(parser->compilation, EXPR_TYPE_NAME, token.start, end, "%s", error.text);
        return NULL;
    }
    node->kind = NODE_CAST;
    node->is_try = is_try;
    return node;
}

static struct node *parse_cast(struct parser *parser, uint32_t start, int is_try)
{
    struct node *operand = parse_expression(parser, STRENGTH_NONE);
    if (operand == NULL || expect(parser, "as", "`as` and a type") != 0) {
        return NULL;
    }
    struct node *node = parse_type(parser, operand, start, is_try);
    if (node == NULL || expect(parser, ")", "`)`") != 0) {
        return NULL;
    }
    node->end = parser->last_end;
    return node;
}

// case [operand] when ... then ... [else ...] end: a call of "case" with pairs of condition and
// value and the value of else last.
static struct node *parse_case(struct parser *parser, uint32_t start)
{
    struct compilation *compilation = parser->compilation;
    struct list list = {0};
    struct node *operand = NULL;
    int rc = 0;
    if (!token_is(&parser->token, "when") &&
        (operand = parse_expression(parser, STRENGTH_NONE)) == NULL) {
        return NULL;
    }
    while (accept(parser, "when", &rc)) {
        struct node *condition = rc != 0 ? NULL : parse_expression(parser, STRENGTH_NONE);
        if (condition != NULL && operand != NULL) {
            struct node *const sides[] = {operand, condition};
            condition = node_call(compilation, "=", condition->start, condition->end, 2, sides);
        }
        if (list_add(parser, &list, condition) != 0 || expect(parser, "then", "`then`") != 0 ||
            list_add(parser, &list, parse_expression(parser, STRENGTH_NONE)) != 0) {
            return NULL;
        }
    }
    if (rc == 0 && list.count == 0) {
        return unexpected(parser, "`when`");
    }
    struct node *otherwise = NULL;
    if (rc == 0 && accept(parser, "else", &rc)) {
        otherwise = rc != 0 ? NULL : parse_expression(parser, STRENGTH_NONE);
    } else if (rc == 0) {
        otherwise = node_create(compilation, NODE_LITERAL, parser->token.start, parser->token.end);
        if (otherwise != NULL) {
            otherwise->is_null = 1;
        }
    }
    if (list_add(parser, &list, otherwise) != 0 ||
        expect(parser, "end", "`when`, `else` or `end`") != 0) {
        return NULL;
    }
    return node_call(compilation, "case", start, parser->last_end, list.count, list.nodes);
}

static int is_reserved(const struct token *token)
{
    static const char *const words[] = {"and",  "or",   "not",  "in",    "between", "like",
                                        "is",   "when", "then", "else",  "end",     "as",
                                        "case", "null", "true", "false", "escape"};
    for (unsigned i = 0; token->kind == TOKEN_NAME && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(token->text, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static struct node *parse_name(struct parser *parser)
{
    struct token token = parser->token;
    int rc = advance(parser);
    if (rc == 0 && token.kind == TOKEN_NAME && accept(parser, "(", &rc)) {
        int is_try = strcasecmp(token.text, "try_cast") == 0;
        if (rc == 0 && (is_try || strcasecmp(token.text, "cast") == 0)) {
            return parse_cast(parser, token.start, is_try);
        }
        struct list list = {0};
        if (rc != 0 || parse_list(parser, &list) != 0) {
            return NULL;
        }
        return node_call(parser->compilation, token.text, token.start, parser->last_end, list.count,
                         list.nodes);
    }
    if (rc != 0) {
        return NULL;
    }
    struct node *node = node_create(parser->compilation, NODE_COLUMN, token.start, token.end);
    if (node != NULL) {
        node->name = token.text;
    }
    return node;
}

static struct node *parse_operand(struct parser *parser)
{
    int rc = 0;
    const struct token *token = &parser->token;
    uint32_t start = token->start;
    if (token->kind == TOKEN_STRING || token->kind == TOKEN_INTEGER || token->kind == TOKEN_FLOAT ||
        token->kind == TOKEN_DURATION || token_is(token, "null") || token_is(token, "true") ||
        token_is(token, "false")) {
        return parse_literal(parser);
    }
    if (accept(parser, "(", &rc)) {
        struct node *node = rc != 0 ? NULL : parse_expression(parser, STRENGTH_NONE);
        return node == NULL || expect(parser, ")", "`)`") != 0 ? NULL : node;
    }
    if (accept(parser, "-", &rc)) {
        return rc != 0 ? NULL : parse_minus(parser, start);
    }
    if (accept(parser, "+", &rc)) {
        return rc != 0 ? NULL : parse_expression(parser, STRENGTH_SIGN);
    }
    if (accept(parser, "not", &rc)) {
        struct node *node = rc != 0 ? NULL : parse_expression(parser, STRENGTH_NOT);
        return node == NULL ? NULL
                            : node_call(parser->compilation, "not", start, node->end, 1, &node);
    }
    if (accept(parser, "case", &rc)) {
        return rc != 0 ? NULL : parse_case(parser, start);
    }
    if (token->kind == TOKEN_QUOTED || (token->kind == TOKEN_NAME && !is_reserved(token))) {
        return parse_name(parser);
    }
    return unexpected(parser, "a column, a value or a function");
}

struct infix {
    const char *sign;
    const char *name; // of the function it calls
    enum strength strength;
};

static const struct infix infixes[] = {
    {"or", "or", STRENGTH_OR},          {"and", "and", STRENGTH_AND},
    {"=", "=", STRENGTH_COMPARE},       {"==", "=", STRENGTH_COMPARE},
    {"!=", "!=", STRENGTH_COMPARE},     {"<>", "!=", STRENGTH_COMPARE},
    {"<", "<", STRENGTH_COMPARE},       {"<=", "<=", STRENGTH_COMPARE},
    {">", ">", STRENGTH_COMPARE},       {">=", ">=", STRENGTH_COMPARE},
    {"is", "is", STRENGTH_COMPARE},     {"in", "in", STRENGTH_COMPARE},
    {"not", "not", STRENGTH_COMPARE},   {"between", "between", STRENGTH_COMPARE},
    {"like", "like", STRENGTH_COMPARE}, {"+", "+", STRENGTH_SUM},
    {"-", "-", STRENGTH_SUM},           {"||", "concat", STRENGTH_SUM},
    {"*", "*", STRENGTH_PRODUCT},       {"/", "/", STRENGTH_PRODUCT},
    {"%", "%", STRENGTH_PRODUCT},       {"::", "::", STRENGTH_CAST},
};

static const struct infix *find_infix(const struct token *token)
{
    for (unsigned i = 0; i < sizeof infixes / sizeof infixes[0]; i++) {
        if (token_is(token, infixes[i].sign)) {
            return &infixes[i];
        }
    }
    return NULL;
}

static struct node *call2(struct parser *parser, const char *name, struct node *left,
                          struct node *right)
{
    if (left == NULL || right == NULL) {
        return NULL;
    }
    struct node *const sides[] = {left, right};
    return node_call(parser->compilation, name, left->start, parser->last_end, 2, sides);
}

static struct node *parse_is(struct parser *parser, struct node *left)
{
    int rc = 0;
    int is_not = accept(parser, "not", &rc);
    if (rc != 0) {
        return NULL;
    }
    if (expect(parser, "null", is_not ? "`null`" : "`null` or `not null`") != 0) {
        return NULL;
    }
    return node_call(parser->compilation, is_not ? "is not null" : "is null", left->start,
                     parser->last_end, 1, &left);
}

static struct node *parse_in(struct parser *parser, struct node *left)
{
    struct list list = {0};
    if (expect(parser, "(", "`(` and a list of values") != 0 ||
        list_add(parser, &list, left) != 0 || parse_list(parser, &list) != 0) {
        return NULL;
    }
    if (list.count == 1) {
        compilation_fail(parser->compilation, EXPR_SYNTAX, parser->last_end - 1, parser->last_end,
                         "the list of `in` is empty");
        return NULL;
    }
    return node_call(parser->compilation, "in", left->start, parser->last_end, list.count,
                     list.nodes);
}

static struct node *parse_between(struct parser *parser, struct node *left)
{
    struct node *low = parse_expression(parser, STRENGTH_COMPARE);
    if (low == NULL || expect(parser, "and", "`and` and the upper bound of `between`") != 0) {
        return NULL;
    }
    struct node *high = parse_expression(parser, STRENGTH_COMPARE);
    return call2(parser, "and", call2(parser, ">=", left, low), call2(parser, "<=", left, high));
}

static struct node *parse_like(struct parser *parser, struct node *left)
{
    int rc = 0;
    struct node *operands[3] = {left, parse_expression(parser, STRENGTH_COMPARE), NULL};
    uint32_t count = 2;
    if (operands[1] != NULL && accept(parser, "escape", &rc)) {
        operands[count++] = rc != 0 ? NULL : parse_expression(parser, STRENGTH_COMPARE);
    }
    return operands[count - 1] == NULL ? NULL
                                       : node_call(parser->compilation, "like", left->start,
                                                   parser->last_end, count, operands);
}

static struct node *parse_not(struct parser *parser, struct node *left)
{
    int rc = 0;
    struct node *node = NULL;
    if (accept(parser, "in", &rc)) {
        node = rc != 0 ? NULL : parse_in(parser, left);
    } else if (accept(parser, "between", &rc)) {
        node = rc != 0 ? NULL : parse_between(parser, left);
    } else if (accept(parser, "like", &rc)) {
        node = rc != 0 ? NULL : parse_like(parser, left);
    } else {
        unexpected(parser, "`in`, `between` or `like` behind `not`");
    }
    return node == NULL ? NULL
                        : node_call(parser->compilation, "not", left->start, node->end, 1, &node);
}

static struct node *parse_infix(struct parser *parser, const struct infix *infix, struct node *left)
{
    if (advance(parser) != 0) {
        return NULL;
    }
    if (strcmp(infix->sign, "is") == 0) {
        return parse_is(parser, left);
    }
    if (strcmp(infix->sign, "in") == 0) {
        return parse_in(parser, left);
    }
    if (strcmp(infix->sign, "not") == 0) {
        return parse_not(parser, left);
    }
    if (strcmp(infix->sign, "between") == 0) {
        return parse_between(parser, left);
    }
    if (strcmp(infix->sign, "like") == 0) {
        return parse_like(parser, left);
    }
    if (strcmp(infix->sign, "::") == 0) {
        return parse_type(parser, left, left->start, 0);
    }
    return call2(parser, infix->name, left, parse_expression(parser, infix->strength));
}

static struct node *parse_expression(struct parser *parser, enum strength least)
{
    if (parser->depth == DEPTH_MAX) {
        compilation_fail(parser->compilation, EXPR_TOO_LARGE, parser->token.start,
                         parser->token.end, "the expression is nested deeper than %u levels",
                         DEPTH_MAX);
        return NULL;
    }
    parser->depth++;
    struct node *left = parse_operand(parser);
    while (left != NULL) {
        const struct infix *infix = find_infix(&parser->token);
        if (infix == NULL || infix->strength <= least) {
            break;
        }
        left = parse_infix(parser, infix, left);
    }
    parser->depth--;
    return left;
}

struct node *parse(struct compilation *compilation)
{
    struct parser parser = {.compilation = compilation};
    if (lexer_next(compilation, 0, &parser.token) != 0) {
        return NULL;
    }
    struct node *root = parse_expression(&parser, STRENGTH_NONE);
    if (root != NULL && parser.token.kind != TOKEN_END) {
        return unexpected(&parser, "an operator or the end");
    }
    return root;
}
