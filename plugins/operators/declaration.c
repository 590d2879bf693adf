#include "declaration.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parser {
    const char *at;                     // behind the token
    char token[DECLARATION_NAME_BYTES]; // "" at the end
    char *reason;
    uint32_t reason_bytes;
};

// The words that a type was spelt with.
struct spelling {
    uint32_t words;
    uint32_t longs;
    uint32_t shorts;
    uint32_t signeds;
    uint32_t unsigneds;
    uint32_t is_const;
    uint32_t base; // of a word that says all: C_VOID ...
    uint32_t has_base;
    uint32_t is_char;
    uint32_t is_size;
};

static const struct {
    const char *name;
    uint32_t base;
} whole_words[] = {
    {"void", C_VOID},       {"float", C_FLOAT},     {"double", C_DOUBLE},   {"int8_t", C_INT8},
    {"int16_t", C_INT16},   {"int32_t", C_INT32},   {"int64_t", C_INT64},   {"uint8_t", C_UINT8},
    {"uint16_t", C_UINT16}, {"uint32_t", C_UINT32}, {"uint64_t", C_UINT64}, {"size_t", C_UINT64},
    {"ssize_t", C_INT64},   {"int", C_INT32},       {"char", C_INT8},
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *parser, const char *format,
                                                        ...)
{
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is the line before
    vsnprintf(parser->reason, parser->reason_bytes, format, arguments);
    va_end(arguments);
    return -1;
}

static void next(struct parser *parser)
{
    uint32_t length = 0;
    while (isspace((unsigned char)*parser->at)) {
        parser->at++;
    }
    const char *start = parser->at;
    if (strncmp(start, "...", 3) == 0) {
        length = 3;
    } else if (isalpha((unsigned char)*start) || *start == '_') {
        while (isalnum((unsigned char)start[length]) || start[length] == '_') {
            length++;
        }
    } else {
        length = *start != '\0';
    }
    parser->at += length;
    length = length < DECLARATION_NAME_BYTES ? length : DECLARATION_NAME_BYTES - 1;
    memcpy(parser->token, start, length);
    parser->token[length] = '\0';
}

static int token_is(const struct parser *parser, const char *text)
{
    return strcmp(parser->token, text) == 0;
}

static int token_is_word(const struct parser *parser)
{
    return isalpha((unsigned char)parser->token[0]) || parser->token[0] == '_';
}

// Takes the token if it is part of a type. Returns 1 if it was, 0 if not, -1 if it is refused.
static int take_word(struct parser *parser, struct spelling *spelling)
{
    if (token_is(parser, "const")) {
        spelling->is_const = 1;
        return 1;
    }
    if (token_is(parser, "struct") || token_is(parser, "union") || token_is(parser, "enum")) {
        return refuse(parser,
                      "`%s` cannot be passed: only numbers and pointers to columns of numbers can; "
                      "wrap the function in one that takes numbers",
                      parser->token);
    }
    if (token_is(parser, "_Complex") || token_is(parser, "bool") || token_is(parser, "_Bool")) {
        return refuse(parser, "`%s` is no number that a column can hold; use int or double",
                      parser->token);
    }
    spelling->longs += (uint32_t)token_is(parser, "long");
    spelling->shorts += (uint32_t)token_is(parser, "short");
    spelling->signeds += (uint32_t)token_is(parser, "signed");
    spelling->unsigneds += (uint32_t)token_is(parser, "unsigned");
    if (token_is(parser, "long") || token_is(parser, "short") || token_is(parser, "signed") ||
        token_is(parser, "unsigned")) {
        spelling->words++;
        return 1;
    }
    for (uint32_t i = 0; i < sizeof whole_words / sizeof whole_words[0]; i++) {
        if (token_is(parser, whole_words[i].name)) {
            if (spelling->has_base) {
                return refuse(parser, "two types in a row: `%s` is one too many", parser->token);
            }
            spelling->words++;
            spelling->has_base = 1;
            spelling->base = whole_words[i].base;
            spelling->is_char = token_is(parser, "char");
            spelling->is_size = token_is(parser, "size_t");
            return 1;
        }
    }
    return 0;
}

static uint32_t to_unsigned(uint32_t base)
{
    return base + (C_UINT8 - C_INT8);
}

// What the words come to.
static int settle(struct parser *parser, const struct spelling *spelling, uint32_t *base)
{
    uint32_t modifiers =
        spelling->longs + spelling->shorts + spelling->signeds + spelling->unsigneds;
    if (spelling->has_base && spelling->base == C_DOUBLE && spelling->longs > 0) {
        return refuse(parser, "`long double` has no column type; use double");
    }
    *base = spelling->has_base ? spelling->base : C_INT32;
    int takes_modifiers = *base == C_INT32 || spelling->is_char;
    if ((modifiers > 0 && !takes_modifiers) || spelling->longs > 2 || spelling->shorts > 1 ||
        spelling->signeds + spelling->unsigneds > 1 || (spelling->longs && spelling->shorts) ||
        (spelling->is_char && (spelling->longs || spelling->shorts))) {
        return refuse(parser, "a type is spelt in a way that C does not know");
    }
    if (spelling->longs > 0) {
        *base = C_INT64;
    } else if (spelling->shorts > 0) {
        *base = C_INT16;
    }
    *base = spelling->unsigneds > 0 ? to_unsigned(*base) : *base;
    return 0;
}

