// min: the smallest element over dims.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// NaN if one is NaN. Of no elements it is the greatest value of the type.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

// A NaN is taken over anything, and nothing over a NaN.
static inline C BODY(min_join)(C a, C b) { return b < a || IS_NAN(b) ? b : a; }

typedef C BODY(min_part);
static inline C BODY(min_none)(void) { return (C)HIGHEST(T); }
static inline C BODY(min_one)(C v) { return v; }
static inline C BODY(min_end)(C p) { return p; }

#ifndef FUSED
TEAM_FOLD(min_team, C, BODY(min_join))

kernel void flowrun_min(global const T *x, global T *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local C scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    C all = BODY(min_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(min_join)(all, LOAD(T, x, from + place(i, reduced, reduced_step)));
        }
    }
    all = min_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, all);
    }
}
#endif
