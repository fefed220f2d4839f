// max: the largest element over dims.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// NaN if one is NaN. Of no elements it is the least value of the type.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

// A NaN is taken over anything, and nothing over a NaN.
static inline C BODY(max_join)(C a, C b) { return b > a || IS_NAN(b) ? b : a; }

typedef C BODY(max_part);
static inline C BODY(max_none)(void) { return (C)LOWEST(T); }
static inline C BODY(max_one)(C v) { return v; }
static inline C BODY(max_end)(C p) { return p; }

#ifndef FUSED
TEAM_FOLD(max_team, C, BODY(max_join))

kernel void flowrun_max(global const T *x, global T *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local C scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    C all = BODY(max_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(max_join)(all, LOAD(T, x, from + place(i, reduced, reduced_step)));
        }
    }
    all = max_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(T, out, line, all);
    }
}
#endif
