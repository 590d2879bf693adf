// Run-time dispatch: a plain loop marked DISPATCH_AVX2 is compiled twice, and the processor chooses
// at load time. Where the compiler cannot do that well (clang, sanitizers) the base version runs.
#ifndef BASE_DISPATCH_H
#define BASE_DISPATCH_H

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define DISPATCH_AVX2 __attribute__((target_clones("avx2", "default")))
#else
#define DISPATCH_AVX2
#endif

// For functions that are compiled for one kind of processor and called after asking for it below.
#if defined(__x86_64__)
#define DISPATCH_TARGET_AVX2 __attribute__((target("avx2")))
#if defined(__clang__)
#define DISPATCH_TARGET_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq")))
#else
#define DISPATCH_TARGET_AVX512 \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512")))
#endif
#endif

static inline int dispatch_has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") != 0;
#else
    return 0;
#endif
}

static inline int dispatch_has_avx512(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
#else
    return 0;
#endif
}

#endif
