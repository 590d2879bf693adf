#include <string.h>

#include "operators/operator.h"
#include "weir/ffi.h"

static char library[4096];

static int32_t is_allowed(struct weir_context *context, const char *name)
{
    (void)context;
    return strcmp(name, library) == 0 || strcmp(name, "libm.so.6") == 0 ||
           strcmp(name, "libnone.so.1") == 0;
}

static const struct weir_ffi_table allow_list = {.size = sizeof allow_list, .allowed = is_allowed};

// `rest` may hold %s for the library of the tests.
static struct weir_kit *open_map_c(const char *rest)
{
    char options[8192];
    snprintf(library, sizeof library, "%s/tests/operators/functions.so",
             getenv("WEIR_BUILD_ROOT") != NULL ? getenv("WEIR_BUILD_ROOT") : "build");
    const char *mark = strstr(rest, "%s");
    snprintf(options, sizeof options, "%.*s%s%s", mark != NULL ? (int)(mark - rest) : 0, rest,
             mark != NULL ? library : "", mark != NULL ? mark + 2 : rest);
    weir_kit_extension(WEIR_FFI_1, &allow_list);
    struct weir_kit *kit = operator_open("operators", "map.c", options);
    weir_kit_input(kit, "a int32, b float64, c int64, s int8, name string");
    return kit;
}

static void check_refused(const char *options, const char *why)
{
    struct weir_kit *kit = open_map_c(options);
    weir_kit_start(kit);
    CHECK_ERROR(kit, why);
    CHECK_INT(weir_kit_error_class(kit), WEIR_ERROR_CONFIG);
    weir_kit_close(kit);
}

TEST(a_function_is_called_for_every_row_and_null_propagates)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'double add(double a, double b)', args = "
                                      "{ 'a', 'b * 2' }, into = 'sum'");
    weir_kit_send(kit, 0, "1|2.5|0|0|x", "null|1|0|0|y", "3|null|0|0|z", "4|0.25|0|0|u");
    CHECK_ROWS(kit, "sum", 6, null, null, 4.5);
    CHECK_ROWS(kit, "name", "x", "y", "z", "u");
    CHECK_TEXT(weir_kit_columns(kit, ""),
               "a int32, b float64, c int64, s int8, name string, sum float64");
    weir_kit_close(kit);
}

TEST(rows_with_null_are_never_called)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'int64_t divide(int64_t, int64_t)', args "
                                      "= { '100', 'c' }, into = 'c'");
    weir_kit_send(kit, 0, "1|1|5|0|x", "1|1|null|0|y", "1|1|-7|0|z");
    CHECK_ROWS(kit, "c", 20, null, -14);
    weir_kit_close(kit);
}

TEST(null_may_count_as_zero)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'double add(double a, double b)', args = "
                                      "{ 'a', 'b' }, into = 'sum', nulls = 'zero'");
    weir_kit_send(kit, 0, "null|2.5|0|0|x", "1|null|0|0|y");
    CHECK_ROWS(kit, "sum", 2.5, 1);
    weir_kit_close(kit);
}

TEST(uncommon_shapes_go_through_libffi)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'short narrow(signed char, short)', args "
                                      "= { 's', '1000' }, into = 'less', threadsafe = true");
    weir_kit_send(kit, 0, "1|1|0|-128|x", "1|1|0|127|y");
    CHECK_ROWS(kit, "less", -1128, -873);
    CHECK_HAS(weir_kit_columns(kit, ""), "less int16");
    weir_kit_close(kit);
}

TEST(a_function_over_columns_is_called_once_per_batch)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'int clamp(const double *x, const "
                                      "uint8_t *valid, double *out, size_t n, "
                                      "double limit)', args = { 'b', '10' }, into = 'b'");
    weir_kit_send(kit, 0, "1|2.5|0|0|x", "1|null|0|0|y", "1|99|0|0|z");
    weir_kit_send(kit, 0, "1|12|0|0|u");
    CHECK_ROWS(kit, "b", 2.5, null, 10, 10);
    weir_kit_send(kit, 0, "1|-1|0|0|x");
    CHECK_ERROR(kit, "returned 3, not 0");
    weir_kit_close(kit);
}

TEST(rejected_rows_are_left_out)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'double add(double a, double b)', args = "
                                      "{ 'b / a', 'b' }, into = 'sum', on_error = 'reject'");
    weir_kit_send(kit, 0, "0|1|0|0|x", "3|1|0|0|y");
    CHECK_ROWS(kit, "name", "y");
    CHECK_INT(weir_kit_rejected(kit), 1);
    weir_kit_close(kit);
}

