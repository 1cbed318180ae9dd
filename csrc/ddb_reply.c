/* SPDX-License-Identifier: Apache-2.0 */
#include "ddb_reply.h"

#include "ddb_wire.h"

/* The line that begins at `start`: its size without LF and without a CR before it. Sets where the next one begins. */
static int find_line(const uint8_t *data, size_t size, size_t start, size_t *length, size_t *next)
{
    const uint8_t *line = data + start;
    const uint8_t *end = start < size ? memchr(line, '\n', size - start) : NULL;

    if (!end)
        return size - start > DDB_REPLY_LIMIT ? DDB_ERR_MALFORMED : DDB_ERR_MORE;
    *length = (size_t)(end - line);
    *next = start + *length + 1;
    if (*length && line[*length - 1] == '\r')
        --*length;
    return *length > DDB_REPLY_LIMIT ? DDB_ERR_MALFORMED : DDB_OK;
}

/* ``wire: <session> <objects> <endian>``: are there exactly three fields, the second a number? `none`: it is 0. */
static int is_header(const uint8_t *line, size_t length, int *none)
{
    const uint8_t *end = line + length;
    const uint8_t *first = memchr(line, ' ', length);
    if (!first)
        return 0;
    const uint8_t *objects = first + 1;
    const uint8_t *second = memchr(objects, ' ', (size_t)(end - objects));
    if (!second || second == objects || memchr(second + 1, ' ', (size_t)(end - second - 1)))
        return 0;
    for (const uint8_t *digit = objects; digit < second; digit++)
        if (*digit < '0' || *digit > '9')
            return 0;
    *none = second - objects == 1 && *objects == '0';
    return 1;
}

int ddb_reply_next(const uint8_t *data, size_t size, ddb_reply *reply)
{
    size_t length, body, next;
    int none;
    int status = find_line(data, size, 0, &length, &next);

    reply->text = data;
    reply->text_size = size;
    if (status != DDB_OK)
        return status;
    reply->text_size = length;
    if (length == 3 && memcmp(data, "MSG", 3) == 0) {
        const uint8_t *end = next < size ? memchr(data + next, 0, size - next) : NULL;
        if (!end || (size_t)(end - data) - next > DDB_REPLY_LIMIT)
            return size - next > DDB_REPLY_LIMIT ? DDB_ERR_MALFORMED : DDB_ERR_MORE;
        reply->kind = DDB_REPLY_MESSAGE;
        reply->text = data + next;
        reply->text_size = (size_t)(end - reply->text);
        reply->size = next + reply->text_size + 1;
        return DDB_OK;
    }
    if (!is_header(data, length, &none))
        return DDB_ERR_MALFORMED;
    body = next;
    status = find_line(data, size, body, &length, &next);
    if (status != DDB_OK)
        return status;
    reply->size = next;
    if (length != 2 || memcmp(data + body, "OK", 2) != 0) {
        reply->kind = DDB_REPLY_ERROR;
        reply->text = data + body;
        reply->text_size = length;
        return DDB_OK;
    }
    if (none) {
        reply->kind = DDB_REPLY_VOID;
        return DDB_OK;
    }
    if (size - next < 2)
        return DDB_ERR_MORE;
    if (data[next] != DDB_TYPE_INT || data[next + 1] != DDB_FORM_SCALAR) {
        reply->kind = DDB_REPLY_OBJECT;
        return DDB_OK;
    }
    if (size - next < 2 + sizeof(int32_t))
        return DDB_ERR_MORE;
    memcpy(&reply->value, data + next + 2, sizeof(int32_t));
    reply->kind = DDB_REPLY_INT;
    reply->size = next + 2 + sizeof(int32_t);
    return DDB_OK;
}
