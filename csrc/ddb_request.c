/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_request.h"

/* Views that are measured and then written while they are in the first-level cache. */
enum { VIEWS_BLOCK = 1024 };

typedef enum segment_kind {
    SEGMENT_LITERAL,
    SEGMENT_COLUMN,
    SEGMENT_CAST,
    SEGMENT_ARROW_TEXT,
    SEGMENT_CODES
} segment_kind;

typedef struct segment {
    segment_kind kind;
    int column; /* for errors */
    int type;
    size_t bytes; /* wire bytes; of Arrow text known once it is settled */
    union {
        struct {
            size_t offset, size;
        } literal;
        ddb_column column;
        struct {
            ddb_cells cells;
            ddb_cast cast;
        } cast;
        ddb_arrow_text text;
        struct {
            ddb_codes codes;
            size_t map; /* offset in `maps`, which may move while it grows */
        } symbol;
    } as;
} segment;

static int next_as_producer(ddb_producer *self, ddb_piece *pieces, int max, ddb_error *error)
{
    return ddb_request_next((ddb_request *)self, pieces, max, error);
}

void ddb_request_init(ddb_request *request)
{
    memset(request, 0, sizeof *request);
    request->producer.next = next_as_producer;
}

/* Nothing is recorded; what is in `out` is one literal. */
static void forget_segments(ddb_request *request)
{
    ddb_arena_reset(&request->segments);
    ddb_arena_reset(&request->maps);
    request->literal = 0;
    request->unsettled = 0;
    request->pending_bytes = 0;
}

void ddb_request_reset(ddb_request *request, int joined)
{
    ddb_arena_reset(&request->out);
    forget_segments(request);
    request->deferred_bytes = 0;
    request->joined = joined;
    ddb_request_rewind(request);
}

void ddb_request_truncate(ddb_request *request, size_t size)
{
    request->out.size = size;
    forget_segments(request);
}

void ddb_request_trim(ddb_request *request, size_t cap)
{
    ddb_arena_trim(&request->out, cap);
    ddb_arena_trim(&request->segments, cap);
    ddb_arena_trim(&request->maps, cap);
    ddb_arena_trim(&request->block, cap);
}

void ddb_request_release(ddb_request *request)
{
    ddb_arena_release(&request->out);
    ddb_arena_release(&request->segments);
    ddb_arena_release(&request->maps);
    ddb_arena_release(&request->block);
}

static int no_memory(ddb_error *error)
{
    return ddb_fail(error, DDB_ERR_MEMORY, -1, 0);
}

int ddb_request_put(ddb_request *request, const void *data, size_t size, ddb_error *error)
{
    uint8_t *out = ddb_arena_reserve(&request->out, size);
    if (DDB_UNLIKELY(!out))
        return no_memory(error);
    memcpy(out, data, size);
    request->out.size += size;
    return DDB_OK;
}

int ddb_request_put_vector(ddb_request *request, int type, int64_t rows, ddb_error *error)
{
    uint8_t head[10] = {(uint8_t)type, DDB_FORM_VECTOR, 0, 0, 0, 0, 1, 0, 0, 0};
    int32_t count = (int32_t)rows;
    memcpy(head + 2, &count, sizeof count);
    request->type = type;
    return ddb_request_put(request, head, sizeof head, error);
}

static segment *add_segment(ddb_request *request, segment_kind kind)
{
    segment *added = (segment *)ddb_arena_reserve(&request->segments, sizeof(segment));
    if (!added)
        return NULL;
    request->segments.size += sizeof(segment);
    added->kind = kind;
    return added;
}

/* Close the literal range and append a recorded segment of about `bytes`. */
static segment *record(ddb_request *request, segment_kind kind, size_t bytes, const ddb_error *error)
{
    if (request->out.size > request->literal) {
        segment *literal = add_segment(request, SEGMENT_LITERAL);
        if (!literal)
            return NULL;
        literal->as.literal.offset = request->literal;
        literal->as.literal.size = request->out.size - request->literal;
        request->literal = request->out.size;
    }
    segment *added = add_segment(request, kind);
    if (!added)
        return NULL;
    request->pending_bytes += bytes;
    added->column = error->column;
    added->type = request->type;
    added->bytes = bytes;
    return added;
}