TEST(nothing_is_read_or_called_for_a_column_that_nobody_wants)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'int64_t divide(int64_t, int64_t)', args "
                                      "= { 'c', 'c' }, into = 'one'");
    weir_kit_want(kit, "", "name");
    weir_kit_send(kit, 0, "1|1|0|0|x");
    CHECK_TEXT(weir_kit_reads(kit, 0), "name");
    CHECK_ROWS(kit, "name", "x");
    weir_kit_close(kit);
}

TEST(libraries_are_called_only_when_the_node_allows_it)
{
    check_refused("lib = 'libc.so.6', decl = 'int abs(int x)', args = { 'a' }, into = 'x'",
                  "option `lib`: this node does not allow calls into `libc.so.6`; whoever runs it "
                  "can allow them with --ffi-allow libc.so.6");
    check_refused("lib = 'libm.so.6', decl = 'int system(int x)', args = { 'a' }, into = 'x'",
                  "`system` is not in `libm.so.6` itself, but in a library that it uses");
    weir_kit_extension(WEIR_FFI_1, NULL);
    struct weir_kit *kit =
        operator_open("operators", "map.c",
                      "lib = 'libm.so.6', decl = 'double log(double)', args = { '1' }, into = 'x'");
    CHECK_ERROR(kit, "this node does not allow calls into `libm.so.6`");
    weir_kit_close(kit);
}

TEST(what_is_not_there_is_told)
{
    check_refused("lib = 'libnone.so.1', decl = 'int f(int x)', args = { 'a' }, into = 'x'",
                  "option `lib`: cannot open `libnone.so.1`: libnone.so.1: cannot open shared "
                  "object file: No such file or directory");
    check_refused("lib = 'libm.so.6', decl = 'int nothing(int x)', args = { 'a' }, into = 'x'",
                  "option `decl`: `libm.so.6` has no function `nothing`");
}

TEST(declarations_that_columns_cannot_serve_are_refused)
{
    check_refused("lib = '%s', decl = 'void add(double a)', args = { 'b' }, into = 'x'",
                  "option `decl`: `add` returns nothing that could go into a column");
    check_refused("lib = '%s', decl = 'unsigned add(double a)', args = { 'b' }, into = 'x'",
                  "the result is uint32_t, but columns hold signed numbers");
    check_refused("lib = '%s', decl = 'double *add(double a)', args = { 'b' }, into = 'x'",
                  "a pointer that a function returns is no number");
    check_refused("lib = '%s', decl = 'double add(struct s a)', args = { 'b' }, into = 'x'",
                  "option `decl`: `struct` cannot be passed");
    check_refused("lib = '%s', decl = 'void f(const double *x, size_t n)', args = { 'b' }, into = "
                  "'x'",
                  "needs one pointer without const for its result and one `size_t`");
    check_refused("lib = '%s', decl = 'double f(const double *x, double *o, size_t n)', args = { "
                  "'b' }, into = 'x'",
                  "a function over columns returns void, or int to say that it failed");
    check_refused("lib = '%s', decl = 'void f(const uint8_t *v, double *o, size_t n)', args = {}, "
                  "into = 'x'",
                  "gets the validity bits of the column before it, but no column stands there");
}

TEST(arguments_that_do_not_fit_are_refused)
{
    check_refused("lib = '%s', decl = 'double add(double a, double b)', args = { 'a' }, into = 'x'",
                  "option `args` has 1, but `add` takes 2: double add(double a, double b)");
    check_refused("lib = '%s', decl = 'double add(double a, double b)', args = { 'a', 'name' }, "
                  "into = 'x'",
                  "`name` is not a number that fits parameter 2 of `add`, which is double");
    check_refused(
        "lib = '%s', decl = 'double add(double a, double b)', args = { 'a', 'c' }, into = "
        "'x'",
        "use cast(c as ...)");
    check_refused("lib = '%s', decl = 'int clamp(const double *x, const uint8_t *v, double *o, "
                  "size_t n, double limit)', args = { 'b', 'b' }, into = 'x'",
                  "parameter 5 of `clamp` is one value per batch, so `b` must be a constant");
}

TEST(a_constant_that_does_not_fit_is_told)
{
    struct weir_kit *kit = open_map_c("lib = '%s', decl = 'short narrow(signed char, short)', args "
                                      "= { 's', '100000' }, into = 'x'");
    weir_kit_send(kit, 0, "1|1|0|1|x");
    CHECK_ERROR(kit,
                "the constant `100000` does not fit parameter 2 of `narrow`, which is int16_t");
    weir_kit_close(kit);
}
