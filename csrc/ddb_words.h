/* SPDX-License-Identifier: Apache-2.0
 * Distinct texts and their numbers in order of first appearance, from 1 on; the empty text and null are 0: what a
 * symbol base is made of. Texts are borrowed: their memory must stay as it is until the words are written. Nothing
 * here needs the GIL. */
#ifndef DDB_WORDS_H
#define DDB_WORDS_H

#include "ddb_arena.h"
#include "ddb_string.h"

typedef struct ddb_words {
    ddb_arena list;  /* of each word where it lies, its size, its hash */
    ddb_arena table; /* open addressing, at most half full: number of a word, 0 for none */
    int shift;       /* the bits of a hash from this one on are its place in the table */
    int64_t count;
    size_t bytes; /* of all words together, a NUL behind each */
} ddb_words;

void ddb_words_init(ddb_words *words);
void ddb_words_release(ddb_words *words);
void ddb_words_trim(ddb_words *words, size_t cap);

/* Forget all words; needed before the first. Returns 0 or DDB_ERR_MEMORY. */
int ddb_words_begin(ddb_words *words, ddb_error *error);

/* Number `rows` NUL-terminated texts, which lie one after the other in `size` bytes. */
int ddb_words_number_terminated(ddb_words *words, const uint8_t *texts, size_t size, int64_t rows, int32_t *numbers,
                                ddb_error *error);

/* Number `count` rows of a chunk, the ones that `rows` names or (NULL) the first ones. An error names the row. */
int ddb_words_number_arrow(ddb_words *words, const ddb_arrow_text *text, const int64_t *rows, int64_t count,
                           int32_t *numbers, ddb_error *error);

/* Write the words, `bytes` bytes; whoever may have numbered a text with a NUL in it looks for it there. Terminated
 * texts may lie at `target` and behind. */
void ddb_words_write(const ddb_words *words, uint8_t *target);

/* The text of the word with this number; returns its size. */
size_t ddb_words_text(const ddb_words *words, int64_t number, const uint8_t **text);

#endif
