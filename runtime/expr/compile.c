#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "expr/function.h"
#include "expr/program.h"
#include "expr/reason.h"
#include "expr/value_set.h"

#define TEXT_BYTES_MAX 65536u
#define NO_TERM UINT32_MAX

int compilation_fail(struct compilation *compilation, const char *code, uint32_t start,
                     uint32_t end, const char *format, ...)
{
    struct expr_error *error = compilation->error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->error.text, sizeof error->error.text, format, arguments);
    va_end(arguments);
    error->error.code = -EINVAL;
    error->code = code;
    error->start = start;
    error->end = end;
    return -EINVAL;
}

int compilation_no_memory(struct compilation *compilation)
{
    compilation_fail(compilation, EXPR_MEMORY, 0, compilation->length,
                     "no memory to compile the expression");
    return compilation->error->error.code = -ENOMEM;
}

// The state of turning a tree into a program.
struct emitter {
    struct compilation *compilation;
    struct program *program;
    struct evaluator *evaluator; // for what is known at compile time
};

// A list in the arena that doubles when it is full; NULL without memory.
static void *grow(struct emitter *emitter, void *list, uint32_t count, uint32_t *capacity,
                  size_t size)
{
    if (count < *capacity) {
        return list;
    }
    uint32_t more = *capacity == 0 ? 8 : *capacity * 2;
    void *larger = arena_allocate(emitter->compilation->arena, more * size);
    if (larger == NULL) {
        compilation_no_memory(emitter->compilation);
        return NULL;
    }
    if (count > 0) {
        memcpy(larger, list, count * size);
    }
    *capacity = more;
    return larger;
}

static uint32_t add_term(struct emitter *emitter, struct term term)
{
    struct program *program = emitter->program;
    struct term *terms =
        grow(emitter, program->terms, program->term_count, &program->term_capacity, sizeof *terms);
    if (terms == NULL) {
        return NO_TERM;
    }
    program->terms = terms;
    terms[program->term_count] = term;
    return program->term_count++;
}

static uint32_t emit_column(struct emitter *emitter, const struct node *node)
{
    const struct program *program = emitter->program;
    for (uint32_t i = 0; i < program->term_count; i++) {
        if (program->terms[i].source == TERM_COLUMN && program->terms[i].column == node->column) {
            return i;
        }
    }
    return add_term(
        emitter, (struct term){.source = TERM_COLUMN, .type = node->type, .column = node->column});
}

static int same_instruction(const struct program *program, const struct instruction *a,
                            const struct instruction *b, struct weir_type type)
{
    struct weir_type other = program->terms[a->out].type;
    return a->run == b->run && a->flags == b->flags && a->set == b->set &&
           a->argument_count == b->argument_count && type_equal(other, type) &&
           other.length == type.length &&
           memcmp(a->arguments, b->arguments, a->argument_count * sizeof *a->arguments) == 0;
}

// The term of an instruction that does the same already.
static uint32_t find_same(const struct program *program, const struct instruction *instruction,
                          struct weir_type type)
{
    for (uint32_t i = 0; i < program->body_count; i++) {
        if (same_instruction(program, &program->body[i], instruction, type)) {
            return program->body[i].out;
        }
    }
    for (uint32_t i = 0; i < program->prologue_count; i++) {
        if (same_instruction(program, &program->prologue[i], instruction, type)) {
            return program->prologue[i].out;
        }
    }
    return NO_TERM;
}

static uint32_t add_to_body(struct emitter *emitter, struct instruction instruction)
{
    struct program *program = emitter->program;
    struct instruction *body =
        grow(emitter, program->body, program->body_count, &program->body_capacity, sizeof *body);
    if (body == NULL) {
        return NO_TERM;
    }
    program->body = body;
    body[program->body_count++] = instruction;
    return instruction.out;
}

// What depends on no row is computed once a batch, or now if its arguments are literals.
static uint32_t add_to_prologue(struct emitter *emitter, const struct node *node,
                                struct instruction instruction, int is_foldable)
{
    struct program *program = emitter->program;
    struct instruction *prologue = grow(emitter, program->prologue, program->prologue_count,
                                        &program->prologue_capacity, sizeof *prologue);
    if (prologue == NULL) {
        return NO_TERM;
    }
    program->prologue = prologue;
    prologue[program->prologue_count++] = instruction;
    program->terms[instruction.out].source = TERM_BATCH;
    program->terms[instruction.out].slot = program->cell_count++;
    if (!is_foldable) {
        return instruction.out;
    }
    char reason[REASON_BYTES];
    int rc = program_fold(program, emitter->evaluator, emitter->compilation->arena, reason,
                          sizeof reason);
    if (rc < 0) {
        compilation_no_memory(emitter->compilation);
        return NO_TERM;
    }
    if (rc == 0 && node->must_fold) {
        compilation_fail(emitter->compilation, EXPR_LITERAL, node->start, node->end, "%s", reason);
        return NO_TERM;
    }
    return instruction.out;
}

