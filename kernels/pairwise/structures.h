/* Arguments of the passes over pairs and tokens, for the loops of the processor and for CUDA; after formulas.h. */
#ifndef AF_PAIRWISE_STRUCTURES
#define AF_PAIRWISE_STRUCTURES
#include <stddef.h>
#include <stdint.h>

#define PAIR_TILE 1024 /* pairs per tile, one float partial sum each: the scratch of a tile stays in the first-level cache */
#define PAIR_FACTORS 16 /* factors of a product whose logarithm is taken once */

enum { PAIR_LOSS, PAIR_CHOSEN_REWARD, PAIR_REJECTED_REWARD, PAIR_WINS, PAIR_SUMS };

/* One call: n pairs. Arrays that are NULL are absent. Log-probabilities are of the type that `storage` says, everything
 * else of the type that the loop computes in. A margin is given as `input[0]` alone. */
typedef struct {
    ptrdiff_t n;
    int formula, score, storage;
    int lengths_first;           /* lengths divide before the score map and enter rewards, not after it */
    const void *input[4];        /* chosen, rejected; the same under the reference */
    const void *length[2], *weight, *target;
    void *loss, *gradient[2], *second, *reward[2];
    int metrics;                 /* whether rewards and wins are summed */
    double *sums;                /* PAIR_SUMS per tile */
    double factor;               /* of the gradients: 1, or 1 / number of pairs */
    pair_given given;
    double exponent;             /* of the score map */
} af_pairs;

/* Rows of logits, `tokens` of them per sequence, numbered through all sequences. Strides in elements. */
typedef struct {
    void *logits;
    ptrdiff_t sequence_stride, token_stride, tokens, letters;
    int storage;
} af_token_rows;

/* What is summed over the letters of a vocabulary: the columns of LetterSums (structures.py). */
enum {
    LETTERS_FRAME, LETTERS_SUM, LETTERS_FIRST, LETTERS_SQUARE, LETTERS_TOTAL, LETTERS_TOKEN, LETTERS_TOP, LETTERS_TOP_ID,
    LETTERS_SUMS
};
#endif
