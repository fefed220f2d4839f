// any: whether any element over dims is not 0.
//
// x [...] → out bool without (or with, as 1) the dims; of no elements false. Bound by bytes.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

static inline int either(int a, int b) { return a || b; }

TEAM_FOLD(any_team, int, either)

kernel void flowrun_any(global const T *x, global b8 *out, int lines, int count, int team,
                        int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local int scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int all = 0;
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = all || LOAD(T, x, from + place(i, reduced, reduced_step)) != (C)0;
        }
    }
    all = any_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(b8, out, line, all);
    }
}