int ddb_request_put_column(ddb_request *request, const ddb_column *column, ddb_error *error)
{
    size_t bytes = (size_t)column->rows * ddb_column_target_size(column->conversion);

    if (bytes < DDB_DEFER_SIZE) {
        uint8_t *out = ddb_arena_reserve(&request->out, bytes);
        if (DDB_UNLIKELY(!out))
            return no_memory(error);
        int status = ddb_column_write(column, 0, column->rows, out, error);
        request->out.size += bytes;
        return status;
    }
    segment *added = record(request, SEGMENT_COLUMN, bytes, error);
    if (!added)
        return no_memory(error);
    added->as.column = *column;
    return DDB_OK;
}

int ddb_request_put_cast(ddb_request *request, const ddb_cells *cells, const ddb_cast *cast, ddb_error *error)
{
    size_t bytes = (size_t)cells->rows * ddb_cast_target_size(cast);

    if (bytes < DDB_DEFER_SIZE) {
        uint8_t *out = ddb_arena_reserve(&request->out, bytes);
        if (DDB_UNLIKELY(!out))
            return no_memory(error);
        int status = ddb_cast_write(cells, cast, 0, cells->rows, out, error);
        request->out.size += bytes;
        return status;
    }
    segment *added = record(request, SEGMENT_CAST, bytes, error);
    if (!added)
        return no_memory(error);
    added->as.cast.cells = *cells;
    added->as.cast.cast = *cast;
    return DDB_OK;
}

/* Write checked rows that make `bytes`. */
static int write_text(const ddb_arrow_text *text, uint8_t *target, size_t bytes, ddb_error *error)
{
    int64_t rows;
    size_t written;
    int status = ddb_arrow_text_write(text, 0, target, bytes, &rows, &written, error);
    if (status != DDB_OK)
        return status;
    /* changed since it was checked */
    if (rows != text->rows || written != bytes)
        return ddb_fail(error, DDB_ERR_OFFSETS, text->first_row + rows, 0);
    return DDB_OK;
}

int ddb_request_write_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error)
{
    int64_t bytes;
    int status = ddb_arrow_text_check(text, &bytes, error);
    if (status != DDB_OK)
        return status;
    uint8_t *out = ddb_arena_reserve(&request->out, (size_t)bytes);
    if (DDB_UNLIKELY(!out))
        return no_memory(error);
    status = write_text(text, out, (size_t)bytes, error);
    request->out.size += (size_t)bytes;
    return status;
}

int ddb_request_put_arrow_text(ddb_request *request, const ddb_arrow_text *text, ddb_error *error)
{
    size_t bytes = ddb_arrow_text_estimate(text);
    if (bytes < DDB_DEFER_SIZE)
        return ddb_request_write_arrow_text(request, text, error);
    segment *added = record(request, SEGMENT_ARROW_TEXT, bytes, error);
    if (!added)
        return no_memory(error);
    added->as.text = *text;
    return DDB_OK;
}

int ddb_request_put_views(ddb_request *request, const ddb_views *views, ddb_error *error)
{
    ddb_views part = *views;

    if (!ddb_arena_reserve(&request->out, (size_t)views->rows * 8))
        return no_memory(error);
    for (int64_t done = 0; done < views->rows; done += VIEWS_BLOCK) {
        int64_t bytes;
        part.rows = views->rows - done < VIEWS_BLOCK ? views->rows - done : VIEWS_BLOCK;
        part.first_row = views->first_row + done;
        part.bit_offset = views->bit_offset + done;
        part.views = views->views + done * 16;
        int status = ddb_views_measure(&part, DDB_LIMIT_TEXT, &bytes, error);
        if (status != DDB_OK)
            return status;
        uint8_t *out = ddb_arena_reserve(&request->out, (size_t)(bytes + part.rows));
        if (DDB_UNLIKELY(!out))
            return no_memory(error);
        status = ddb_views_write(&part, bytes, out, error);
        if (status != DDB_OK)
            return status;
        request->out.size += (size_t)(bytes + part.rows);
    }
    return DDB_OK;
}

