// Thousands of random expressions over random rows, computed here and by sqlite3, on the ground
// that both share: integers, floats, strings, three-valued logic, case, in, between, like.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "expr/support.h"
#include "support/test.h"

#define ROW_COUNT 12
#define EXPRESSION_COUNT 3000
#define DEPTH_MAX 4

enum kind { INTEGER, FLOAT, STRING, BOOL };

static uint64_t random_state = 88172645463325252u;

static uint32_t draw(uint32_t count)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % count;
}

static const char *const integers[ROW_COUNT] = {"0",  "1",  "-1", "7",  "42", "-100",
                                                NULL, "99", "3",  NULL, "12", "-7"};
static const char *const others[ROW_COUNT] = {"5", "1", NULL, "2",  "-3", "100",
                                              "0", "9", "3",  NULL, "6",  "-7"};
static const char *const floats[ROW_COUNT] = {"0.5",  "-1.25", "3.0", NULL,  "100.125", "-0.0625",
                                              "7.75", "2.0",   NULL,  "1.5", "12.0",    "-7.0"};
static const char *const strings[ROW_COUNT] = {"",   "a",   "abc", NULL,  "Abc", "b%",
                                               "a_", "zzz", "ab",  "bca", NULL,  "aab"};

static void write_expression(struct text *out, enum kind kind, unsigned depth);

// `template` with $i, $f, $s, $b for an operand of that kind and $n for a small positive number.
static void write_template(struct text *out, const char *template, unsigned depth)
{
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '$') {
            text_add(out, at, 1);
            continue;
        }
        at++;
        if (*at == 'n') {
            text_print(out, "%u", 1 + draw(5));
        } else {
            write_expression(out,
                             *at == 'i'   ? INTEGER
                             : *at == 'f' ? FLOAT
                             : *at == 's' ? STRING
                                          : BOOL,
                             depth + 1);
        }
    }
}

static const char *const leaves[4][6] = {
    {"i", "j", "i", "3", "-12", "nullif(0, 0)"},
    {"x", "x", "1.5", "-0.25", "x", "2.0"},
    {"s", "s", "'ab'", "'b'", "''", "s"},
    {"(i > j)", "(s like '%b%')", "(x < 2.0)", "(i is null)", "(s = 'a')", "(j <= 3)"},
};

#define TEMPLATES 16

static const char *const templates[4][TEMPLATES] = {
    {"($i + $i)", "($i - $i)", "($i * $i)", "($i / $n)", "($i % $n)", "(- $i)", "abs($i)",
     "coalesce($i, $i, 0)", "nullif($i, $i)", "case when $b then $i else $i end",
     "case $i when 1 then $i when $i then 5 end", "length($s)", "($i / nullif($i, 0))",
     "($i % nullif($i, 0))", "coalesce(nullif($i, 3), $i)", "(abs($i) + 1)"},
    {"($f + $f)", "($f - $i)", "($f * $f)", "($f / $n)", "(- $f)", "abs($f)", "coalesce($f, $f)",
     "nullif($f, 1.5)", "case when $b then $f end", "($i * $f)", "($f / nullif($f, 0.0))",
     "coalesce($i, $f) + 0.5", "($i + $f)", "case when $b then $i else $f end * 1.0", "(1.5 - $f)",
     "nullif($f, $f)"},
    {"($s || $s)", "lower($s)", "upper($s)", "substr($s, $n, $n)", "substr($s, $n)",
     "replace($s, 'a', $s)", "trim($s)", "coalesce($s, $s)", "nullif($s, $s)",
     "case when $b then $s else $s end", "($s || $i)", "trim($s, 'ab')", "ltrim($s, 'a')",
     "rtrim($s, 'c')", "lower(upper($s))", "replace($s, $s, 'x')"},
    {"($i = $i)", "($i < $i)", "($f >= $i)", "($f <> $f)", "($s < $s)", "($s = $s)", "($b and $b)",
     "($b or $b)", "(not $b)", "($i in ($i, 3, $i))",
     "($i not in (1, 2, 3, 5, 7, 11, 12, -3, 100, $n))",
     "($s in ('a', 'b', 'ab', 'abc', 'aab', '', 'aa', 'ba', 'bb', 'zzz'))",
     "($i between $i and $i)", "($s like '%a_%')", "($f is not null)",
     "($s not in ('a', $s) or $i not between 1 and $i)"},
};

static void write_expression(struct text *out, enum kind kind, unsigned depth)
{
    if (depth >= DEPTH_MAX || draw(4) == 0) {
        write_template(out, leaves[kind][draw(6)], depth);
    } else {
        write_template(out, templates[kind][draw(TEMPLATES)], depth);
    }
}

