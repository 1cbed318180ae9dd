from libc.stdint cimport int64_t, uint8_t

cdef extern from "ddb_scan.h" nogil:
    cdef enum:
        DDB_SCAN_PARTS

    ctypedef struct ddb_scan_part:
        int kind
        int width
        int64_t left

    ctypedef struct ddb_scan:
        size_t position
        int parts
        ddb_scan_part part[200]

    void ddb_scan_begin(ddb_scan *scan)
    int ddb_scan_go_on(ddb_scan *scan, const uint8_t *data, size_t size)