int ddb_request_put_codes(ddb_request *request, const ddb_codes *codes, const int32_t *numbers, ddb_error *error)
{
    size_t bytes = (size_t)codes->rows * sizeof(int32_t);
    size_t map_bytes = ((size_t)codes->categories + 1) * sizeof(int32_t);

    if (bytes < DDB_DEFER_SIZE) {
        uint8_t *out = ddb_arena_reserve(&request->out, bytes);
        if (DDB_UNLIKELY(!out))
            return no_memory(error);
        ddb_codes_write(codes, numbers, 0, codes->rows, (int32_t *)(void *)out);
        request->out.size += bytes;
        return DDB_OK;
    }
    uint8_t *kept = ddb_arena_reserve(&request->maps, map_bytes);
    segment *added = record(request, SEGMENT_CODES, bytes, error);
    if (!kept || !added)
        return no_memory(error);
    memcpy(kept, numbers, map_bytes);
    added->as.symbol.codes = *codes;
    added->as.symbol.map = request->maps.size;
    request->maps.size += map_bytes;
    return DDB_OK;
}

static const int32_t *map_of(const ddb_request *request, const segment *source)
{
    return (const int32_t *)(const void *)(request->maps.data + source->as.symbol.map);
}

static int64_t segment_rows(const segment *source)
{
    switch (source->kind) {
    case SEGMENT_COLUMN: return source->as.column.rows;
    case SEGMENT_CAST: return source->as.cast.cells.rows;
    case SEGMENT_CODES: return source->as.symbol.codes.rows;
    default: return source->as.text.rows;
    }
}

/* Bytes of a wire cell of a recorded segment; 0: text, where they vary. */
static size_t cell_bytes(const segment *source)
{
    switch (source->kind) {
    case SEGMENT_COLUMN: return ddb_column_target_size(source->as.column.conversion);
    case SEGMENT_CAST: return ddb_cast_target_size(&source->as.cast.cast);
    case SEGMENT_CODES: return sizeof(int32_t);
    default: return 0;
    }
}

/* Write rows [first, first + count) of a recorded segment whose cells are of one size. */
static int write_cells(const ddb_request *request, const segment *source, int64_t first, int64_t count, uint8_t *target,
                       ddb_error *error)
{
    switch (source->kind) {
    case SEGMENT_COLUMN: return ddb_column_write(&source->as.column, first, count, target, error);
    case SEGMENT_CAST:
        return ddb_cast_write(&source->as.cast.cells, &source->as.cast.cast, first, count, target, error);
    default:
        ddb_codes_write(&source->as.symbol.codes, map_of(request, source), first, count, (int32_t *)(void *)target);
        return DDB_OK;
    }
}

/* A fault in a recorded segment: it is the column's that was at work when it was put. */
static int blame(ddb_request *request, const segment *source, int status, ddb_error *error)
{
    error->column = source->column;
    request->type = source->type;
    return status;
}

/* Move the literals apart and write the recorded segments, `extra` bytes together, between them. */
static int join(ddb_request *request, segment *segments, size_t count, size_t extra, ddb_error *error)
{
    ddb_arena *out = &request->out;
    if (!ddb_arena_reserve(out, extra))
        return no_memory(error);
    size_t tail = out->size - request->literal;
    size_t end = out->size + extra - tail;
    memmove(out->data + end, out->data + request->literal, tail);
    for (size_t i = count; i-- > 0;) {
        segment *source = segments + i;
        if (source->kind != SEGMENT_LITERAL) {
            end -= source->bytes;
            continue;
        }
        end -= source->as.literal.size;
        if (end != source->as.literal.offset)
            memmove(out->data + end, out->data + source->as.literal.offset, source->as.literal.size);
    }
    for (size_t i = 0; i < count; i++) {
        const segment *source = segments + i;
        if (source->kind == SEGMENT_LITERAL) {
            end += source->as.literal.size;
            continue;
        }
        int status = source->kind == SEGMENT_ARROW_TEXT
                         ? write_text(&source->as.text, out->data + end, source->bytes, error)
                         : write_cells(request, source, 0, segment_rows(source), out->data + end, error);
        if (status != DDB_OK)
            return blame(request, source, status, error);
        end += source->bytes;
    }
    out->size += extra;
    forget_segments(request);
    return DDB_OK;
}