static int parse_type(struct parser *parser, struct c_type *type)
{
    struct spelling spelling = {0};
    int taken;
    while ((taken = take_word(parser, &spelling)) > 0) {
        next(parser);
    }
    if (taken < 0) {
        return -1;
    }
    if (spelling.words == 0) {
        return refuse(parser,
                      "`%s` is not a known type; known are char, short, int, long, their unsigned "
                      "forms, int8_t to int64_t, uint8_t to uint64_t, size_t, float and double",
                      parser->token);
    }
    *type = (struct c_type){.is_size = spelling.is_size};
    if (settle(parser, &spelling, &type->base) != 0) {
        return -1;
    }
    for (; token_is(parser, "*"); next(parser)) {
        if (type->passing != C_VALUE) {
            return refuse(parser, "a pointer to a pointer cannot be passed, only columns can");
        }
        type->passing = spelling.is_const ? C_POINTER_CONST : C_POINTER;
        type->is_size = 0;
    }
    while (token_is(parser, "restrict") || token_is(parser, "__restrict") ||
           token_is(parser, "const")) {
        next(parser);
    }
    if (type->passing != C_VALUE && type->base == C_VOID) {
        return refuse(parser, "`void *` does not say what it points to; name the number type");
    }
    return 0;
}

static int parse_parameter(struct parser *parser, struct declaration *declaration)
{
    if (token_is(parser, "...")) {
        return refuse(parser,
                      "a function with variable arguments (`...`) cannot be called; declare "
                      "a wrapper with fixed ones");
    }
    if (declaration->parameter_count == DECLARATION_PARAMETERS_MAX) {
        return refuse(parser, "more than %u parameters", DECLARATION_PARAMETERS_MAX);
    }
    struct c_parameter *parameter = &declaration->parameters[declaration->parameter_count];
    if (parse_type(parser, &parameter->type) != 0) {
        return -1;
    }
    if (token_is(parser, "(")) {
        return refuse(parser,
                      "a function pointer cannot be passed: there is no column of functions");
    }
    parameter->name[0] = '\0';
    if (token_is_word(parser)) {
        memcpy(parameter->name, parser->token, sizeof parameter->name);
        next(parser);
    }
    if (token_is(parser, "[")) {
        return refuse(parser, "write the array `%s[]` as a pointer", parameter->name);
    }
    if (parameter->type.base == C_VOID) {
        return refuse(parser, "a parameter cannot be void");
    }
    declaration->parameter_count++;
    return 0;
}

static int parse_parameters(struct parser *parser, struct declaration *declaration)
{
    const char *mark = parser->at;
    if (token_is(parser, "void")) { // f(void)
        next(parser);
        if (token_is(parser, ")")) {
            return 0;
        }
        parser->at = mark;
        memcpy(parser->token, "void", sizeof "void");
    }
    while (!token_is(parser, ")")) {
        if (parse_parameter(parser, declaration) != 0) {
            return -1;
        }
        if (token_is(parser, ",")) {
            next(parser);
            continue;
        }
        if (!token_is(parser, ")")) {
            return refuse(parser, "expected `,` or `)`, found `%s`",
                          parser->token[0] != '\0' ? parser->token : "the end");
        }
    }
    return 0;
}

int declaration_parse(const char *text, struct declaration *declaration, char *reason,
                      uint32_t reason_bytes)
{
    struct parser parser = {.at = text, .reason = reason, .reason_bytes = reason_bytes};
    *declaration = (struct declaration){0};
    next(&parser);
    if (token_is(&parser, "extern")) {
        next(&parser);
    }
    if (parse_type(&parser, &declaration->result) != 0) {
        return -1;
    }
    if (!token_is_word(&parser)) {
        return refuse(&parser, "expected the name of the function, found `%s`",
                      parser.token[0] != '\0' ? parser.token : "the end");
    }
    memcpy(declaration->name, parser.token, sizeof declaration->name);
    if (strlen(parser.token) == DECLARATION_NAME_BYTES - 1) {
        return refuse(&parser, "the name of the function is longer than %u characters",
                      DECLARATION_NAME_BYTES - 2);
    }
    next(&parser);
    if (!token_is(&parser, "(")) {
        return refuse(&parser,
                      "expected `(` after `%s`; write one prototype, as in double "
                      "hypot(double x, double y)",
                      declaration->name);
    }
    next(&parser);
    if (parse_parameters(&parser, declaration) != 0) {
        return -1;
    }
    next(&parser);
    if (token_is(&parser, ";")) {
        next(&parser);
    }
    return parser.token[0] == '\0' ? 0
                                   : refuse(&parser,
                                            "`%s` stands after the prototype of `%s`; "
                                            "declare one function",
                                            parser.token, declaration->name);
}

const char *c_type_name(uint32_t base)
{
    static const char *const names[] = {"void",     "int8_t",  "int16_t",  "int32_t",
                                        "int64_t",  "uint8_t", "uint16_t", "uint32_t",
                                        "uint64_t", "float",   "double"};
    return names[base];
}

uint32_t c_type_width(uint32_t base)
{
    static const uint8_t widths[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    return widths[base];
}
