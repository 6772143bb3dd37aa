/* The loops of kernels/common: moments and elementwise functions. */
#define AF_LOOPS "common/loops.inc"
#include "alignment_fast/af_simd.h"
#include "digest.h"

enum { POINTS = 3 * AF_BLOCK + 17, BLOCKS = 4 };

static void run(const af_table *table, double low, double high, const char *range) {
    static double x[POINTS], y[POINTS];
    static float xf[POINTS], yf[POINTS];
    char label[80];
    spread(x, POINTS, low, high);
    for (int i = 0; i < POINTS; ++i) xf[i] = (float)x[i];
#define REPORT(name) \
    table->map_##name##_f64(POINTS, x, y); \
    snprintf(label, sizeof label, "%s_f64%s", #name, range); \
    report_values(table->isa, label, y, POINTS); \
    table->map_##name##_f32(POINTS, xf, yf); \
    for (int i = 0; i < POINTS; ++i) y[i] = yf[i]; \
    snprintf(label, sizeof label, "%s_f32%s", #name, range); \
    report_values(table->isa, label, y, POINTS);
    AF_SIDE_MAPS(REPORT)
    AF_MAPS(REPORT)
    af_moments blocks[BLOCKS], total = {0};
    table->moments_blocks(POINTS, x, 0, BLOCKS, blocks);
    table->moments_fold(BLOCKS, blocks, &total);
    report(table->isa, range, blocks, sizeof blocks);
    report(table->isa, range, &total, sizeof total);
}

int main(void) {
    const char *const variants[] = {"baseline", "avx2", "avx512"};
    for (int v = 0; v < 3; ++v) {
        const af_table *table = af_select(variants[v]);
        if (table == NULL) continue;
        run(table, 0.0, 1.0, "[0,1)");
        run(table, -40.0, 40.0, "[-40,40)");
        run(table, -800.0, 800.0, "[-800,800)");
    }
    return 0;
}
