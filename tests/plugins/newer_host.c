#include "common.h"

COMMON_SINK("newer_host", NULL);
COMMON_PLUGIN_OF("newer_host", sizeof plugin, WEIR_ABI_VERSION, WEIR_ABI_VERSION + 7)
