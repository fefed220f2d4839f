// The training run of graphs/math_net.yaml in plain C: hand-written for this one
// network, and a bound that no general program can beat.
//
//   gcc -O3 -march=native -o math_net math_net.c -lm
//   ./math_net --max-steps N
//
// Problems are drawn as in flowrun, with Philox 4x32-10 by step, but with different
// keys, so the numbers differ. Weights are stored [in][out], so that each loop over
// outputs becomes one or two vector instructions.

#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BITS = 4, IN = 2 * BITS, HIDDEN = 16, OUT = BITS + 1 };

static const float lr = 0.1f, decay = 0.999f;
static float w1[IN][HIDDEN], w2[HIDDEN][HIDDEN], w3[HIDDEN][OUT];

// philox is Philox 4x32-10 of Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3" (SC11); only the first word is used.
static uint32_t philox(uint64_t counter, uint64_t block, uint64_t key) {
    uint32_t c0 = block, c1 = block >> 32, c2 = counter, c3 = counter >> 32;
    uint32_t k0 = key, k1 = key >> 32;
    for (int i = 0; i < 10; i++) {
        uint64_t p0 = 0xd2511f53ull * c0, p1 = 0xcd9e8d57ull * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, c1 = p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1, c3 = p0;
        k0 += 0x9e3779b9, k1 += 0xbb67ae85;
    }
    return c0;
}

// init draws weights between -1/sqrt(in) and 1/sqrt(in).
static void init(float *w, int in, int out, uint64_t key) {
    for (int i = 0; i < in * out; i++)
        w[i] = (2 * (philox(0, i, key) * 0x1p-32f) - 1) / sqrtf(in);
}

// linear is y = x w: x [in], w [in][out], y [out].
#define LINEAR(y, x, w, in, out)                            \
    do {                                                    \
        for (int j = 0; j < out; j++) y[j] = 0;             \
        for (int i = 0; i < in; i++)                        \
            for (int j = 0; j < out; j++) y[j] += x[i] * w[i][j]; \
    } while (0)

// silu is a = h sigmoid(h), and da its derivative.
static inline void silu(float a[HIDDEN], float da[HIDDEN], const float h[HIDDEN]) {
    for (int i = 0; i < HIDDEN; i++) {
        float s = 1 / (1 + expf(-h[i]));
        a[i] = h[i] * s;
        da[i] = s * (1 + h[i] * (1 - s));
    }
}

// step trains on the problem of one step and returns its loss and the fraction of
// correct bits.
static void step(int64_t t, float *loss, float *accuracy) {
    uint32_t a = philox(t, 0, 1) >> (32 - BITS), b = philox(t, 0, 2) >> (32 - BITS);
    float x[IN], target[OUT];
    for (int i = 0; i < BITS; i++) {
        x[i] = a >> i & 1;
        x[BITS + i] = b >> i & 1;
    }
    for (int i = 0; i < OUT; i++) target[i] = (a + b) >> i & 1;

    float h1[HIDDEN], a1[HIDDEN], d1[HIDDEN], h2[HIDDEN], a2[HIDDEN], d2[HIDDEN], y[OUT];
    LINEAR(h1, x, w1, IN, HIDDEN);
    silu(a1, d1, h1);
    LINEAR(h2, a1, w2, HIDDEN, HIDDEN);
    silu(a2, d2, h2);
    LINEAR(y, a2, w3, HIDDEN, OUT);

    float dy[OUT];
    int right = 0;
    *loss = 0;
    for (int i = 0; i < OUT; i++) {
        float e = y[i] - target[i];
        *loss += e * e / OUT;
        right += fabsf(e) < 0.5f;
        dy[i] = 2 * e / OUT;
    }
    *accuracy = (float)right / OUT;

    // Each weight is used for the gradient of the layer before it, then updated.
    float g2[HIDDEN], g1[HIDDEN] = {0};
    for (int i = 0; i < HIDDEN; i++) {
        float g = 0;
        for (int j = 0; j < OUT; j++) {
            g += w3[i][j] * dy[j];
            w3[i][j] -= lr * a2[i] * dy[j];
        }
        g2[i] = g * d2[i];
    }
    for (int i = 0; i < HIDDEN; i++) {
        for (int j = 0; j < HIDDEN; j++) {
            g1[i] += w2[i][j] * g2[j];
            w2[i][j] -= lr * a1[i] * g2[j];
        }
        g1[i] *= d1[i];
    }
    for (int i = 0; i < IN; i++)
        for (int j = 0; j < HIDDEN; j++) w1[i][j] -= lr * x[i] * g1[j];
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    if (argc != 3 || strcmp(argv[1], "--max-steps") || atoll(argv[2]) < 1) {
        fprintf(stderr, "usage: math_net --max-steps N\n");
        return 2;
    }
    int64_t limit = atoll(argv[2]), t = 0;
    init(&w1[0][0], IN, HIDDEN, 3);
    init(&w2[0][0], HIDDEN, HIDDEN, 4);
    init(&w3[0][0], HIDDEN, OUT, 5);

    float loss = 0, accuracy = 0, loss_sum = 0, accuracy_sum = 0, remaining = 1;
    int stop = 0;
    double start = now();
    while (t < limit && !stop) {
        float l, a;
        step(t++, &l, &a);
        remaining *= decay; // decay ** t
        loss_sum = decay * loss_sum + (1 - decay) * l;
        accuracy_sum = decay * accuracy_sum + (1 - decay) * a;
        loss = loss_sum / (1 - remaining);
        accuracy = accuracy_sum / (1 - remaining);
        stop = t >= 1000 && accuracy >= 0.995f;
    }
    double seconds = now() - start;
    printf("{\"steps\": %lld, \"stopped\": \"%s\", \"seconds\": %.9f, "
           "\"metrics\": {\"loss\": %.6f, \"accuracy\": %.6f}, \"version\": \"gcc %d.%d.%d\"}\n",
           (long long)t, stop ? "until" : "max_steps", seconds, loss, accuracy,
           __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
}
