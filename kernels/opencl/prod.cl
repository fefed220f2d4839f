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
} BODY(prod_part);

static inline BODY(prod_part) BODY(prod_join)(BODY(prod_part) a, BODY(prod_part) b) {
    int exponent = 0;
    C mantissa = frexp(a.mantissa * b.mantissa, &exponent);
    BODY(prod_part) p = {mantissa, mantissa == (C)0 ? 0 : a.exponent + b.exponent + exponent};
    return p;
}

static inline BODY(prod_part) BODY(prod_one)(C v) {
    int exponent = 0;
    C mantissa = frexp(v, &exponent);
    BODY(prod_part) p = {mantissa, exponent};
    return p;
}

static inline C BODY(prod_end)(BODY(prod_part) p) { return ldexp(p.mantissa, p.exponent); }

#else

typedef W BODY(prod_part);
static inline W BODY(prod_join)(W a, W b) { return a * b; }
static inline W BODY(prod_one)(C v) { return (W)v; }
static inline C BODY(prod_end)(W p) { return (C)p; }

#endif

static inline BODY(prod_part) BODY(prod_none)(void) { return BODY(prod_one)((C)1); }

#ifndef FUSED
TEAM_FOLD(prod_team, BODY(prod_part), BODY(prod_join))

kernel void flowrun_prod(global const T *x, global T *out, int lines, int count, int team,
                         int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local BODY(prod_part) scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    BODY(prod_part) all = BODY(prod_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(prod_join)(all, BODY(prod_one)(LOAD(T, x, from + place(i, reduced, reduced_step))));
        }
    }
    all = prod_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, BODY(prod_end)(all));
    }
}
#endif