static uint32_t emit(struct emitter *emitter, struct node *node);

// The arguments as terms; sets the source that the result has.
static uint32_t *emit_arguments(struct emitter *emitter, const struct node *node,
                                enum term_source *source)
{
    uint32_t *terms =
        arena_allocate(emitter->compilation->arena, (node->argument_count + 1) * sizeof *terms);
    if (terms == NULL) {
        compilation_no_memory(emitter->compilation);
        return NULL;
    }
    *source = TERM_LITERAL;
    for (uint32_t i = 0; i < node->argument_count; i++) {
        terms[i] = emit(emitter, node->arguments[i]);
        if (terms[i] == NO_TERM) {
            return NULL;
        }
        enum term_source own = emitter->program->terms[terms[i]].source;
        if (own == TERM_COLUMN || own == TERM_ROW) {
            *source = TERM_ROW;
        } else if (own == TERM_BATCH && *source == TERM_LITERAL) {
            *source = TERM_BATCH;
        }
    }
    return terms;
}

// The list of an `in` with constants; the instruction keeps the value before it as its argument.
static int emit_set(struct emitter *emitter, const struct node *node,
                    struct instruction *instruction)
{
    const struct term *terms = emitter->program->terms;
    struct value_set *set = value_set_create(emitter->compilation->arena, node->arguments[0]->type,
                                             node->argument_count);
    if (set == NULL) {
        return compilation_no_memory(emitter->compilation);
    }
    for (uint32_t i = 1; i < node->argument_count; i++) {
        const struct term *term = &terms[instruction->arguments[i]];
        value_set_add(set, &term->value, term->is_null);
    }
    instruction->argument_count = 1;
    instruction->set = set;
    return 0;
}

static uint32_t emit_call(struct emitter *emitter, const struct node *node)
{
    struct program *program = emitter->program;
    enum term_source source;
    uint32_t *arguments = emit_arguments(emitter, node, &source);
    if (arguments == NULL) {
        return NO_TERM;
    }
    const struct function *function = node->function;
    uint8_t flags = function == NULL ? FUNCTION_STRICT : function->flags;
    struct instruction instruction = {
        .run = node->kernel,
        .name = function == NULL ? "cast" : function->name,
        .flags = (flags & FUNCTION_STRICT ? INSTRUCTION_STRICT : 0u) |
                 (node->is_try ? INSTRUCTION_TRY : 0u),
        .target = node->target.id != 0 ? node->target : node->type,
        .argument_count = node->argument_count,
        .arguments = arguments,
    };
    if (node->kernel == kernel_in && emit_set(emitter, node, &instruction) != 0) {
        return NO_TERM;
    }
    uint32_t same = find_same(program, &instruction, node->type);
    if (same != NO_TERM) {
        return same;
    }
    instruction.out = add_term(emitter, (struct term){.source = TERM_ROW, .type = node->type});
    if (instruction.out == NO_TERM) {
        return NO_TERM;
    }
    if (program->argument_max < node->argument_count) {
        program->argument_max = node->argument_count;
    }
    return source == TERM_ROW
               ? add_to_body(emitter, instruction)
               : add_to_prologue(emitter, node, instruction,
                                 source == TERM_LITERAL && !(flags & FUNCTION_PER_BATCH));
}

static uint32_t emit(struct emitter *emitter, struct node *node)
{
    if (node->term != 0) {
        return node->term - 1;
    }
    uint32_t term;
    if (node->kind == NODE_COLUMN) {
        term = emit_column(emitter, node);
    } else if (node->kind == NODE_LITERAL) {
        term = add_term(emitter, (struct term){.source = TERM_LITERAL,
                                               .type = node->type,
                                               .is_null = node->is_null,
                                               .value = node->value});
    } else if (node->kernel == NULL) {
        term = emit(emitter, node->arguments[0]); // a cast to the type that it has
    } else {
        term = emit_call(emitter, node);
    }
    node->term = term + 1;
    return term;
}

// Pieces of scratch memory: one per row term, given back behind the last instruction that reads it.
static int assign_slots(struct emitter *emitter)
{
    struct program *program = emitter->program;
    uint32_t *last_use = calloc(program->term_count + 1, sizeof *last_use);
    uint32_t *free_slots = calloc(program->term_count + 1, sizeof *free_slots);
    uint32_t free_count = 0;
    if (last_use == NULL || free_slots == NULL) {
        free(last_use);
        free(free_slots);
        return compilation_no_memory(emitter->compilation);
    }
    for (uint32_t i = 0; i < program->body_count; i++) {
        for (uint32_t j = 0; j < program->body[i].argument_count; j++) {
            last_use[program->body[i].arguments[j]] = i;
        }
    }
    for (uint32_t i = 0; i < program->term_count; i++) {
        if (program->terms[i].source == TERM_COLUMN && weir_type_is_text(program->terms[i].type)) {
            program->terms[i].slot = program->slot_count++;
        }
    }
    for (uint32_t i = 0; i < program->body_count; i++) {
        const struct instruction *instruction = &program->body[i];
        program->terms[instruction->out].slot =
            free_count > 0 ? free_slots[--free_count] : program->slot_count++;
        for (uint32_t j = 0; j < instruction->argument_count; j++) {
            uint32_t term = instruction->arguments[j];
            if (program->terms[term].source == TERM_ROW && last_use[term] == i) {
                free_slots[free_count++] = program->terms[term].slot;
                last_use[term] = UINT32_MAX; // the same argument twice is freed once
            }
        }
    }
    free(last_use);
    free(free_slots);
    return 0;
}

