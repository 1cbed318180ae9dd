/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_kernels.h"

/* Loads and stores go through memcpy: numpy arrays may be unaligned, the wire always is. Compilers turn
 * them into plain (vector) moves. */
#define LOAD(T, p, i) ddb_load_##T((const char *)(p) + (size_t)(i) * sizeof(T))
#define STORE(T, p, i, v) ddb_store_##T((char *)(p) + (size_t)(i) * sizeof(T), (v))
#define LOADER(T)                                                                                                      \
    DDB_INLINE T ddb_load_##T(const char *p)                                                                           \
    {                                                                                                                  \
        T v;                                                                                                           \
        memcpy(&v, p, sizeof v);                                                                                       \
        return v;                                                                                                      \
    }
#define ACCESS(T)                                                                                                      \
    LOADER(T)                                                                                                          \
    DDB_INLINE void ddb_store_##T(char *p, T v)                                                                        \
    {                                                                                                                  \
        memcpy(p, &v, sizeof v);                                                                                       \
    }
ACCESS(uint8_t)
ACCESS(uint16_t)
ACCESS(uint32_t)
ACCESS(uint64_t)
LOADER(int8_t)
ACCESS(int16_t)
ACCESS(int32_t)
ACCESS(int64_t)

#define F32_EXPONENT UINT32_C(0x7f800000)
#define F64_EXPONENT UINT64_C(0x7ff0000000000000)

enum { NS_PER_US = 1000 };

/* INT32_MIN itself would read as NULL, so it is outside too. */
DDB_INLINE int64_t is_bad_second(int64_t v)
{
    return (int64_t)((v > INT32_MAX) | (v <= INT32_MIN)) & (int64_t)(v != INT64_MIN);
}

DDB_INLINE int64_t is_bad_microsecond(int64_t v)
{
    return (int64_t)((v > INT64_MAX / NS_PER_US) | (v < -(INT64_MAX / NS_PER_US))) & (int64_t)(v != INT64_MIN);
}

/* Eight bits that begin anywhere: the second byte is read only if some of them are in it. */
DDB_INLINE uint32_t load_bits(const uint8_t *bitmap, int64_t bit)
{
    const uint8_t *place = bitmap + (bit >> 3);
    int shift = (int)(bit & 7);
    return (uint32_t)(place[0] >> shift) | (shift ? (uint32_t)place[1] << (8 - shift) : 0);
}

/* The second look, at columns that have a bad cell: speed does not matter. */
static DDB_NOINLINE int64_t first_bad_second(const void *source, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (is_bad_second(LOAD(int64_t, source, i)))
            return i;
    return -1;
}

static DDB_NOINLINE int64_t first_bad_microsecond(const void *source, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (is_bad_microsecond(LOAD(int64_t, source, i)))
            return i;
    return -1;
}

static DDB_NOINLINE int64_t first_bad_u64(const void *source, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (LOAD(uint64_t, source, i) > INT64_MAX)
            return i;
    return -1;
}

#define NAMED(x) baseline_##x
#define TARGET
#define LEVEL "baseline"
#include "ddb_kernels_body.inc"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#define NAMED(x) avx2_##x
#define TARGET __attribute__((target("avx2")))
#define LEVEL "avx2"
#include "ddb_kernels_body.inc"

/* Left to itself GCC vectorizes with half of the register's width. clang has no such attribute. */
#ifdef __clang__
#define WIDTH_512
#else
#define WIDTH_512 ",prefer-vector-width=512"
#endif

#define NAMED(x) avx512_##x
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl" WIDTH_512)))
#define LEVEL "avx512"
#include "ddb_kernels_body.inc"

const ddb_kernels *ddb_kernels_select(int level)
{
    __builtin_cpu_init();
    if (level >= DDB_KERNELS_AVX512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return &avx512_set;
    if (level >= DDB_KERNELS_AVX2 && __builtin_cpu_supports("avx2"))
        return &avx2_set;
    return &baseline_set;
}

#else

const ddb_kernels *ddb_kernels_select(int level)
{
    (void)level;
    return &baseline_set;
}

#endif
