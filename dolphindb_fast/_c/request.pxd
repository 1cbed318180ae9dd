from libc.stdint cimport int32_t, int64_t

from .arena cimport ddb_arena
from .arrow cimport ddb_views
from .cast cimport ddb_cast, ddb_cells
from .column cimport ddb_column
from .common cimport ddb_piece, ddb_producer
from .status cimport ddb_error
from .string cimport ddb_arrow_text, ddb_codes

cdef extern from "ddb_request.h" nogil:
    cdef enum:
        DDB_BLOCK_SIZE
        DDB_DEFER_SIZE

    ctypedef struct ddb_request:
        ddb_producer producer
        ddb_arena out
        ddb_arena segments
        ddb_arena maps
        ddb_arena block
        size_t literal
        size_t deferred_bytes
        size_t unsettled
        size_t pending_bytes
        int joined
        int type
        size_t segment
        int64_t row

    void ddb_request_init(ddb_request *request)
    void ddb_request_reset(ddb_request *request, int joined)
    void ddb_request_truncate(ddb_request *request, size_t size)
    void ddb_request_trim(ddb_request *request, size_t cap)
    void ddb_request_release(ddb_request *request)
    int ddb_request_put(ddb_request *request, const void *data, size_t size, ddb_error *error)
    int ddb_request_put_vector(ddb_request *request, int type, int64_t rows, ddb_error *error)
    int ddb_request_put_column(ddb_request *request, const ddb_column *column, ddb_error *error)
    int ddb_request_put_cast(ddb_request *request, const ddb_cells *cells, const ddb_cast *cast, ddb_error *error)
    int ddb_request_write_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error)
    int ddb_request_put_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error)
    int ddb_request_put_views(ddb_request *request, const ddb_views *views, ddb_error *error)
    int ddb_request_put_codes(ddb_request *request, const ddb_codes *codes, const int32_t *numbers, ddb_error *error)
    int ddb_request_settle(ddb_request *request, ddb_error *error)
    size_t ddb_request_size(const ddb_request *request)
    void ddb_request_rewind(ddb_request *request)
    int ddb_request_next(ddb_request *request, ddb_piece *pieces, int max, ddb_error *error)