static int list_columns(struct emitter *emitter, struct weir_expression *head)
{
    const struct program *program = emitter->program;
    uint32_t *columns =
        arena_allocate(emitter->compilation->arena, (program->term_count + 1) * sizeof *columns);
    if (columns == NULL) {
        return compilation_no_memory(emitter->compilation);
    }
    for (uint32_t i = 0; i < program->term_count; i++) {
        if (program->terms[i].source == TERM_COLUMN) {
            uint32_t at = head->column_count++;
            for (; at > 0 && columns[at - 1] > program->terms[i].column; at--) {
                columns[at] = columns[at - 1];
            }
            columns[at] = program->terms[i].column;
        }
    }
    head->columns = columns;
    return 0;
}

static int emit_program(struct emitter *emitter, struct node *root, struct weir_expression *head)
{
    struct program *program = emitter->program;
    program->root = emit(emitter, root);
    if (program->root == NO_TERM) {
        return -EINVAL;
    }
    int rc = assign_slots(emitter);
    rc = rc != 0 ? rc : list_columns(emitter, head);
    const struct term *term = &program->terms[program->root];
    assert(term != NULL);
    head->type = root->type;
    head->column = term->source == TERM_COLUMN ? (int32_t)term->column : -1;
    head->is_constant = term->source == TERM_LITERAL;
    return rc;
}

// The result must have the type that is wanted; a constant may be converted to it.
static int want(struct compilation *compilation, struct node *root, uint32_t wanted)
{
    if (wanted == 0 && root->type.id == 0) {
        return compilation_fail(compilation, EXPR_RESULT, root->start, root->end,
                                "null alone has no type; write cast(null as int64) or the like");
    }
    if (root->type.id == 0) {
        root->type = weir_type_of((uint8_t)wanted);
    }
    if (wanted == 0 || root->type.id == wanted) {
        return 0;
    }
    char has[32], needs[32];
    return compilation_fail(compilation, EXPR_RESULT, root->start, root->end,
                            "the expression must be %s, but it is %s",
                            type_name(weir_type_of((uint8_t)wanted), needs, sizeof needs),
                            type_name(root->type, has, sizeof has));
}

static int compile(struct compilation *compilation, uint32_t wanted, struct expression *expression)
{
    if (compilation->length > TEXT_BYTES_MAX) {
        return compilation_fail(compilation, EXPR_TOO_LARGE, 0, compilation->length,
                                "the expression has %u bytes; at most %u are taken",
                                compilation->length, TEXT_BYTES_MAX);
    }
    struct node *root = parse(compilation);
    if (root == NULL) {
        return -EINVAL;
    }
    int rc = check(compilation, &root);
    rc = rc != 0 ? rc : want(compilation, root, wanted);
    if (rc != 0) {
        return rc;
    }
    struct emitter emitter = {compilation, &expression->program, evaluator_create()};
    rc = emitter.evaluator == NULL ? compilation_no_memory(compilation)
                                   : emit_program(&emitter, root, &expression->head);
    evaluator_destroy(emitter.evaluator);
    return rc;
}

struct expression *expression_compile(const char *text, const struct weir_schema *schema,
                                      uint32_t wanted, struct expr_error *error)
{
    struct expr_error ignored = {0};
    struct arena *arena = calloc(1, sizeof *arena);
    struct expression *expression = calloc(1, sizeof *expression);
    error = error == NULL ? &ignored : error;
    memset(error, 0, sizeof *error);
    struct compilation compilation = {text, (uint32_t)strlen(text), schema, arena, error};
    if (arena == NULL || expression == NULL) {
        compilation_no_memory(&compilation);
        free(arena);
        free(expression);
        return NULL;
    }
    expression->arena = arena;
    expression->head.size = sizeof expression->head;
    expression->head.text = arena_copy(arena, text, compilation.length);
    if (expression->head.text == NULL) {
        compilation_no_memory(&compilation);
    } else if (compile(&compilation, wanted, expression) == 0) {
        return expression;
    }
    expression_destroy(expression);
    return NULL;
}

void expression_destroy(struct expression *expression)
{
    if (expression != NULL) {
        arena_finish(expression->arena);
        free(expression->arena);
        free(expression);
    }
}

const struct weir_expression *expression_view(const struct expression *expression)
{
    return &expression->head;
}
