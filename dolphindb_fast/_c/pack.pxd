from libc.stdint cimport int64_t, uint8_t, uint64_t

from .compress cimport ddb_compressed

cdef extern from "ddb_pack.h" nogil:
    cdef enum:
        DDB_PACKED_HEAD

    void ddb_pack_head(const ddb_compressed *head, size_t bytes, uint8_t *target)

    cdef enum ddb_cut_kind:
        DDB_CUT_CELLS
        DDB_CUT_TEXT
        DDB_CUT_ARRAY

    ctypedef struct ddb_cut:
        int kind
        size_t cell_size
        uint64_t cells

    size_t ddb_cut_next(ddb_cut *cut, const uint8_t *data, size_t size)
    size_t ddb_delta_bound(int64_t count)
    int ddb_delta_encode(const void *values, int unit, int64_t count, uint8_t *target, size_t *size)
