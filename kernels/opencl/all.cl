// all: whether all elements over dims are not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements true. Bound by bytes.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

typedef int BODY(all_part);
static inline int BODY(all_none)(void) { return 1; }
static inline int BODY(all_one)(C v) { return v != (C)0; }
static inline int BODY(all_join)(int a, int b) { return a && b; }
static inline int BODY(all_end)(int p) { return p; }

#ifndef FUSED
TEAM_FOLD(all_team, int, BODY(all_join))

kernel void flowrun_all(global const T *x, global b8 *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local int scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int all = BODY(all_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(all_join)(all, BODY(all_one)(LOAD(T, x, from + place(i, reduced, reduced_step))));
        }
    }
    all = all_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(b8, out, line, all);
    }
}
#endif
