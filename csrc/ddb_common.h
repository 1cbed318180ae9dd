/* SPDX-License-Identifier: Apache-2.0
 * Macros, the piece, and the producer: what every other header may use. */
#ifndef DDB_COMMON_H
#define DDB_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire is little-endian and so must be the host"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define DDB_LIKELY(x) __builtin_expect(!!(x), 1)
#define DDB_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define DDB_INLINE static inline __attribute__((always_inline))
#define DDB_NOINLINE __attribute__((noinline))
#define DDB_OPAQUE(x) __asm__ volatile("" : "+r"(x)) /* the compiler knows nothing of x from here on */
#define DDB_PREFETCH(p) __builtin_prefetch(p)
#else
#define DDB_LIKELY(x) (x)
#define DDB_UNLIKELY(x) (x)
#define DDB_INLINE static inline
#define DDB_NOINLINE
#define DDB_OPAQUE(x) (void)(x)
#define DDB_PREFETCH(p) (void)(p)
#endif

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE floats are sent as they lie in memory");
_Static_assert(sizeof(void *) == 8, "row counts and sizes are 64-bit");

/* Bytes to be sent. Laid out like struct iovec, so that the link hands an array of them to the kernel. */
typedef struct ddb_piece {
    const void *data;
    size_t size;
} ddb_piece;

struct ddb_error;

/* Something that yields pieces until it has no more. `next` fills at most `max` pieces, valid until the
 * next call; returns their number, 0 at the end, or a negative status with `error` filled. */
typedef struct ddb_producer {
    int (*next)(struct ddb_producer *self, ddb_piece *pieces, int max, struct ddb_error *error);
} ddb_producer;

#endif
