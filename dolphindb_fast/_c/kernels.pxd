from libc.stdint cimport int32_t, int64_t, uint8_t

cdef extern from "ddb_kernels.h" nogil:
    ctypedef enum ddb_conversion:
        DDB_CONV_COPY8
        DDB_CONV_COPY16
        DDB_CONV_COPY32
        DDB_CONV_COPY64
        DDB_CONV_F32_FLOAT
        DDB_CONV_F64_DOUBLE
        DDB_CONV_U8_SHORT
        DDB_CONV_U16_INT
        DDB_CONV_U32_LONG
        DDB_CONV_U64_LONG
        DDB_CONV_I64S_DATETIME
        DDB_CONV_I64US_NANOTIMESTAMP
        DDB_CONV_COUNT

    ctypedef enum ddb_kernel_level:
        DDB_KERNELS_BASELINE
        DDB_KERNELS_AVX2
        DDB_KERNELS_AVX512
        DDB_KERNELS_COUNT

    ctypedef struct ddb_kernels:
        const char *name
        int64_t (*count_zeros)(const uint8_t *data, size_t size)

    const ddb_kernels *ddb_kernels_select(int level)
