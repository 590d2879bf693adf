// What every header of the SDK rests on: the version of the ABI, the export mark, the result codes.
//
// Rules of the ABI, kept by tests/sdk/abi: a public struct starts with `uint32_t size` (filled by
// the side that allocates it) and only ever grows at its end; a struct that stands in an array or
// inside another one is frozen and says so. Fields are fixed-width integers, floats and pointers.
// Strings are UTF-8 and end in NUL unless a length stands beside them.
#ifndef WEIR_ABI_H
#define WEIR_ABI_H

#include <stdint.h>

// A version is major << 16 | minor. A host loads plugins of its own major version that need no
// newer minor one.
#define WEIR_ABI_MAJOR 1u
#define WEIR_ABI_MINOR 0u
#define WEIR_ABI_VERSION (WEIR_ABI_MAJOR << 16 | WEIR_ABI_MINOR)

#ifdef __cplusplus
#define WEIR_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define WEIR_EXPORT __attribute__((visibility("default")))
#endif

// What a call returns: 0, one of these results, or one of the error classes below. Any other value
// counts as FATAL and is reported as the plugin's fault.
#define WEIR_OK 0
#define WEIR_MORE 1 // process: call me again with the same batch; poll: there is more at once
// poll: nothing now; process, end_input, timer, watermark: cannot take this now. Call me again
// (with the same batch) at the time given to weir_wake_at, or when something wakes me.
#define WEIR_WAIT 2
#define WEIR_END 3 // poll: this source has ended

#define WEIR_ERROR_CONFIG (-1001) // an option is wrong: the pipeline is invalid
#define WEIR_ERROR_DATA (-1002)   // a row is wrong: the stage's on_error decides
#define WEIR_ERROR_RETRY (-1003)  // passes by itself (a busy file, a peer away): call again later
#define WEIR_ERROR_FATAL (-1004)  // this job cannot go on
#define WEIR_ERROR_UNSUPPORTED (-1005) // asked for something that this build or plugin cannot do

#endif
