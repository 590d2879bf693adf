// Every operator of the core set with each of its allocations failing in turn: the error is told,
// nothing leaks and nothing crashes (the kit counts both at close).
#include "operators/operator.h"

struct subject {
    const char *name;
    const char *options;
};

static void drive(const struct subject *subject, uint64_t n, int *has_failed)
{
    weir_kit_fail_allocation(NULL, n);
    struct weir_kit *kit = operator_open("operators", subject->name, subject->options);
    weir_kit_input(kit, "a int32, b float64, name string");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_send(kit, 0, "+I 1|2.5|x", "-U 1|2.5|x", "+U 0|null|null", "-D 3|1|y");
    weir_kit_send(kit, 0, "4|5|z");
    weir_kit_end(kit);
    *has_failed = weir_kit_error(kit) != NULL;
    if (*has_failed) {
        CHECK_HAS(weir_kit_error(kit), "memory");
    } else {
        CHECK(weir_kit_row_count(kit, "") > 0 || subject->options == NULL);
    }
    weir_kit_close(kit);
}

TEST(every_failed_allocation_is_told_and_leaves_nothing_behind)
{
    static const struct subject subjects[] = {
        {"changelog_filter", "keep = { '+I' }"},
        {"filter", "where = 'b > 1'"},
        {"map", "keep = { 'a' }, set = { c = 'b * 2' }, gauges = { g = 'b' }"},
        {"map", "set = { c = '1 / a' }, on_error = 'reject'"},
        {"union", "on_error = 'fail'"},
        {"log", NULL},
        {"null", NULL},
    };
    for (uint32_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        int has_failed = 1;
        uint64_t n = 1;
        for (; has_failed && n < 200; n++) {
            drive(&subjects[i], n, &has_failed);
        }
        CHECK(n < 200); // in the end all of them succeed
    }
    weir_kit_fail_allocation(NULL, 0);
}