static void write_literal(FILE *file, const char *value, int is_text)
{
    if (value == NULL) {
        fputs("null", file);
    } else {
        fprintf(file, is_text ? "'%s'" : "%s", value);
    }
}

static void write_rows(FILE *file)
{
    fputs("pragma case_sensitive_like = on;\n"
          "create table t (row integer, i integer, j integer, x real, s text);\n",
          file);
    for (int row = 0; row < ROW_COUNT; row++) {
        fprintf(file, "insert into t values (%d, ", row);
        write_literal(file, integers[row], 0);
        fputs(", ", file);
        write_literal(file, others[row], 0);
        fputs(", ", file);
        write_literal(file, floats[row], 0);
        fputs(", ", file);
        write_literal(file, strings[row], 1);
        fputs(");\n", file);
    }
}

// One line per expression: the rows separated by "|", floats with all their digits.
static void write_query(FILE *file, const char *expression, enum kind kind)
{
    fprintf(file,
            "select group_concat(v, '|') from (select ifnull(case when r is null then null else "
            "%s r) end, 'null') as v from (select (%s) as r from t order by row));\n",
            kind == FLOAT ? "format('%!.17g'," : "(", expression);
}

static char *next_part(char **at, char end)
{
    char *part = *at, *stop = strchr(part, end);
    if (stop != NULL) {
        *stop = '\0';
        *at = stop + 1;
    } else {
        *at = part + strlen(part);
    }
    return part;
}

static int same_value(enum kind kind, const char *ours, const char *theirs)
{
    if (kind == BOOL && strcmp(ours, "null") != 0) {
        return strcmp(theirs, strcmp(ours, "true") == 0 ? "1" : "0") == 0;
    }
    if (kind == FLOAT && strcmp(ours, "null") != 0 && strcmp(theirs, "null") != 0) {
        double a = strtod(ours, NULL), b = strtod(theirs, NULL);
        return fabs(a - b) <= 1e-13 * fabs(b);
    }
    return strcmp(ours, theirs) == 0;
}

// Where an integer overflows sqlite goes on with floats; such rows are not shared ground.
static void compare_rows(const char *expression, enum kind kind, char *ours, char *theirs,
                         uint32_t *compared, uint32_t *overflowed)
{
    for (int row = 0; row < ROW_COUNT; row++) {
        char *our = next_part(&ours, '|'), *their = next_part(&theirs, '|');
        if (our[0] == '!' && strstr(our, "overflows int64") != NULL) {
            ++*overflowed;
        } else if (!same_value(kind, our, their)) {
            test_fail(__FILE__, __LINE__, "row %d of %s is %s, but %s for sqlite3", row, expression,
                      our, their);
        } else {
            ++*compared;
        }
    }
}

TEST(random_expressions_give_what_sqlite_gives)
{
    static struct text expressions[EXPRESSION_COUNT];
    static enum kind kinds[EXPRESSION_COUNT];
    char path[4096], command[8300], line[65536];
    struct table table;
    uint32_t compared = 0, overflowed = 0;
    snprintf(path, sizeof path, "%s/random.sql", test_folder());
    FILE *file = fopen(path, "w");
    REQUIRE(file != NULL);
    write_rows(file);
    for (int i = 0; i < EXPRESSION_COUNT; i++) {
        kinds[i] = draw(4);
        write_expression(&expressions[i], kinds[i], 0);
        write_query(file, expressions[i].at, kinds[i]);
    }
    fclose(file);
    snprintf(command, sizeof command, "sqlite3 :memory: < '%s'", path);
    FILE *sqlite = popen(command, "r");
    REQUIRE(sqlite != NULL);
    table_begin(&table, ROW_COUNT);
    table_add(&table, "i", "int64", integers);
    table_add(&table, "j", "int32", others);
    table_add(&table, "x", "float64", floats);
    table_add(&table, "s", "string", strings);
    for (int i = 0; i < EXPRESSION_COUNT; i++) {
        REQUIRE(fgets(line, sizeof line, sqlite) != NULL);
        line[strcspn(line, "\n")] = '\0';
        char *ours = strdup(evaluate(&table, expressions[i].at));
        REQUIRE(ours != NULL);
        compare_rows(expressions[i].at, kinds[i], ours, line, &compared, &overflowed);
        free(ours);
        text_finish(&expressions[i]);
    }
    CHECK_INT(pclose(sqlite), 0);
    CHECK(compared > EXPRESSION_COUNT * ROW_COUNT * 9 / 10);
    CHECK(overflowed < EXPRESSION_COUNT);
    table_finish(&table);
}
