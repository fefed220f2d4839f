// sum_int: the sum of bools or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
//
// Each output has a team of work-items, each of which folds every team-th element;
// a tree in local memory joins them.

typedef long BODY(sum_int_part);
static inline long BODY(sum_int_none)(void) { return 0; }
static inline long BODY(sum_int_one)(C v) { return v; }
static inline long BODY(sum_int_join)(long a, long b) { return a + b; }
static inline long BODY(sum_int_end)(long p) { return p; }

#ifndef FUSED
TEAM_FOLD(sum_int_team, long, BODY(sum_int_join))

kernel void flowrun_sum_int(global const T *x, global i64 *out, int lines, int count, int team,
                            int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local long scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    long all = BODY(sum_int_none)();
    if (line < lines) {
        int from = place(line, kept, kept_step);
        for (int i = member; i < count; i += team) {
            all = BODY(sum_int_join)(all, LOAD(T, x, from + place(i, reduced, reduced_step)));
        }
    }
    all = sum_int_team(scratch, all, team);
    if (line < lines && member == 0) {
        STORE(i64, out, line, all);
    }
}
#endif