int ddb_request_settle(ddb_request *request, ddb_error *error)
{
    segment *segments = (segment *)(void *)(request->segments.data + request->unsettled);
    size_t count = (request->segments.size - request->unsettled) / sizeof(segment);
    size_t bytes = 0;

    if (request->pending_bytes == 0)
        return DDB_OK;
    for (size_t i = 0; i < count; i++) {
        segment *source = segments + i;
        int status = DDB_OK;
        int64_t size;
        if (source->kind == SEGMENT_ARROW_TEXT) {
            status = ddb_arrow_text_check(&source->as.text, &size, error);
            source->bytes = (size_t)size;
        } else if (source->kind == SEGMENT_COLUMN && !request->joined) {
            status = ddb_column_check(&source->as.column, error);
        } else if (source->kind == SEGMENT_CAST && !request->joined) {
            status = ddb_cast_check(&source->as.cast.cells, &source->as.cast.cast, error);
        }
        if (status != DDB_OK)
            return blame(request, source, status, error);
        if (source->kind != SEGMENT_LITERAL)
            bytes += source->bytes;
    }
    if (request->joined)
        return join(request, segments, count, bytes, error);
    request->deferred_bytes += bytes;
    request->unsettled = request->segments.size;
    request->pending_bytes = 0;
    return DDB_OK;
}

size_t ddb_request_size(const ddb_request *request)
{
    return request->out.size + request->deferred_bytes;
}

void ddb_request_rewind(ddb_request *request)
{
    request->segment = 0;
    request->row = 0;
}

/* Produce cells of a deferred segment into what is left of the block. Returns rows done, or a negative status;
 * 0 rows: the block is full. */
static int64_t produce(ddb_request *request, const segment *source, ddb_piece *piece, ddb_error *error)
{
    ddb_arena *block = &request->block;
    uint8_t *out = ddb_arena_reserve(block, block->size ? 0 : DDB_BLOCK_SIZE);
    size_t left = DDB_BLOCK_SIZE - block->size;
    size_t cell = cell_bytes(source), bytes;
    int64_t rows, status;

    if (!out)
        return no_memory(error);
    if (source->kind == SEGMENT_ARROW_TEXT) {
        status = ddb_arrow_text_write(&source->as.text, request->row, out, left, &rows, &bytes, error);
    } else {
        rows = segment_rows(source) - request->row;
        if ((size_t)rows > left / cell)
            rows = (int64_t)(left / cell);
        status = write_cells(request, source, request->row, rows, out, error);
        bytes = (size_t)rows * cell;
    }
    if (status != DDB_OK)
        return status;
    piece->data = out;
    piece->size = bytes;
    block->size += bytes;
    return rows;
}

int ddb_request_next(ddb_request *request, ddb_piece *pieces, int max, ddb_error *error)
{
    const segment *segments = (const segment *)(const void *)request->segments.data;
    size_t count = request->segments.size / sizeof(segment);
    int filled = 0;

    ddb_arena_reset(&request->block);
    while (filled < max && request->segment < count) {
        const segment *source = segments + request->segment;
        if (source->kind == SEGMENT_LITERAL) {
            pieces[filled].data = request->out.data + source->as.literal.offset;
            pieces[filled++].size = source->as.literal.size;
            request->segment++;
            continue;
        }
        int64_t left = segment_rows(source) - request->row;
        int64_t done = 0;
        if (source->kind == SEGMENT_COLUMN) {
            /* Cells that must be looked at are taken a block at a time, so that they are sent while in cache. */
            int64_t part = DDB_BLOCK_SIZE / (int64_t)ddb_column_target_size(source->as.column.conversion);
            if (ddb_column_is_wire(&source->as.column) || left < part)
                part = left;
            done = ddb_column_borrow(&source->as.column, request->row, part, &pieces[filled]);
        }
        if (!done)
            done = produce(request, source, &pieces[filled], error);
        if (done < 0)
            return (int)done;
        if (!done)
            break;
        filled++;
        request->row += done;
        if (request->row == segment_rows(source)) {
            request->segment++;
            request->row = 0;
        }
    }
    /* the tail of `out` follows the last segment */
    if (request->segment == count && filled < max && request->out.size > request->literal) {
        pieces[filled].data = request->out.data + request->literal;
        pieces[filled++].size = request->out.size - request->literal;
        request->segment++;
    }
    return filled;
}
