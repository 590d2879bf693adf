// Run-time dispatch: a plain loop marked DISPATCH is compiled for several instruction sets, and the
// processor chooses at load time. Where the compiler cannot do that well (clang, sanitizers) the
// base version runs. All versions give the same bits: meson.build forbids fused multiply-add.
#ifndef GENERATOR_DISPATCH_H
#define GENERATOR_DISPATCH_H

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define DISPATCH __attribute__((target_clones("avx2", "default")))
#else
#define DISPATCH
#endif

// AVX-512 can multiply 64-bit numbers, which AVX2 has to put together: worth a version of its own
// where that is most of the work. target_clones of gcc 12 does not know it.
#if defined(__x86_64__)
#define TARGET_AVX512 __attribute__((target("avx512f,avx512dq")))
static inline int has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
}
#else
#define TARGET_AVX512
static inline int has_avx512(void)
{
    return 0;
}
#endif
#define INTO_EACH static inline __attribute__((always_inline))

#endif
