// prod: the product of x over dims.
//
// x [...] → out without (or with, as 1) the dims. i64 wraps around. Bound by bytes.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.
// A product of floats is kept as mantissa and exponent: no part of it overflows
// before the whole does.

#if IS_FLOAT(T)

// mantissa · 2^exponent.
typedef struct {
    C mantissa;
    int exponent;
} product;

static inline product multiply(product a, product b) {
    int exponent = 0;
    C mantissa = frexp(a.mantissa * b.mantissa, &exponent);
    product p = {mantissa, mantissa == (C)0 ? 0 : a.exponent + b.exponent + exponent};
    return p;
}

static inline product start(C v) {
    int exponent = 0;
    C mantissa = frexp(v, &exponent);
    product p = {mantissa, exponent};
    return p;
}

static inline C end(product p) { return ldexp(p.mantissa, p.exponent); }

#else

typedef W product;
static inline product multiply(product a, product b) { return a * b; }
static inline product start(C v) { return (W)v; }
static inline C end(product p) { return (C)p; }

#endif

TEAM_FOLD(prod_team, product, multiply)

kernel void flowrun_prod(global const T *x, global T *out, int lines, int count, int team,
                         int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local product scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    product all = start((C)1);
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = multiply(all, start(LOAD(T, x, from + place(i, reduced, reduced_step))));
        }
    }
    all = prod_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, end(all));
    }
}
