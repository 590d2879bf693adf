#include "operators/declaration.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static struct declaration declaration;
static char reason[256];

static int parse(const char *text)
{
    reason[0] = '\0';
    return declaration_parse(text, &declaration, reason, sizeof reason);
}

static void check_refused(const char *text, const char *why)
{
    CHECK_INT(parse(text), -1);
    CHECK_HAS(reason, why);
}

static void check_base(const char *spelling, uint32_t base)
{
    char text[128];
    snprintf(text, sizeof text, "%s f(%s x)", spelling, spelling);
    CHECK_INT(parse(text), 0);
    CHECK_TEXT(reason, "");
    CHECK_INT(declaration.result.base, base);
    CHECK_INT(declaration.parameters[0].type.base, base);
}

TEST(a_prototype_gives_name_result_and_parameters)
{
    CHECK_INT(parse("double dewpoint(double t, float rh, long);"), 0);
    CHECK_TEXT(declaration.name, "dewpoint");
    CHECK_INT(declaration.result.base, C_DOUBLE);
    CHECK_INT(declaration.parameter_count, 3);
    CHECK_TEXT(declaration.parameters[1].name, "rh");
    CHECK_INT(declaration.parameters[1].type.base, C_FLOAT);
    CHECK_TEXT(declaration.parameters[2].name, "");
    CHECK_INT(declaration.parameters[2].type.base, C_INT64);
}

TEST(the_vector_form_has_pointers)
{
    CHECK_INT(parse("extern int f(const double *restrict x, uint8_t const * valid, double *out, "
                    "size_t n)"),
              0);
    CHECK_INT(declaration.parameters[0].type.passing, C_POINTER_CONST);
    CHECK_INT(declaration.parameters[1].type.passing, C_POINTER_CONST);
    CHECK_INT(declaration.parameters[1].type.base, C_UINT8);
    CHECK_INT(declaration.parameters[2].type.passing, C_POINTER);
    CHECK_INT(declaration.parameters[3].type.is_size, 1);
}

TEST(types_may_be_spelt_in_all_the_ways_of_c)
{
    check_base("int", C_INT32);
    check_base("long", C_INT64);
    check_base("long long int", C_INT64);
    check_base("short int", C_INT16);
    check_base("signed char", C_INT8);
    check_base("unsigned", C_UINT32);
    check_base("unsigned long", C_UINT64);
    check_base("unsigned char", C_UINT8);
    check_base("const double", C_DOUBLE);
    check_base("int16_t", C_INT16);
    check_base("ssize_t", C_INT64);
}

TEST(no_parameters_may_be_spelt_with_and_without_void)
{
    CHECK_INT(parse("int f(void)"), 0);
    CHECK_INT(declaration.parameter_count, 0);
    CHECK_INT(parse("int f()"), 0);
    CHECK_INT(declaration.parameter_count, 0);
}

TEST(what_cannot_be_called_is_refused_with_the_reason)
{
    check_refused("struct point f(double x)", "`struct` cannot be passed");
    check_refused("double f(struct point p)", "only numbers and pointers to columns of numbers");
    check_refused("int printf(const char *format, ...)", "variable arguments");
    check_refused("int f(int (*compare)(int, int))", "function pointer");
    check_refused("double f(temp_t x)", "`temp_t` is not a known type; known are char");
    check_refused("long double f(double x)", "`long double` has no column type");
    check_refused("double f(double _Complex z)", "`_Complex`");
    check_refused("double f(double **x)", "pointer to a pointer");
    check_refused("double f(void *x)", "`void *` does not say");
    check_refused("double f(double x[])", "write the array `x[]` as a pointer");
    check_refused("double f(void x)", "cannot be void");
    check_refused("short double f(int x)", "C does not know");
    check_refused("int double f(int x)", "two types in a row");
}

TEST(a_name_is_taken_whole_or_refused)
{
    char text[512] = "int ", name[300];
    memset(name, 'n', sizeof name);
    name[254] = '\0';
    strcat(strcat(text, name), "(void)");
    CHECK_INT(parse(text), 0);
    CHECK_TEXT(declaration.name, name);
    name[254] = 'n';
    name[299] = '\0';
    text[4] = '\0';
    strcat(strcat(text, name), "(void)");
    check_refused(text, "longer than 254 characters");
}

TEST(broken_text_is_refused_where_it_breaks)
{
    check_refused("", "`` is not a known type");
    check_refused("double", "expected the name of the function, found `the end`");
    check_refused("double f", "expected `(` after `f`");
    check_refused("double f(double x", "expected `,` or `)`, found `the end`");
    check_refused("double f(double x;", "expected `,` or `)`, found `;`");
    check_refused("double f(double x) { return x; }", "`{` stands after the prototype");
    check_refused("int f(int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int)",
                  "more than 16 parameters");
}
