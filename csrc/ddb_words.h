/* SPDX-License-Identifier: Apache-2.0
 * Distinct texts and their numbers in order of first appearance, from 1 on; the empty text and null are 0: what a
 * symbol base is made of. Texts are borrowed: their memory must stay as it is while the words are used. */
#ifndef DDB_WORDS_H
#define DDB_WORDS_H

#include "ddb_arena.h"
#include "ddb_string.h"

typedef struct ddb_words {
    ddb_arena list;  /* of each word where it lies, its size, its hash */
    ddb_arena table; /* open addressing: number of a word, 0 for none */
    int64_t count;
    int64_t bytes; /* of all words together, a NUL behind each */
} ddb_words;

void ddb_words_init(ddb_words *words);
void ddb_words_release(ddb_words *words);

/* Number `count` rows of a chunk, the ones that `rows` names or (NULL) the first ones. An error names the row. */
int ddb_words_number(ddb_words *words, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                     int32_t *numbers, ddb_error *error);

/* Write the words, `bytes` bytes. Returns 0, or the number of the first that holds a NUL. */
int64_t ddb_words_write(const ddb_words *words, uint8_t *target);

/* The text of the word with this number. */
int64_t ddb_words_text(const ddb_words *words, int64_t number, const uint8_t **text);

#endif
