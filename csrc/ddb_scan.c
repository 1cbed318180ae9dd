/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_scan.h"

enum { BYTES, TEXTS, BLOBS, OBJECTS, ARRAY_BLOCKS, MATRIX_CELLS };

/* Bytes of a cell; 0: not of a fixed number. */
static int cell_size(int type)
{
    switch (type) {
    case DDB_TYPE_VOID:
    case DDB_TYPE_BOOL:
    case DDB_TYPE_CHAR: return 1;
    case DDB_TYPE_SHORT: return 2;
    case DDB_TYPE_INT:
    case DDB_TYPE_DATE:
    case DDB_TYPE_MONTH:
    case DDB_TYPE_TIME:
    case DDB_TYPE_MINUTE:
    case DDB_TYPE_SECOND:
    case DDB_TYPE_DATETIME:
    case DDB_TYPE_DATEHOUR:
    case DDB_TYPE_DATEMINUTE:
    case DDB_TYPE_FLOAT:
    case DDB_TYPE_DECIMAL32: return 4;
    case DDB_TYPE_LONG:
    case DDB_TYPE_TIMESTAMP:
    case DDB_TYPE_NANOTIME:
    case DDB_TYPE_NANOTIMESTAMP:
    case DDB_TYPE_DOUBLE:
    case DDB_TYPE_DURATION:
    case DDB_TYPE_DECIMAL64: return 8;
    case DDB_TYPE_UUID:
    case DDB_TYPE_IPADDR:
    case DDB_TYPE_INT128:
    case DDB_TYPE_COMPLEX:
    case DDB_TYPE_POINT:
    case DDB_TYPE_DECIMAL128: return 16;
    default: return 0;
    }
}

static int is_decimal(int type)
{
    return type >= DDB_TYPE_DECIMAL32 && type <= DDB_TYPE_DECIMAL128;
}

static int push(ddb_scan *scan, int kind, int64_t left, int width)
{
    if (left < 0 || scan->parts == DDB_SCAN_PARTS)
        return DDB_ERR_MALFORMED;
    scan->part[scan->parts++] = (ddb_scan_part){kind, width, left};
    return DDB_OK;
}

/* What stands behind the head and counts of a scalar, vector or pair. */
static int push_cells(ddb_scan *scan, ddb_window *window, int type, int form, int64_t rows)
{
    int32_t base, symbols;
    int element = type >= DDB_TYPE_ARRAY ? type - DDB_TYPE_ARRAY : type;

    if (form != DDB_FORM_SCALAR && type == DDB_TYPE_VOID)
        return DDB_OK;
    if (form == DDB_FORM_VECTOR && type == DDB_TYPE_COMPRESS)
        return push(scan, BYTES, rows, 0); /* the count is one of bytes */
    if (type == DDB_TYPE_STRING || type == DDB_TYPE_SYMBOL)
        return push(scan, TEXTS, rows, 0);
    if (type == DDB_TYPE_BLOB)
        return push(scan, BLOBS, rows, 0);
    if (type == DDB_TYPE_FUNCTIONDEF && form == DDB_FORM_SCALAR) {
        int status = push(scan, TEXTS, 1, 0);
        return status != DDB_OK ? status : push(scan, BYTES, 1, 0);
    }
    if (type == DDB_TYPE_ANY && form == DDB_FORM_VECTOR)
        return push(scan, OBJECTS, rows, 0);
    if (type == DDB_TYPE_SYMBOL_BASE && form == DDB_FORM_VECTOR) {
        int status = ddb_read_counts(window, &base, &symbols);
        if (status == DDB_OK)
            status = push(scan, BYTES, 4 * rows, 0);
        return status != DDB_OK ? status : push(scan, TEXTS, symbols, 0);
    }
    int width = cell_size(element);
    if (!width || (element != type && (form != DDB_FORM_VECTOR || element == DDB_TYPE_VOID)))
        return DDB_ERR_MALFORMED;
    if (is_decimal(element)) {
        int32_t scale;
        int status = ddb_read_int(window, &scale);
        if (status != DDB_OK)
            return status;
    }
    return element == type ? push(scan, BYTES, rows * width, 0) : push(scan, ARRAY_BLOCKS, rows, width);
}

