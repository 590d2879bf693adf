#include "common.h"

COMMON_SINK("small_struct", NULL);
COMMON_PLUGIN_OF("small_struct", 8, WEIR_ABI_VERSION, WEIR_ABI_VERSION)
