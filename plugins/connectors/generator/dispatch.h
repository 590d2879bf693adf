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

#endif