/* Take the head of one object and put its parts on top. Consumes nothing unless all of the head is here. */
static int open_object(ddb_scan *scan, ddb_window *window)
{
    int type, form;
    int32_t rows, columns;
    int status = ddb_read_head(window, &type, &form);

    if (status != DDB_OK)
        return status;
    switch (form) {
    case DDB_FORM_SCALAR: return push_cells(scan, window, type, form, 1);
    case DDB_FORM_VECTOR:
    case DDB_FORM_PAIR:
        status = ddb_read_counts(window, &rows, &columns);
        if (status == DDB_OK && form == DDB_FORM_PAIR && rows != 2)
            return DDB_ERR_MALFORMED;
        return status != DDB_OK ? status : push_cells(scan, window, type, form, rows);
    case DDB_FORM_SET: return push(scan, OBJECTS, 1, 0);
    case DDB_FORM_DICTIONARY:
    case DDB_FORM_CHART: return push(scan, OBJECTS, 2, 0);
    case DDB_FORM_MATRIX:
        if (window->position == window->size)
            return DDB_ERR_MORE;
        int labels = window->data[window->position++];
        status = push(scan, MATRIX_CELLS, 1, 0);
        return status != DDB_OK ? status : push(scan, OBJECTS, (labels & 1) + (labels >> 1 & 1), 0);
    case DDB_FORM_TABLE:
        status = ddb_read_counts(window, &rows, &columns);
        if (status == DDB_OK)
            status = push(scan, OBJECTS, columns, 0);
        return status != DDB_OK ? status : push(scan, TEXTS, (int64_t)columns + 1, 0);
    default: return DDB_ERR_MALFORMED;
    }
}

static int open_matrix(ddb_scan *scan, ddb_window *window)
{
    int type, form;
    int32_t rows, columns;
    int status = ddb_read_head(window, &type, &form);

    if (status == DDB_OK)
        status = ddb_read_counts(window, &rows, &columns);
    if (status != DDB_OK)
        return status;
    int64_t cells = (int64_t)rows * columns;
    if (rows < 0 || columns < 0 || cells > (int64_t)1 << 40 || !cell_size(type) || is_decimal(type))
        return DDB_ERR_MALFORMED;
    return push(scan, BYTES, cells * cell_size(type), 0);
}

/* One block: a head, a count for each of its rows, and so many cells. */
static int open_block(ddb_scan *scan, ddb_window *window, ddb_scan_part *array)
{
    int rows, width;
    uint64_t cells = 0;
    int status = ddb_read_array_head(window, array->left, &rows, &width);

    if (status != DDB_OK)
        return status;
    size_t size = (size_t)rows * (size_t)width;
    if (window->size - window->position < size)
        return DDB_ERR_MORE;
    for (size_t at = 0; at < size; at += (size_t)width) {
        uint32_t count = 0;
        memcpy(&count, window->data + window->position + at, (size_t)width);
        cells += count;
    }
    window->position += size;
    array->left -= rows;
    return push(scan, BYTES, (int64_t)cells * array->width, 0);
}

/* Go on with the part on top, as far as its bytes are here. */
static int go_on(ddb_scan *scan, ddb_window *window)
{
    ddb_scan_part *top = &scan->part[scan->parts - 1];
    size_t here = window->size - window->position;
    size_t size;
    int32_t length;
    int status;

    switch (top->kind) {
    case BYTES:
        size = (uint64_t)top->left < here ? (size_t)top->left : here;
        window->position += size;
        top->left -= (int64_t)size;
        return top->left ? DDB_ERR_MORE : DDB_OK;
    case TEXTS:
        while (top->left && ddb_read_find(window, 0, &size) == DDB_OK) {
            window->position += size + 1;
            top->left--;
        }
        if (top->left)
            window->position = window->size; /* no byte of the cell at hand need be looked at again */
        return top->left ? DDB_ERR_MORE : DDB_OK;
    case BLOBS:
        status = ddb_read_int(window, &length);
        if (status != DDB_OK)
            return status;
        top->left--;
        return push(scan, BYTES, length, 0);
    case OBJECTS:
        top->left--;
        status = open_object(scan, window);
        top->left += status == DDB_ERR_MORE;
        return status;
    case ARRAY_BLOCKS: return open_block(scan, window, top);
    default:
        top->left--;
        status = open_matrix(scan, window);
        top->left += status == DDB_ERR_MORE;
        return status;
    }
}

void ddb_scan_begin(ddb_scan *scan)
{
    scan->position = 0;
    scan->parts = 0;
    push(scan, OBJECTS, 1, 0);
}

int ddb_scan_go_on(ddb_scan *scan, const uint8_t *data, size_t size)
{
    ddb_window window = {data, size, scan->position};

    while (scan->parts) {
        if (!scan->part[scan->parts - 1].left) {
            scan->parts--;
            continue;
        }
        int parts = scan->parts;
        size_t before = window.position;
        int kind = scan->part[parts - 1].kind;
        int status = go_on(scan, &window);
        if (status == DDB_ERR_MORE && kind > TEXTS) {
            /* a head that is not all here is looked at again from its first byte */
            window.position = before;
            scan->parts = parts;
        }
        scan->position = window.position;
        if (status != DDB_OK)
            return status;
    }
    return DDB_OK;
}
